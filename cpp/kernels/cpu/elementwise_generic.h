#pragma once

#include "core/dtype.h"
#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/isa.h"

namespace nacre::cpu {

// The micro-op for operands of `dtype` (of b and c for `where`), or null when there is none.
// float32 comes from `isa`, the rest is compiled once.
MicroFn find_micro_op(const IsaTable& isa, MicroOp op, DType dtype);

// Any dtype to any: floats to integers toward zero and clamped to the range (NaN gives 0), to bool
// by != 0, between integers modulo 2^bits.
MicroFn find_cast(const IsaTable& isa, DType from, DType to);

// The parts of find_micro_op, one file each; null when there is none.
MicroFn find_float64_op(MicroOp op);
MicroFn find_float32_special(MicroOp op);  // those that no instruction set has its own of
MicroFn find_integer_op(MicroOp op, DType dtype);
MicroFn find_bool_op(MicroOp op);

}  // namespace nacre::cpu
