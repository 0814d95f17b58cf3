#pragma once

// Single doubles as the kind of vector that rowwise_impl.h and its like work on. Not for files that
// are compiled once per instruction set.

#include <cmath>
#include <cstdint>

namespace nacre::cpu {

struct Float64Scalar {
  using T = double;
  using V = double;
  static constexpr int64_t kWidth = 1;
  static V load(const T* p) { return *p; }
  static V load_partial(const T* p, int64_t) { return *p; }
  static void store(T* p, V v) { *p = v; }
  static void store_partial(T* p, V v, int64_t) { *p = v; }
  static V set(T x) { return x; }
  static V select_below(V v, int64_t, T) { return v; }
  static V select_lane(V, int64_t, V other) { return other; }  // the only one
  static V log(V v) { return std::log(v); }
  static V exp(V v) { return std::exp(v); }
  static V max(V a, V b) { return a > b ? a : b; }
  static V min(V a, V b) { return a < b ? a : b; }
  static V fma(V a, V b, V c) {
#ifdef __FP_FAST_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
  }
  static V select_above(V a, V b, V yes, V no) { return a > b ? yes : no; }
  static T sum_lanes(V v) { return v; }
  static T max_lanes(V v) { return v; }
  static T log_one(T x) { return std::log(x); }
  static T sqrt_one(T x) { return std::sqrt(x); }
};

}  // namespace nacre::cpu
