// Random bits to float32 uniform, normal and truncated normal numbers. Contiguous buffers padded to
// 16 elements; `out` is not `bits`.

#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/random_ops.h"
#include "kernels/cpu/simd/integer.h"
#include "kernels/cpu/simd/trig.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

constexpr int kGroups = 2;  // vectors of blocks at a time, for the multiplications' latency

void words(uint32_t seed, uint32_t counter, uint64_t first, int64_t blocks, uint32_t* out) {
  constexpr int kWidth = kLanes<uint32_t>;
  for (int64_t i = 0; i < blocks; i += kGroups * kWidth) {
    U32 c[kGroups][4];
    for (int g = 0; g < kGroups; ++g) {
      const uint64_t base = first + static_cast<uint64_t>(i + g * kWidth);
      const uint32_t low = static_cast<uint32_t>(base);
      c[g][0] = (U32)lane_index() + low;
      const U32 carry = (U32)(c[g][0] < low) & 1;
      c[g][1] = carry + static_cast<uint32_t>(base >> 32);
      c[g][2] = c[g][3] = U32{};
    }
    uint32_t k0 = seed, k1 = counter;
    NACRE_NO_UNROLL for (int round = 0; round < 10; ++round) {
      NACRE_UNROLL for (int g = 0; g < kGroups; ++g) {
        const WideProduct p0 = multiply_wide(c[g][0], 0xD2511F53);
        const WideProduct p1 = multiply_wide(c[g][2], 0xCD9E8D57);
        c[g][0] = p1.high ^ c[g][1] ^ k0;
        c[g][1] = p1.low;
        c[g][2] = p0.high ^ c[g][3] ^ k1;
        c[g][3] = p0.low;
      }
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    for (int g = 0; g < kGroups; ++g) store_interleaved(out + 4 * (i + g * kWidth), c[g]);
  }
}

// 24 bits, in [0, 1).
NACRE_INLINE F32 uniform_of(U32 bits) { return to_float((I32)(bits >> 8)) * 0x1p-24f; }

void uniform(const uint32_t* bits, float* out, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<float>) store(out + i, uniform_of(load(bits + i)));
}

// Box and Muller: elements 2j and 2j + 1 come from the uniforms u and v of their own bits, as
// r cos(2 pi v) and r sin(2 pi v) with r = sqrt(-2 log(1 - u)).
void normal(const uint32_t* bits, float* out, int64_t n) {
  constexpr int kWidth = kLanes<float>;
  for (int64_t i = 0; i < n; i += 2 * kWidth) {
    uint32_t even[kWidth], odd[kWidth];
    for (int j = 0; j < kWidth; ++j) {
      even[j] = bits[i + 2 * j];
      odd[j] = bits[i + 2 * j + 1];
    }
    const F32 radius = sqrt(-2.0f * log_positive(1.0f - uniform_of(load(even))));
    F32 sine, cosine;
    sincos_turns(uniform_of(load(odd)), &sine, &cosine);
    float first[kWidth], second[kWidth];
    store(first, radius * cosine);
    store(second, radius * sine);
    for (int j = 0; j < kWidth; ++j) {
      out[i + 2 * j] = first[j];
      out[i + 2 * j + 1] = second[j];
    }
  }
}

// By the inverse of the distribution function: sqrt(2) erfinv of a uniform in erf(+-sqrt(2)).
void truncated_normal(const uint32_t* bits, float* out, int64_t n) {
  const float high = 0.954499736f;
  for (int64_t i = 0; i < n; i += kLanes<float>) {
    const F32 u = fma(uniform_of(load(bits + i)), f32(2 * high), f32(-high));
    store(out + i, clamp(erfinv(u) * 1.41421356f, -2.0f, 2.0f));
  }
}

}  // namespace

const RandomTable random_table = {words, uniform, normal, truncated_normal};

}  // namespace nacre::cpu::NACRE_ISA_NAME
