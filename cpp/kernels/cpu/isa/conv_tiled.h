#pragma once

// Convolution by the register tile of the matrix product, without any matrix of patches. Images
// are stored with channels last, so what one row of the kernel meets lies in one run of memory,
// and the tile goes from run to run.

#include "kernels/cpu/conv.h"
#include "kernels/cpu/isa/gemm_pack.h"
#include "kernels/cpu/isa/gemm_plan.h"
#include "kernels/cpu/isa/gemm_tile.h"
#include "kernels/cpu/isa/pool_windows.h"
#include "kernels/cpu/window.h"

namespace nacre::cpu::NACRE_ISA_NAME {

extern const ConvKernel conv_forward_product, conv_forward_tiled;
extern const ConvKernel conv_input_gradient_product, conv_input_gradient_tiled;
extern const ConvKernel conv_kernel_gradient_tiled;
extern const ConvKernel conv_depthwise[kConvDirections], conv_depthwise_repeated;

inline constexpr int kHeight = 1, kWide = 2;  // axes of a ConvCase
inline constexpr int64_t kMaxRuns = 256;
// Floats of images that are worked on at a time: they stay in a core's own cache beside weights.
inline constexpr int64_t kStripFloats = NACRE_VECTOR_BYTES == 64 ? 96 << 10 : 40 << 10;
inline constexpr int64_t kMaxParts = 16;

NACRE_INLINE double conv_nanoseconds(const ConvCase& c) {
  const double taps = static_cast<double>(c.kernel[0] * c.kernel[1] * c.kernel[2]);
  const double pixels = static_cast<double>(c.batch * c.out[0] * c.out[1] * c.out[2]);
  return 2 * taps * pixels * static_cast<double>(c.channels / c.groups) *
         static_cast<double>(c.filters) / kFlopsPerNanosecond;
}

// Two-dimensional images, something to do, and no more taps than a tile has runs.
NACRE_INLINE bool can_tile(const ConvCase& c) {
  bool some = c.batch > 0 && c.channels > 0 && c.filters > 0;
  for (int i = 0; i < 3; ++i) some = some && c.in[i] > 0 && c.out[i] > 0 && c.kernel[i] > 0;
  const bool flat = c.in[0] == 1 && c.out[0] == 1 && c.kernel[0] == 1;
  return some && flat && c.kernel[kHeight] <= kMaxRuns && c.kernel[kWide] <= kMaxRuns &&
         c.kernel[kHeight] * c.kernel[kWide] <= kMaxRuns;
}

NACRE_INLINE WindowAxis axis_of(const ConvCase& c, int i) {
  return {c.in[i], c.out[i], c.kernel[i], c.stride[i], c.dilation[i], c.low[i]};
}

// The whole kernel is one tap that meets every pixel once.
NACRE_INLINE bool is_product(const ConvCase& c) {
  bool one = c.groups == 1;
  for (int i = 0; i < 3; ++i) {
    one = one && c.kernel[i] == 1 && c.stride[i] == 1 && c.low[i] == 0 && c.in[i] == c.out[i];
  }
  return one;
}

// Where a window reads outside of the image.
NACRE_INLINE bool needs_border(const ConvCase& c, int axis) {
  const int64_t last =
      (c.out[axis] - 1) * c.stride[axis] + (c.kernel[axis] - 1) * c.dilation[axis] - c.low[axis];
  return c.low[axis] > 0 || last >= c.in[axis];
}
NACRE_INLINE bool needs_border(const ConvCase& c) {
  return needs_border(c, kHeight) || needs_border(c, kWide);
}

// Strips: runs of output rows of one image, and of the input rows that their windows meet.
struct Strips {
  int64_t rows;       // output rows of a strip, but for the last of an image
  int64_t per_image;  // strips
  bool border;        // the input rows are copied, with zeros around them
  int64_t width;      // columns of such a copy
  int64_t copy;       // floats of such a copy
};

NACRE_INLINE int64_t input_rows(const ConvCase& c, int64_t rows) {
  return (rows - 1) * c.stride[kHeight] + (c.kernel[kHeight] - 1) * c.dilation[kHeight] + 1;
}

// Strips are a multiple of `step` rows high, but for the last one.
NACRE_INLINE Strips make_strips(const ConvCase& c, int64_t step = 1) {
  Strips s = {};
  s.border = needs_border(c);
  s.width = !s.border ? c.in[kWide]
                      : (c.out[kWide] - 1) * c.stride[kWide] +
                            (c.kernel[kWide] - 1) * c.dilation[kWide] + 1;
  const int64_t row = c.stride[kHeight] * s.width * c.channels + c.out[kWide] * c.filters;
  // Few images are cut finely, so that there is something for every core.
  const int64_t most =
      c.batch >= kMaxParts ? c.out[kHeight] : ceil_div(c.out[kHeight] * c.batch, kMaxParts);
  s.rows = at_least(1, at_most(most, kStripFloats / row));
  s.per_image = ceil_div(c.out[kHeight], s.rows);
  s.rows = ceil_div(ceil_div(c.out[kHeight], s.per_image), step) * step;
  s.per_image = ceil_div(c.out[kHeight], s.rows);
  s.copy = s.border ? (input_rows(c, s.rows) * s.width * c.channels + 15) & ~int64_t{15} : 0;
  return s;
}

// One strip: output rows [row, row + rows) of an image, and the element of its input that the first
// window's first tap meets.
struct Strip {
  int64_t image, row, rows;
  const float* x;
};

// Rows of zeros, or an input row with zeros left and right.
static inline void copy_bordered(const ConvCase& c, const Strips& s, const float* image,
                                 int64_t first, int64_t rows, float* to) {
  const int64_t channels = c.channels;
  const int64_t left = at_most(c.low[kWide], s.width);
  const int64_t inside = at_least(0, at_most(c.in[kWide], s.width - left));
  for (int64_t r = 0; r < rows; ++r, to += s.width * channels) {
    const int64_t from = first + r;
    if (from < 0 || from >= c.in[kHeight]) {
      __builtin_memset(to, 0, static_cast<size_t>(s.width * channels) * sizeof(float));
      continue;
    }
    const int64_t right = s.width - left - inside;
    __builtin_memset(to, 0, static_cast<size_t>(left * channels) * sizeof(float));
    __builtin_memcpy(to + left * channels, image + from * c.in[kWide] * channels,
                     static_cast<size_t>(inside * channels) * sizeof(float));
    __builtin_memset(to + (left + inside) * channels, 0,
                     static_cast<size_t>(right * channels) * sizeof(float));
  }
}

NACRE_INLINE Strip make_strip(const ConvCase& c, const Strips& s, const float* x, int64_t index,
                              float* copy) {
  Strip strip = {};
  strip.image = index / s.per_image;
  strip.row = index % s.per_image * s.rows;
  strip.rows = at_most(s.rows, c.out[kHeight] - strip.row);
  const float* image = x + strip.image * c.in[kHeight] * c.in[kWide] * c.channels;
  const int64_t first = strip.row * c.stride[kHeight] - c.low[kHeight];
  if (s.border) {
    copy_bordered(c, s, image, first, input_rows(c, strip.rows), copy);
    strip.x = copy;
  } else {
    strip.x = image + first * c.in[kWide] * c.channels;
  }
  return strip;
}

// Whether the windows of a pooled case are of a kind that the tiled kernels know.
NACRE_INLINE bool can_pool(const ConvCase& c) {
  return c.window[0] == 1 && c.window[kHeight] * c.window[kWide] <= 256;
}

// Rows [row, row + rows) of an image of dy, from the values of its windows.
static inline void spread_rows(const ConvCase& c, const float* dy, const uint8_t* index,
                               int64_t image, int64_t row, int64_t rows, float* to) {
  const int64_t height = c.out[kHeight] / c.window[kHeight];
  const int64_t width = c.out[kWide] / c.window[kWide];
  const int64_t floats = c.out[kWide] * c.filters;
  for (int64_t h = row; h < row + rows; ++h, to += floats) {
    const int64_t window = h / c.window[kHeight];
    if (window >= height) {
      __builtin_memset(to, 0, static_cast<size_t>(floats) * sizeof(float));
      continue;
    }
    const int64_t from = (image * height + window) * width * c.filters;
    const auto place = static_cast<int>(h % c.window[kHeight] * c.window[kWide]);
    spread_row({width, c.window[kWide], c.out[kWide], c.filters}, dy + from, index + from, place,
               to);
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
