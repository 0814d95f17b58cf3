#pragma once

// From random bits to float32 numbers, as a function table. Plain C types only.

#include <cstdint>

namespace nacre::cpu {

// n is any number; `bits` and `out` are padded to 16 elements.
struct RandomTable {
  void (*uniform)(const uint32_t* bits, float* out, int64_t n);
  void (*normal)(const uint32_t* bits, float* out, int64_t n);  // pairs: n is rounded up to even
  void (*truncated_normal)(const uint32_t* bits, float* out, int64_t n);
};

}  // namespace nacre::cpu
