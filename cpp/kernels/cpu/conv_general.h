#pragma once

// Convolution kernels that run every case, over a kind of vector S (see rowwise_impl.h), which also
// gives finish_row(y, n, bias, activation). One pixel at a time: sums stay in registers over taps
// and channels. "depthwise" runs over channels instead, where each meets its own filter only.
// Internal linkage: each file that includes this has its own copies.

#include "kernels/cpu/conv.h"
#include "kernels/cpu/rowwise_impl.h"
#include "kernels/cpu/window.h"

namespace nacre::cpu {
namespace {

inline WindowAxis axis_of(const ConvCase& c, int i) {
  return {c.in[i], c.out[i], c.kernel[i], c.stride[i], c.dilation[i], c.low[i]};
}

// Multiply-adds of all taps, padding included.
inline double multiply_adds(const ConvCase& c) {
  return static_cast<double>(c.batch * volume(c.out) * volume(c.kernel)) *
         static_cast<double>(c.filters * (c.channels / c.groups));
}

// Things per chunk of work, so that a chunk is worth handing to another thread.
inline int64_t chunk_size(double work_of_one) {
  constexpr double kChunkWork = 1 << 18;
  const double things = kChunkWork / (work_of_one + 1);
  return things < 1 ? 1 : static_cast<int64_t>(things);
}

// Runs body(chunk) for every chunk, on several threads only when the work justifies it.
template <class Body>
inline void over_chunks(const ConvPlan& plan, const KernelContext& context, int64_t chunks,
                        Body&& body) {
  constexpr double kParallelNanoseconds = 20000;
  if (plan.nanoseconds >= kParallelNanoseconds) return parallel_for(context, chunks, body);
  for (int64_t i = 0; i < chunks; ++i) body(i);
}

template <class S>
struct GeneralConv {
  using R = Row<S>;
  using T = typename S::T;
  using V = typename S::V;
  static constexpr int kBlock = 4;  // vectors of sums

  // What the sums of a result's pixel run over: source pixels of `width` values, of which `share`
  // belong to a group, and weights with a row of results for each of them.
  struct Walk {
    WindowAxis axes[3];
    int64_t width, share;
    int64_t tap_step, group_step, row_step;
  };

  static Walk walk_of(const ConvCase& c) {
    Walk walk = {};
    for (int i = 0; i < 3; ++i) walk.axes[i] = axis_of(c, i);
    const int64_t channels = c.channels / c.groups, filters = c.filters / c.groups;
    walk.tap_step = channels * c.filters;
    if (c.direction == ConvDirection::Forward) {
      walk.width = c.channels, walk.share = channels;
      walk.group_step = filters, walk.row_step = c.filters;
    } else {
      // Weights were turned: (taps, groups, filters of a group, channels of a group).
      walk.width = c.filters, walk.share = filters;
      walk.group_step = filters * channels, walk.row_step = channels;
    }
    return walk;
  }

  // N vectors of results, from `first` on in group g, of the pixel `at`.
  template <bool kForward, bool kDepthwise, int N, class Lanes>
  static inline NACRE_LAMBDA void sum_block(const Walk& walk, const T* source, const T* weights,
                                            const int64_t at[3], int64_t g, int64_t first, T* to,
                                            Lanes lanes) {
    V sums[N];
    for (int j = 0; j < N; ++j) sums[j] = S::set(0);
    each_partner<kForward>(walk.axes, at, [&](int64_t tap, int64_t place) NACRE_LAMBDA {
      const T* x = source + place * walk.width;
      const T* row = weights + tap * walk.tap_step;
      if constexpr (kDepthwise) {
        for (int j = 0; j < N; ++j) {
          const int64_t i = first + j * S::kWidth;
          sums[j] += R::get(x + i, lanes) * R::get(row + i, lanes);
        }
      } else {
        x += g * walk.share;
        row += g * walk.group_step + first;
        for (int64_t i = 0; i < walk.share; ++i, row += walk.row_step) {
          const V value = S::set(x[i]);
          for (int j = 0; j < N; ++j) sums[j] += value * R::get(row + j * S::kWidth, lanes);
        }
      }
    });
    for (int j = 0; j < N; ++j) R::put(to + first + j * S::kWidth, sums[j], lanes);
  }

  // All results of the pixel that belong to group g.
  template <bool kForward, bool kDepthwise>
  static void sum_pixel(const Walk& walk, const T* source, const T* weights, const int64_t at[3],
                        int64_t g, int64_t count, T* to) {
    int64_t i = 0;
    for (; i + kBlock * S::kWidth <= count; i += kBlock * S::kWidth) {
      sum_block<kForward, kDepthwise, kBlock>(walk, source, weights, at, g, i, to, AllLanes{});
    }
    for (; i + S::kWidth <= count; i += S::kWidth) {
      sum_block<kForward, kDepthwise, 1>(walk, source, weights, at, g, i, to, AllLanes{});
    }
    if (i < count) {
      sum_block<kForward, kDepthwise, 1>(walk, source, weights, at, g, i, to, SomeLanes{count - i});
    }
  }

  // Forward, and the input's gradient: every pixel of the result gathers what it is a sum of.
  template <bool kForward, bool kDepthwise>
  static void run_gather(const ConvPlan& plan, const ConvOperands& operands, const T* weights,
                         const KernelContext& context) {
    const ConvCase& c = plan.shape;
    const Walk walk = walk_of(c);
    const int64_t* size = kForward ? c.out : c.in;
    const int64_t width = kForward ? c.filters : c.channels;
    const int64_t groups = kDepthwise ? 1 : c.groups, count = width / groups;
    const int64_t image = volume(kForward ? c.in : c.out) * walk.width;
    const bool finishes = c.has_bias || c.activation != Activation::None;
    const int64_t rows = c.batch * size[0] * size[1], step = plan.choice[0];
    over_chunks(plan, context, (rows + step - 1) / step, [&](int64_t chunk) {
      const int64_t end = (chunk + 1) * step < rows ? (chunk + 1) * step : rows;
      for (int64_t row = chunk * step; row < end; ++row) {
        const int64_t n = row / (size[0] * size[1]);
        const T* source = static_cast<const T*>(operands.first) + n * image;
        T* to = static_cast<T*>(operands.result) + row * size[2] * width;
        int64_t at[3] = {row / size[1] % size[0], row % size[1], 0};
        for (; at[2] < size[2]; ++at[2], to += width) {
          for (int64_t g = 0; g < groups; ++g) {
            sum_pixel<kForward, kDepthwise>(walk, source, weights, at, g, count, to + g * count);
          }
          if (kForward && finishes) {
            S::finish_row(to, width, static_cast<const T*>(operands.bias), c.activation);
          }
        }
      }
    });
  }

  template <bool kDepthwise>
  static void run_forward(const ConvPlan& plan, const ConvOperands& operands,
                          const KernelContext& context) {
    run_gather<true, kDepthwise>(plan, operands, static_cast<const T*>(operands.second), context);
  }

  static void run_input_gradient(const ConvPlan& plan, const ConvOperands& operands,
                                 const KernelContext& context) {
    const ConvCase& c = plan.shape;
    const int64_t channels = c.channels / c.groups;
    const T* kernel = static_cast<const T*>(operands.second);
    T* turned = reinterpret_cast<T*>(context.workspace);
    over_chunks(plan, context, volume(c.kernel), [&](int64_t tap) {
      const T* from = kernel + tap * channels * c.filters;
      T* to = turned + tap * channels * c.filters;
      for (int64_t f = 0; f < c.filters; ++f) {
        for (int64_t i = 0; i < channels; ++i) to[f * channels + i] = from[i * c.filters + f];
      }
    });
    run_gather<false, false>(plan, operands, turned, context);
  }

  static void run_depthwise_input_gradient(const ConvPlan& plan, const ConvOperands& operands,
                                           const KernelContext& context) {
    run_gather<false, true>(plan, operands, static_cast<const T*>(operands.second), context);
  }

  // The out positions along an axis for which tap k lies inside x.
  struct Range {
    int64_t begin, end;
  };
  static inline NACRE_LAMBDA Range range(const ConvCase& c, int axis, int64_t k) {
    const int64_t offset = k * c.dilation[axis] - c.low[axis], stride = c.stride[axis];
    const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    const int64_t last = c.in[axis] - 1 - offset;
    const int64_t end = last < 0 ? 0 : last / stride + 1;
    return {begin, end < c.out[axis] ? end : c.out[axis]};
  }

  // C channels by N vectors of filters of the kernel's gradient, over all images; each image's sum
  // is added to what `to` holds.
  template <bool kDepthwise, int C, int N, class Lanes>
  static void kernel_block(const ConvCase& c, const T* x, const T* dy, const int64_t tap[3], T* to,
                           int64_t to_row, Lanes lanes) {
    const Range depth = range(c, 0, tap[0]), height = range(c, 1, tap[1]),
                width = range(c, 2, tap[2]);
    const int64_t x_step = c.stride[2] * c.channels;
    for (int64_t n = 0; n < c.batch; ++n) {
      V sums[C][N];
      for (int i = 0; i < C; ++i) {
        for (int j = 0; j < N; ++j) sums[i][j] = S::set(0);
      }
      for (int64_t od = depth.begin; od < depth.end; ++od) {
        const int64_t d = od * c.stride[0] + tap[0] * c.dilation[0] - c.low[0];
        for (int64_t oh = height.begin; oh < height.end; ++oh) {
          const int64_t h = oh * c.stride[1] + tap[1] * c.dilation[1] - c.low[1];
          const int64_t w = width.begin * c.stride[2] + tap[2] * c.dilation[2] - c.low[2];
          const T* from = x + (((n * c.in[0] + d) * c.in[1] + h) * c.in[2] + w) * c.channels;
          const T* grad =
              dy + (((n * c.out[0] + od) * c.out[1] + oh) * c.out[2] + width.begin) * c.filters;
          for (int64_t ow = width.begin; ow < width.end; ++ow, from += x_step, grad += c.filters) {
            for (int j = 0; j < N; ++j) {
              const V g = R::get(grad + j * S::kWidth, lanes);
              if constexpr (kDepthwise) {
                sums[0][j] += g * R::get(from + j * S::kWidth, lanes);
              } else {
                for (int i = 0; i < C; ++i) sums[i][j] += S::set(from[i]) * g;
              }
            }
          }
        }
      }
      for (int i = 0; i < C; ++i) {
        for (int j = 0; j < N; ++j) {
          T* place = to + i * to_row + j * S::kWidth;
          R::put(place, R::get(place, lanes) + sums[i][j], lanes);
        }
      }
    }
  }

  // `count` filters of C channels.
  template <bool kDepthwise, int C>
  static void kernel_rows(const ConvCase& c, const T* x, const T* dy, const int64_t tap[3], T* to,
                          int64_t to_row, int64_t count) {
    const auto source = [&](int64_t j) NACRE_LAMBDA { return kDepthwise ? x + j : x; };
    int64_t j = 0;
    for (; j + 2 * S::kWidth <= count; j += 2 * S::kWidth) {
      kernel_block<kDepthwise, C, 2>(c, source(j), dy + j, tap, to + j, to_row, AllLanes{});
    }
    for (; j + S::kWidth <= count; j += S::kWidth) {
      kernel_block<kDepthwise, C, 1>(c, source(j), dy + j, tap, to + j, to_row, AllLanes{});
    }
    if (j < count) {
      kernel_block<kDepthwise, C, 1>(c, source(j), dy + j, tap, to + j, to_row,
                                     SomeLanes{count - j});
    }
  }

  static constexpr int64_t kChannelBlock = 4;
  static constexpr int64_t kFilterBlock = 8 * S::kWidth;

  // A chunk is a tap, a block of a group's channels and a block of its filters: every element of
  // the gradient is summed by one chunk.
  template <bool kDepthwise>
  static void run_kernel_gradient(const ConvPlan& plan, const ConvOperands& operands,
                                  const KernelContext& context) {
    const ConvCase& c = plan.shape;
    const int64_t groups = kDepthwise ? 1 : c.groups;
    const int64_t channels = c.channels / c.groups, filters = c.filters / groups;
    const int64_t channel_blocks = (channels + kChannelBlock - 1) / kChannelBlock;
    const int64_t filter_blocks = (filters + kFilterBlock - 1) / kFilterBlock;
    over_chunks(plan, context, volume(c.kernel) * groups * channel_blocks * filter_blocks,
                [&](int64_t chunk) {
                  const int64_t f = chunk % filter_blocks * kFilterBlock;
                  const int64_t i = chunk / filter_blocks % channel_blocks * kChannelBlock;
                  const int64_t g = chunk / (filter_blocks * channel_blocks) % groups;
                  const int64_t k = chunk / (filter_blocks * channel_blocks * groups);
                  const int64_t tap[3] = {k / (c.kernel[1] * c.kernel[2]),
                                          k / c.kernel[2] % c.kernel[1], k % c.kernel[2]};
                  const int64_t first = g * filters + f;
                  const int64_t count = filters - f < kFilterBlock ? filters - f : kFilterBlock;
                  const int64_t rows = channels - i < kChannelBlock ? channels - i : kChannelBlock;
                  const T* x =
                      static_cast<const T*>(operands.first) + (kDepthwise ? f : g * channels + i);
                  const T* dy = static_cast<const T*>(operands.second) + first;
                  T* to = static_cast<T*>(operands.result) + (k * channels + i) * c.filters + first;
                  for (int64_t r = 0; r < rows; ++r) {
                    for (int64_t j = 0; j < count; ++j) to[r * c.filters + j] = 0;
                  }
                  switch (kDepthwise ? 1 : rows) {
                    case 4:
                      return kernel_rows<kDepthwise, 4>(c, x, dy, tap, to, c.filters, count);
                    case 3:
                      return kernel_rows<kDepthwise, 3>(c, x, dy, tap, to, c.filters, count);
                    case 2:
                      return kernel_rows<kDepthwise, 2>(c, x, dy, tap, to, c.filters, count);
                    default:
                      return kernel_rows<kDepthwise, 1>(c, x, dy, tap, to, c.filters, count);
                  }
                });
  }

  static bool plan_general(ConvPlan* plan) {
    const ConvCase& c = plan->shape;
    if (c.pooled) return false;
    const double work = multiply_adds(c);
    plan->nanoseconds = work * 2 / S::kWidth;
    const int64_t* size = c.direction == ConvDirection::Forward ? c.out : c.in;
    const int64_t rows = c.batch * size[0] * size[1];
    plan->choice[0] = chunk_size(work / static_cast<double>(rows > 0 ? rows : 1));
    if (c.direction == ConvDirection::InputGradient) {
      const int64_t weights = volume(c.kernel) * (c.channels / c.groups) * c.filters;
      plan->workspace = static_cast<size_t>(weights) * sizeof(T);
    }
    return true;
  }

  static bool plan_depthwise(ConvPlan* plan) {
    const ConvCase& c = plan->shape;
    if (c.channels != c.groups || c.filters != c.groups) return false;
    if (!plan_general(plan)) return false;
    plan->workspace = 0;
    return true;
  }

  // "depthwise" and "general" for each direction.
  static constexpr ConvKernel depthwise[kConvDirections] = {
      {"depthwise", plan_depthwise, run_forward<true>},
      {"depthwise", plan_depthwise, run_depthwise_input_gradient},
      {"depthwise", plan_depthwise, run_kernel_gradient<true>},
  };
  static constexpr ConvKernel general[kConvDirections] = {
      {"general", plan_general, run_forward<false>},
      {"general", plan_general, run_input_gradient},
      {"general", plan_general, run_kernel_gradient<false>},
  };
};

}  // namespace
}  // namespace nacre::cpu
