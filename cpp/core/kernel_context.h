#pragma once

// What a kernel may see besides its operands. Plain C types only: this header is included by the
// files compiled once per instruction set, which must not emit C++ library templates.

#include <cstddef>
#include <cstdint>

namespace nacre {

// Bits of the status word. A kernel that meets bad data sets a bit and goes on with a harmless
// value; the program looks at the word before it commits anything.
enum Status : uint32_t {
  kStatusOk = 0,
  kStatusBadLabel = 1u << 0,     // class label outside [0, classes)
  kStatusBadIndex = 1u << 1,     // gather or scatter index out of range
  kStatusBadArgument = 1u << 2,  // e.g. integer division by zero
  kStatusInterrupted = 1u << 3,  // the user asked to stop
  kStatusNonFinite = 1u << 4,    // a checked value is not finite
};

struct KernelContext {
  // Calls fn(arg, chunk) for every chunk in [0, chunks), on any threads, and returns when all are
  // done. Chunk edges must follow from shapes and the instruction set only, never from `threads`.
  void (*parallel)(const KernelContext& context, int64_t chunks,
                   void (*fn)(void* arg, int64_t chunk), void* arg);
  void* pool;
  int threads;        // only to decide whether going parallel can pay; never for partitions
  uint32_t* status;   // set with set_status
  int64_t* offender;  // first bad label or index, for the message
  char* workspace;    // 64-byte aligned, as many bytes as the kernel asked for
};

inline void set_status(const KernelContext& context, Status bit, int64_t offender = 0) {
  const uint32_t before = __atomic_fetch_or(context.status, bit, __ATOMIC_RELAXED);
  if (!(before & bit)) __atomic_store_n(context.offender, offender, __ATOMIC_RELAXED);
}

// Runs body(chunk) for every chunk; a lambda is passed without any library type.
template <class Body>
inline void parallel_for(const KernelContext& context, int64_t chunks, Body&& body) {
  if (chunks <= 1) {
    if (chunks == 1) body(0);
    return;
  }
  auto* arg = &body;
  context.parallel(
      context, chunks,
      [](void* opaque, int64_t chunk) { (*static_cast<decltype(arg)>(opaque))(chunk); },
      const_cast<void*>(static_cast<const void*>(arg)));
}

}  // namespace nacre
