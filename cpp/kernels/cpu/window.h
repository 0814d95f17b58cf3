#pragma once

// How positions meet through a window (see conv.h), for files that may be compiled once per
// instruction set.

#include <cstdint>

namespace nacre::cpu {
namespace {

// One spatial axis of a case.
struct WindowAxis {
  int64_t in, out, taps, stride, dilation, low;

  // The element of x that tap k meets from position `out_at`; -1 for padding.
  __attribute__((always_inline)) inline int64_t to_in(int64_t out_at, int64_t k) const {
    const int64_t at = out_at * stride + k * dilation - low;
    return at < in ? at : -1;  // below zero says padding as well
  }
  // The position from which tap k meets element `in_at`; -1 when there is none.
  __attribute__((always_inline)) inline int64_t to_out(int64_t in_at, int64_t k) const {
    const int64_t steps = in_at + low - k * dilation;
    if (steps < 0 || steps % stride != 0) return -1;
    const int64_t at = steps / stride;
    return at < out ? at : -1;
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
  const int64_t height = kForward ? axes[1].in : axes[1].out;
  const int64_t width = kForward ? axes[2].in : axes[2].out;
  for (int64_t kd = 0; kd < axes[0].taps; ++kd) {
    const int64_t d = meet(0, kd);
    if (d < 0) continue;
    for (int64_t kh = 0; kh < axes[1].taps; ++kh) {
      const int64_t h = meet(1, kh);
      if (h < 0) continue;
      for (int64_t kw = 0; kw < axes[2].taps; ++kw) {
        const int64_t w = meet(2, kw);
        if (w < 0) continue;
        body((kd * axes[1].taps + kh) * axes[2].taps + kw, (d * height + h) * width + w);
      }
    }
  }
}

}  // namespace
}  // namespace nacre::cpu
