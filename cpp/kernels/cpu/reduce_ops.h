#pragma once

// Reductions of one axis, as function tables. Plain C types only: files compiled once per
// instruction set include this.

#include <cstdint>

namespace nacre::cpu {

enum class ReduceOp : uint8_t { sum, prod, max, min };
inline constexpr int kReduceOps = 4;

// *out = the reduction of n contiguous elements; of none, the identity.
using ReduceContiguousFn = void (*)(const void* x, int64_t n, void* out);
// out[c] = the reduction over r of x[r * stride + c], for c < columns.
using ReduceRowsFn = void (*)(const void* x, int64_t rows, int64_t stride, int64_t columns,
                              void* out);

// The place of the largest or smallest of n >= 1 contiguous elements: the first one, or the first
// NaN.
using ReducePlaceFn = int64_t (*)(const void* x, int64_t n);

struct ReduceTable {
  ReduceContiguousFn contiguous[kReduceOps];
  ReduceRowsFn rows[kReduceOps];
  ReducePlaceFn place_of_max, place_of_min;  // null where types are compiled once
};

}  // namespace nacre::cpu
