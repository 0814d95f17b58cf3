#pragma once

// Pooling over windows, compiled once per instruction set. Plain C types only.
//
// Position `out` and place `k` of the window meet at in = out * stride + k - low per spatial axis,
// as in conv.h; places outside of [0, size) do not count. Layouts, all dense: x (batch, in...,
// channels), y (batch, out..., channels). Fewer than three spatial axes are the last ones.
//
// The index of a maximum is its place in the window, counted row-major over the whole window: one
// byte for windows of at most kByteWindow places, else int32. The first of equal ones wins, and a
// NaN wins over numbers. A window without any element has maximum -infinity (the lowest integer)
// and index 0.

#include <cstdint>

#include "core/kernel_context.h"

namespace nacre::cpu {

inline constexpr int64_t kByteWindow = 256;

struct PoolCase {
  int64_t batch = 0;
  int64_t in[3] = {1, 1, 1};  // depth, height, width of x
  int64_t out[3] = {1, 1, 1};
  int64_t window[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t low[3] = {0, 0, 0};  // padding before; never negative
  int64_t channels = 0;
};

// Kernels of one element type. Each computes rows [begin, end) of its result, a row being one
// (image, depth, height); the caller cuts the rows into fixed chunks.
struct PoolTable {
  // `index` may be null when nothing needs it.
  void (*max)(const PoolCase& c, const void* x, void* y, void* index, int64_t begin, int64_t end);
  // Rows of dx: the sum of dy over the windows whose maximum stood there.
  void (*max_gradient)(const PoolCase& c, const void* dy, const void* index, void* dx,
                       int64_t begin, int64_t end);
  // Rows of y: the elements of x at the places in `index`; 0 where a place is padding.
  void (*max_gather)(const PoolCase& c, const void* x, const void* index, void* y, int64_t begin,
                     int64_t end);
  // The mean over the window's elements that are not padding.
  void (*average)(const PoolCase& c, const void* x, void* y, int64_t begin, int64_t end);
  void (*average_gradient)(const PoolCase& c, const void* dy, void* dx, int64_t begin, int64_t end);
};

}  // namespace nacre::cpu
