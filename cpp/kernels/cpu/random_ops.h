#pragma once

// From random bits to float32 numbers, as a function table. Plain C types only.

#include <cstdint>

namespace nacre::cpu {

// n is any number; `bits` and `out` are padded to 16 elements.
struct RandomTable {
  // Philox words of the blocks [first, first + blocks) of the stream (seed, counter), as
  // core/rng.h defines them. `out` is padded to a multiple of 128 words.
  void (*words)(uint32_t seed, uint32_t counter, uint64_t first, int64_t blocks, uint32_t* out);
  void (*uniform)(const uint32_t* bits, float* out, int64_t n);
  void (*normal)(const uint32_t* bits, float* out, int64_t n);  // pairs: n is rounded up to even
  void (*truncated_normal)(const uint32_t* bits, float* out, int64_t n);
};

}  // namespace nacre::cpu
