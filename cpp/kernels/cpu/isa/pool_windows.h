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

// A row of windows side by side, and the row of pixels that one row of their places is.
struct SpreadShape {
  int64_t windows, width;  // how many, and pixels of each
  int64_t pixels;          // of the row; those beyond the last window become zeros
  int64_t channels;
};

// Puts each value where its index says, if that is in this row, whose first place is `place`, and
// zeros elsewhere.
static inline void spread_row(const SpreadShape& s, const float* values, const uint8_t* index,
                              int place, float* to) {
  const int64_t channels = s.channels;
  for (int64_t w = 0; w < s.windows; ++w, values += channels, index += channels) {
    for (int64_t i = 0; i < channels; i += kLanes<float>) {
      const int64_t n = channels - i;
      const bool whole = n >= kLanes<float>;
      const F32 value = whole ? load(values + i) : load_partial(values + i, n);
      const I32 at = load_places(index + i, n);
      float* pixel = to + w * s.width * channels + i;
      for (int64_t j = 0; j < s.width; ++j, pixel += channels) {
        const F32 part = select(at == place + static_cast<int>(j), value, F32{});
        if (whole) {
          store(pixel, part);
        } else {
          store_partial(pixel, part, n);
        }
      }
    }
  }
  const int64_t covered = s.windows * s.width;
  __builtin_memset(to + covered * channels, 0,
                   static_cast<size_t>((s.pixels - covered) * channels) * sizeof(float));
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
