#pragma once

// How positions meet through a window (see conv.h), for files that may be compiled once per
// instruction set.

#include <cstdint>

namespace nacre::cpu {
namespace {

// One spatial axis of a case.
struct WindowAxis {
  int64_t in, out, taps, stride, dilation, low;

  struct Taps {
    int64_t begin, end;  // perhaps none
  };

  // The taps that meet an element of x from position `at` of y; tap k meets to_in(at, k).
  __attribute__((always_inline)) inline Taps taps_to_in(int64_t at) const {
    const int64_t first = low - at * stride;  // of the taps' distances that do not fall short
    const int64_t last = in - 1 + first;
    return {first <= 0 ? 0 : (first + dilation - 1) / dilation,
            last < 0 ? 0 : least(taps, last / dilation + 1)};
  }
  __attribute__((always_inline)) inline int64_t to_in(int64_t at, int64_t k) const {
    return at * stride + k * dilation - low;
  }

  // The taps that may meet element `at` of x from a position of y; tap k does from to_out(at, k),
  // unless that is -1.
  __attribute__((always_inline)) inline Taps taps_to_out(int64_t at) const {
    const int64_t last = at + low;
    const int64_t first = last - (out - 1) * stride;
    return {first <= 0 ? 0 : (first + dilation - 1) / dilation, least(taps, last / dilation + 1)};
  }
  __attribute__((always_inline)) inline int64_t to_out(int64_t at, int64_t k) const {
    const int64_t steps = at + low - k * dilation;
    return steps % stride == 0 ? steps / stride : -1;
  }

 private:
  static __attribute__((always_inline)) inline int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
  }
};

inline int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

// body(k, p) for every tap k, counted row-major, that meets something from position `at`, and the
// place p there, counted row-major over the other tensor's sizes. kForward: from y to x.
template <bool kForward, class Body>
inline __attribute__((always_inline)) void each_partner(const WindowAxis axes[3],
                                                        const int64_t at[3], Body&& body) {
  const auto meet = [&](int axis, int64_t k) __attribute__((always_inline)) {
    return kForward ? axes[axis].to_in(at[axis], k) : axes[axis].to_out(at[axis], k);
  };
  const auto taps = [&](int axis) __attribute__((always_inline)) {
    return kForward ? axes[axis].taps_to_in(at[axis]) : axes[axis].taps_to_out(at[axis]);
  };
  const int64_t height = kForward ? axes[1].in : axes[1].out;
  const int64_t width = kForward ? axes[2].in : axes[2].out;
  const WindowAxis::Taps depths = taps(0), heights = taps(1), widths = taps(2);
  for (int64_t kd = depths.begin; kd < depths.end; ++kd) {
    const int64_t d = meet(0, kd);
    if (d < 0) continue;
    for (int64_t kh = heights.begin; kh < heights.end; ++kh) {
      const int64_t h = meet(1, kh);
      if (h < 0) continue;
      for (int64_t kw = widths.begin; kw < widths.end; ++kw) {
        const int64_t w = meet(2, kw);
        if (w < 0) continue;
        body((kd * axes[1].taps + kh) * axes[2].taps + kw, (d * height + h) * width + w);
      }
    }
  }
}

}  // namespace
}  // namespace nacre::cpu
