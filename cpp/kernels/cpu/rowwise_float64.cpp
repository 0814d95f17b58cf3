// Float64 row-wise kernels, one element at a time with the C library's functions.

#include "kernels/cpu/float64_scalar.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/norm_impl.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
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
