#pragma once

// Maxima over windows that lie inside the image, vectors of channels at a time.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

typedef uint8_t PlaceBytes __attribute__((vector_size(kLanes<float>)));

NACRE_INLINE void store_places(uint8_t* to, I32 places, int64_t n) {
  const PlaceBytes bytes = __builtin_convertvector(places, PlaceBytes);
  if (n >= kLanes<float>) {
    __builtin_memcpy(to, &bytes, sizeof bytes);
  } else {
    uint8_t lanes[kLanes<float>];
    __builtin_memcpy(lanes, &bytes, sizeof bytes);
    for (int64_t i = 0; i < n; ++i) to[i] = lanes[i];
  }
}

NACRE_INLINE I32 load_places(const uint8_t* from, int64_t n) {
  PlaceBytes bytes = {};
  if (n >= kLanes<float>) {
    __builtin_memcpy(&bytes, from, sizeof bytes);
  } else {
    uint8_t lanes[kLanes<float>] = {};
    for (int64_t i = 0; i < n; ++i) lanes[i] = from[i];
    __builtin_memcpy(&bytes, lanes, sizeof bytes);
  }
  return __builtin_convertvector(bytes, I32);
}

// A window in memory: elements between its pixels and rows.
struct WindowShape {
  int64_t height, width;
  int64_t pixel, row;
};

// The maximum of `channels` channels over the window at x, and its place unless `index` is null.
// The first of equal ones wins, and a NaN wins over numbers.
NACRE_INLINE void max_window(const WindowShape& w, const float* x, int64_t channels, float* y,
                             uint8_t* index) {
  for (int64_t c = 0; c < channels; c += kLanes<float>) {
    const int64_t n = channels - c;
    const bool whole = n >= kLanes<float>;
    F32 best = {};
    I32 place = {}, tap = {};
    for (int64_t i = 0; i < w.height; ++i) {
      const float* from = x + i * w.row + c;
      for (int64_t j = 0; j < w.width; ++j, from += w.pixel, tap += 1) {
        const F32 v = whole ? load(from) : load_partial(from, n);
        // The first place is taken as it is.
        const I32 better = (~(v <= best) & (best == best)) | (tap == 0);
        best = select(better, v, best);
        place = select(better, tap, place);
      }
    }
    if (whole) {
      store(y + c, best);
    } else {
      store_partial(y + c, best, n);
    }
    if (index != nullptr) store_places(index + c, place, n);
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
