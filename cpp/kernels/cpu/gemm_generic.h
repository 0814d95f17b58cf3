#pragma once

// The matrix product of every type but float32, compiled once. Same problem description; sums run
// in the order of k, in the element type (integers wrap).

#include <cstddef>

#include "core/dtype.h"
#include "core/kernel_context.h"
#include "kernels/cpu/gemm.h"

namespace nacre::cpu {

using GenericGemm = void (*)(const GemmProblem& problem, const void* a, const void* b,
                             const void* bias, void* c, const KernelContext& context);

// nullptr for a type without a product. Integer products know no sigmoid and no tanh.
GenericGemm generic_gemm(DType dtype);
// Room for B with contiguous rows, when it has none.
size_t generic_gemm_workspace(DType dtype, const GemmProblem& problem);

}  // namespace nacre::cpu
