#pragma once

// The pass over a row of results that adds the bias and applies the activation, where that was not
// done in registers.

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

NACRE_INLINE F32 activate(F32 v, Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return max(F32{}, v);  // a NaN stays one
    case Activation::Sigmoid:
      return sigmoid(v);
    case Activation::Tanh:
      return tanh(v);
    case Activation::None:
      break;
  }
  return v;
}

// One row of C: c = activation(c + bias), bias null for none.
static inline void finish_row(float* c, int64_t n, const float* bias, bool scalar_bias,
                              Activation activation) {
  for (int64_t j = 0; j < n; j += kLanes<float>) {
    const int64_t count = n - j < kLanes<float> ? n - j : kLanes<float>;
    const bool whole = count == kLanes<float>;
    F32 v = whole ? load(c + j) : load_partial(c + j, count);
    if (bias != nullptr) {
      v += scalar_bias ? broadcast(*bias) : whole ? load(bias + j) : load_partial(bias + j, count);
    }
    v = activate(v, activation);
    if (whole) {
      store(c + j, v);
    } else {
      store_partial(c + j, v, count);
    }
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
