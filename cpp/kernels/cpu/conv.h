#pragma once

// Convolution and its two gradients, compiled once per instruction set. Plain C types only.
//
// The three directions share one geometry. Position `out` of y and tap `k` of the kernel meet at
//
//   in = out * stride + k * dilation - low        (per spatial axis; outside [0, size): a zero)
//
// and filter f of group f / (filters / groups) meets the channels of that group:
//
//   Forward         y[n, out, f]     = sum over k, c       x[n, in, c] * kernel[k, c, f]
//   InputGradient   dx[n, in, c]     = sum over k, out, f  dy[n, out, f] * kernel[k, c, f]
//   KernelGradient  dkernel[k, c, f] = sum over n, out     x[n, in, c] * dy[n, out, f]
//
// Layouts, all dense: x (batch, in..., channels), y (batch, out..., filters), kernel (kernel...,
// channels / groups, filters). Fewer than three spatial axes are the last ones; the others have
// size 1. Padding after the last element follows from the sizes: it is never needed by itself, and
// trailing elements of x that no window reaches are allowed.
//
// How a case is run follows from its ConvCase and the instruction set, never from the number of
// threads: the same bits for any number of threads. The result shares no memory with the operands.

#include <cstddef>
#include <cstdint>

#include "core/kernel_context.h"
#include "kernels/cpu/gemm.h"

namespace nacre::cpu {

enum class ConvDirection : uint8_t { Forward, InputGradient, KernelGradient };
inline constexpr int kConvDirections = 3;

struct ConvCase {
  ConvDirection direction = ConvDirection::Forward;
  int64_t batch = 0;
  int64_t in[3] = {1, 1, 1};  // depth, height, width of x
  int64_t out[3] = {1, 1, 1};
  int64_t kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1};
  int64_t dilation[3] = {1, 1, 1};
  int64_t low[3] = {0, 0, 0};  // padding before; never negative
  int64_t channels = 0;        // of x
  int64_t filters = 0;         // channels of y
  int64_t groups = 1;          // divides both
  // Forward only: `filters` values added to every pixel, and what is applied to the sums.
  bool has_bias = false;
  Activation activation = Activation::None;
  // Forward: the largest value of each window of so many pixels is the result, with its place in
  // the window if `indexed`. Gradients: dy is given for those values only, and is zero elsewhere.
  // Windows do not overlap; pixels beyond the last one have no part in the result.
  bool pooled = false, indexed = false;
  int64_t window[3] = {1, 1, 1};
};

struct ConvOperands {
  const void* first;   // x, or dy for InputGradient
  const void* second;  // the kernel, or dy for KernelGradient
  const void* bias;    // null without one
  void* result;
  uint8_t* index = nullptr;  // places in windows: of the result, or for gradients of dy
};

// A case with every decision made.
struct ConvPlan {
  ConvCase shape;
  size_t workspace = 0;    // bytes
  double nanoseconds = 0;  // rough cost on one core
  int64_t choice[8] = {};  // what the kernel's own planning decided: block sizes, partitions
};

// One way to run some cases. `plan` returns false for a case it does not run; else it fills in the
// rest of the plan, whose shape is set.
struct ConvKernel {
  const char* name;
  bool (*plan)(ConvPlan* plan);
  void (*run)(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context);
};

// The kernels in order of preference for each direction. The last of each runs every case.
struct ConvTable {
  const ConvKernel* const* kernels[kConvDirections];
  int counts[kConvDirections];
};

}  // namespace nacre::cpu
