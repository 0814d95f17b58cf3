#pragma once

#include <cstdint>

#include "core/kernel_context.h"

namespace nacre {

// A dense batch of pictures, with their channels last or first.
struct PictureShape {
  int64_t count = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t channels = 0;
  bool channels_first = false;

  int64_t size() const { return rows * columns * channels; }  // elements of a picture
  // Distances in elements.
  int64_t row_stride() const { return channels_first ? columns : columns * channels; }
  int64_t column_stride() const { return channels_first ? 1 : channels; }
  int64_t channel_stride() const { return channels_first ? rows * columns : 1; }
};

// What a warp takes for the values outside of a picture, as scipy.ndimage names it.
enum class FillMode { Constant, Nearest, Reflect, Wrap };

// The numbers drawn for one picture. NaN stands for a change of colours that is not made.
struct PictureChange {
  double theta, row_shift, column_shift, shear, row_zoom, column_zoom;
  double flip_columns, flip_rows;
  double channel_shift, brightness;
};

// How warps read between and outside of pixels.
struct WarpOptions {
  FillMode fill = FillMode::Nearest;
  double fill_value = 0;
  int order = 1;  // degree of the interpolating spline: 0 or 1
  // Whether the two axes change places in the matrix, as they do in Keras where rows come first.
  bool swap_axes = true;
};

// Warps, flips, shifts the channels of and brightens each picture of a batch, in this order.
// Source and target do not overlap. T is float or double. The result depends on nothing but the
// operands: each picture is one piece of work.
template <class T>
void change_pictures(const T* source, T* target, const PictureShape& shape,
                     const PictureChange* changes, const WarpOptions& options,
                     const KernelContext& context);

// What is done to all pictures alike, in this order.
struct Standardizing {
  bool rescales = false;
  double factor = 1;
  bool centers = false;           // takes each picture's own mean away
  bool normalizes = false;        // divides each picture by its own deviation
  const double* mean = nullptr;   // of each channel, taken away
  const double* scale = nullptr;  // of each channel, divided by
};

// Standardizes each picture of a batch where it lies. T is float or double.
template <class T>
void standardize_pictures(T* pictures, const PictureShape& shape, const Standardizing& wanted,
                          const KernelContext& context);

}  // namespace nacre
