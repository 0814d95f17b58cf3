// Random bits to float32 uniform, normal and truncated normal numbers. Contiguous buffers padded to
// 16 elements; `out` is not `bits`.

#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/random_ops.h"
#include "kernels/cpu/simd/trig.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

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

const RandomTable random_table = {uniform, normal, truncated_normal};

}  // namespace nacre::cpu::NACRE_ISA_NAME
