#pragma once

// Float32 registers as the kind of vector that rowwise_impl.h and norm_impl.h work on.

#include "kernels/cpu/simd/math.h"

namespace nacre::cpu::NACRE_ISA_NAME {

struct Float32Vector {
  using T = float;
  using V = F32;
  static constexpr int64_t kWidth = kLanes<float>;
  static NACRE_INLINE V load(const T* p) { return NACRE_ISA_NAME::load(p); }
  static NACRE_INLINE V load_partial(const T* p, int64_t n) {
    return NACRE_ISA_NAME::load_partial<float>(p, n);
  }
  static NACRE_INLINE void store(T* p, V v) { NACRE_ISA_NAME::store(p, v); }
  static NACRE_INLINE void store_partial(T* p, V v, int64_t n) {
    NACRE_ISA_NAME::store_partial<float>(p, v, n);
  }
  static NACRE_INLINE V set(T x) { return f32(x); }
  static NACRE_INLINE V select_below(V v, int64_t n, T fill) {
    return select(lanes_below(n), v, f32(fill));
  }
  static NACRE_INLINE V select_lane(V v, int64_t lane, V other) {
    return select(lane_index() == static_cast<int32_t>(lane), other, v);
  }
  static NACRE_INLINE V log(V v) { return NACRE_ISA_NAME::log(v); }
  static NACRE_INLINE V exp(V v) { return NACRE_ISA_NAME::exp(v); }
  static NACRE_INLINE V max(V a, V b) { return NACRE_ISA_NAME::max(a, b); }
  static NACRE_INLINE V min(V a, V b) { return NACRE_ISA_NAME::min(a, b); }
  static NACRE_INLINE V fma(V a, V b, V c) { return NACRE_ISA_NAME::fma(a, b, c); }
  static NACRE_INLINE V select_above(V a, V b, V yes, V no) { return select(a > b, yes, no); }
  static NACRE_INLINE T sum_lanes(V v) { return reduce_add(v); }
  static NACRE_INLINE T max_lanes(V v) { return reduce_max(v); }
  static NACRE_INLINE T log_one(T x) { return NACRE_ISA_NAME::log(f32(x))[0]; }
  static NACRE_INLINE T sqrt_one(T x) { return __builtin_sqrtf(x); }
};

}  // namespace nacre::cpu::NACRE_ISA_NAME
