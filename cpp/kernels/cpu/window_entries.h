#pragma once

#include <span>

#include "kernels/backend.h"
#include "kernels/cpu/conv.h"
#include "kernels/cpu/pool.h"

namespace nacre::cpu {

// The tables for float32 (of the active instruction set) and float64, for pooling also those of
// integers; null for other types.
const ConvTable* find_conv_table(DType dtype);
const PoolTable* find_pool_table(DType dtype);

// conv(x, kernel), conv_input_gradient(dy, kernel), conv_kernel_gradient(x, dy) {strides, dilation,
//   low, size, groups}: see cpp/ops/conv.cpp.
// cpu.conv(x, kernel, [bias]) {.., has_bias, activation: none, relu, sigmoid or tanh}: the same as
//   conv with a bias (filters) and an activation, in one pass over the result.
// cpu.conv_pool(x, kernel, [bias]) {.., window, full}: the largest value of each window of that
//   result and, as a second result, its place in the window. Windows do not overlap; `full` is the
//   result's size before the maxima are taken.
// cpu.conv_input_gradient_pool(dy, kernel, index), cpu.conv_kernel_gradient_pool(x, dy, index)
//   {.., window, full}: the gradients for a dy of the maxima.
std::span<const OpEntry> conv_entries();

// max_pool, average_pool and their gradients {window, strides, low, size}: see cpp/ops/pool.cpp. A
// max_pool with one result computes no index.
std::span<const OpEntry> pool_entries();
Kernel prepare_max_pool(const OpCase& op);
Kernel prepare_max_pool_gradient(const OpCase& op);

}  // namespace nacre::cpu
