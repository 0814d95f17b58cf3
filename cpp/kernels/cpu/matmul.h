#pragma once

#include <span>

#include "kernels/backend.h"

namespace nacre::cpu {

// matmul(a, b) {transpose_a, transpose_b}: a (..., m, k), b (..., k, n) before transposition;
// leading
//   dimensions broadcast.
// cpu.matmul(a, b, [bias]) {transpose_a, transpose_b, has_bias, activation: none, relu, sigmoid or
//   tanh}: the same with bias (n) and an activation, in one pass over the result.
std::span<const OpEntry> matmul_entries();

}  // namespace nacre::cpu
