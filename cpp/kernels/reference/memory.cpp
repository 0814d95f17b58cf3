#include "kernels/reference/memory.h"

#include <cstring>
#include <new>

#include "core/memory.h"

namespace nacre::reference {

namespace {

constexpr std::align_val_t kAlignment{kMemoryAlignment};

}  // namespace

void* allocate(size_t bytes) {
  // Nothing is added behind the end: a memory checker sees every access past it.
  void* memory = nullptr;
  if (bytes <= memory_limit()) {
    memory = ::operator new(bytes ? bytes : 1, kAlignment, std::nothrow);
  }
  if (!memory) throw_out_of_memory("The reference backend", bytes);
  return to_device(memory);
}

void release(void* memory, size_t) {
  if (memory) ::operator delete(to_host(memory), kAlignment);
}

void copy_in(void* device, const void* host_memory, size_t bytes) {
  if (bytes) std::memcpy(to_host(device), host_memory, bytes);
}

void copy_out(void* host_memory, const void* device, size_t bytes) {
  if (bytes) std::memcpy(host_memory, to_host(device), bytes);
}

void copy(void* to, const void* from, size_t bytes) {
  if (bytes) std::memmove(to_host(to), to_host(from), bytes);
}

}  // namespace nacre::reference
