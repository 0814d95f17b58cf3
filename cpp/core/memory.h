#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace nacre {

inline constexpr size_t kMemoryAlignment = 64;
// Long arrays start at multiples of this. A processor compares the addresses of a load and of the
// stores before it by their low 12 bits, and waits when these agree: kernels that stream through
// several arrays at once would often do so if the arrays' starts were a few cache lines apart.
inline constexpr size_t kStreamAlignment = 1024;
inline constexpr size_t kStreamBytes = size_t{1} << 15;

inline constexpr size_t memory_alignment(size_t bytes) {
  return bytes >= kStreamBytes ? kStreamAlignment : kMemoryAlignment;
}

// Host memory for tensors and arenas: 64-byte aligned, with 64 more bytes behind the end that a
// kernel may read (they are zero). Large blocks are backed by huge pages where the system has them.
// nullptr when the machine cannot hold that much: then say what for, with throw_out_of_memory.
void* allocate_host(size_t bytes);
void release_host(void* memory);

struct HostDeleter {
  void operator()(void* memory) const { release_host(memory); }
};
using HostBlock = std::unique_ptr<void, HostDeleter>;

// Throws MemoryError "<what> needs N bytes, ...".
[[noreturn]] void throw_out_of_memory(const std::string& what, size_t bytes);

// What this process may use: physical memory, or the limit of its container when that is less.
size_t memory_limit();

}  // namespace nacre
