#pragma once

// Addresses of the reference backend's memory.

#include <cstddef>
#include <cstdint>

#include "core/error.h"

namespace nacre::reference {

// Set in every address that the backend hands out. No system maps user memory there, so that code
// of the host that dereferences one faults instead of working by luck.
inline constexpr uintptr_t kDeviceBit = uintptr_t{1} << 54;

inline void* to_device(void* host) {
  return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(host) | kDeviceBit);
}

// A null pointer, for a tensor without elements, stays null.
inline void* to_host(void* device) {
  const auto address = reinterpret_cast<uintptr_t>(device);
  if (address == 0) return nullptr;
  if (!(address & kDeviceBit)) {
    throw InternalError("The reference backend was given an address that is not its own.");
  }
  return reinterpret_cast<void*>(address & ~kDeviceBit);
}

inline const void* to_host(const void* device) { return to_host(const_cast<void*>(device)); }

void* allocate(size_t bytes);
void release(void* memory, size_t bytes);
void copy_in(void* device, const void* host_memory, size_t bytes);
void copy_out(void* host_memory, const void* device, size_t bytes);
void copy(void* to, const void* from, size_t bytes);

}  // namespace nacre::reference
