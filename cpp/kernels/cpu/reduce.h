#pragma once

// Reductions over axes, positions of extremes, and running sums and products.

#include <span>

#include "core/dtype.h"
#include "kernels/backend.h"
#include "kernels/cpu/reduce_ops.h"

namespace nacre::cpu {

// Null where the dtype has no reductions compiled once (float32 has its own per instruction set).
const ReduceTable* generic_reduce_table(DType dtype);

// reduce_sum, reduce_prod, reduce_max, reduce_min.
std::span<const OpEntry> reduce_entries();
// argmax, argmin, cumsum, cumprod.
std::span<const OpEntry> scan_entries();

}  // namespace nacre::cpu
