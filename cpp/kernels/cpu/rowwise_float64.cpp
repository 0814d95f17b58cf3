// Float64 row-wise kernels, one element at a time with the C library's functions.

#include <cmath>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/norm_impl.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

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
  static T sum_lanes(V v) { return v; }
  static T max_lanes(V v) { return v; }
  static T log_one(T x) { return std::log(x); }
  static T sqrt_one(T x) { return std::sqrt(x); }
};

}  // namespace

const RowwiseTable float64_rowwise_table = make_rowwise_table<Float64Scalar>();
const NormTable float64_norm_table = make_norm_table<Float64Scalar>();

const RowwiseTable* find_rowwise_table(DType dtype) {
  if (dtype == DType::Float32) return active_isa().rowwise;
  return dtype == DType::Float64 ? &float64_rowwise_table : nullptr;
}

const NormTable* find_norm_table(DType dtype) {
  if (dtype == DType::Float32) return active_isa().norm;
  return dtype == DType::Float64 ? &float64_norm_table : nullptr;
}

}  // namespace nacre::cpu
