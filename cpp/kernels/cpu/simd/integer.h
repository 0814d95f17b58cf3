#pragma once

// Integer operations of vectors that the operators lack.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// 64-bit products of the even 32-bit lanes.
NACRE_INLINE U64 multiply_even(U32 a, U32 b) {
#if NACRE_VECTOR_BYTES == 64
  return (U64)_mm512_maskz_mul_epu32(static_cast<__mmask8>(-1), (__m512i)a, (__m512i)b);
#elif NACRE_VECTOR_BYTES == 32
  return (U64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
  return (U64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return ((U64)a & 0xffffffffu) * ((U64)b & 0xffffffffu);
#endif
}

struct WideProduct {
  U32 high, low;
};
// Both halves of the 64-bit product of every lane with one factor.
NACRE_INLINE WideProduct multiply_wide(U32 a, uint32_t factor) {
  const U32 b = broadcast<uint32_t>(factor);
  const U64 even = multiply_even(a, b);
  const U64 odd = multiply_even((U32)((U64)a >> 32), b);
  return {(U32)((even >> 32) | (odd & 0xffffffff00000000u)),
          (U32)((even & 0xffffffffu) | (odd << 32))};
}

typedef uint32_t Quad32 __attribute__((vector_size(16)));
typedef uint32_t Quad32Memory __attribute__((vector_size(16), aligned(4), may_alias));

// out[4 * i + k] = v[k][i] for every lane i.
NACRE_INLINE void store_interleaved(uint32_t* out, const U32 (&v)[4]) {
  alignas(NACRE_VECTOR_BYTES) uint32_t rows[4][kLanes<uint32_t>];
  for (int k = 0; k < 4; ++k) store<uint32_t>(rows[k], v[k]);
  for (int i = 0; i < kLanes<uint32_t>; i += 4) {
    Quad32 r[4];
    for (int k = 0; k < 4; ++k) r[k] = *reinterpret_cast<const Quad32Memory*>(rows[k] + i);
    const Quad32 a = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
    const Quad32 b = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    const Quad32 c = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    const Quad32 d = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    auto* to = reinterpret_cast<Quad32Memory*>(out + 4 * i);
    to[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    to[1] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    to[2] = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    to[3] = __builtin_shufflevector(c, d, 2, 3, 6, 7);
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
