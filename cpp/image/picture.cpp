#include "image/picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "image/warp.h"

namespace nacre {
namespace {

constexpr int64_t kLanes = 8;

template <class T>
void copy_flipped(const T* source, T* target, const PictureShape& shape, bool flip_rows,
                  bool flip_columns) {
  if (!flip_rows && !flip_columns) {
    std::memcpy(target, source, static_cast<size_t>(shape.size()) * sizeof(T));
    return;
  }
  // Channels that stand first are so many pictures of one channel.
  const int64_t planes = shape.channels_first ? shape.channels : 1;
  const int64_t width = shape.channels_first ? 1 : shape.channels;
  for (int64_t plane = 0; plane < planes; ++plane) {
    for (int64_t row = 0; row < shape.rows; ++row) {
      const T* from = source + (plane * shape.rows + row) * shape.columns * width;
      const int64_t target_row = flip_rows ? shape.rows - 1 - row : row;
      T* to = target + (plane * shape.rows + target_row) * shape.columns * width;
      if (!flip_columns) {
        std::memcpy(to, from, static_cast<size_t>(shape.columns * width) * sizeof(T));
        continue;
      }
      for (int64_t column = 0; column < shape.columns; ++column) {
        const T* pixel = from + (shape.columns - 1 - column) * width;
        std::copy(pixel, pixel + width, to + column * width);
      }
    }
  }
}

template <class T>
struct Range {
  T low, high;
};

template <class T>
Range<T> range_of(const T* values, int64_t count) {
  Range<T> range{values[0], values[0]};
  for (int64_t i = 1; i < count; ++i) {
    range.low = std::min(range.low, values[i]);
    range.high = std::max(range.high, values[i]);
  }
  return range;
}

template <class T>
void shift_channels(T* values, int64_t count, double intensity) {
  const Range<T> range = range_of(values, count);
  const T by = static_cast<T>(intensity);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = std::min(std::max(values[i] + by, range.low), range.high);
  }
}

// As Pillow blends a picture of whole numbers with a black one.
float blend(int value, float brightness) {
  const float product = brightness * static_cast<float>(value);
  if (!(product > 0)) return 0;
  return product >= 255 ? 255.0F : std::trunc(product);
}

// Pictures become whole numbers from 0 to 255, stretched to that range and back where they exceed
// it. An alpha channel stays as it is.
template <class T>
void brighten(T* values, const PictureShape& shape, float brightness) {
  const int64_t count = shape.size();
  const Range<T> range = range_of(values, count);
  const bool stretched = range.low < 0 || range.high > 255;
  const float low = static_cast<float>(range.low);
  const float high = static_cast<float>(range.high) - low;
  const float divisor = stretched && high != 0 ? high : 1;
  const T width = range.high - range.low;
  for (int64_t i = 0; i < count; ++i) {
    float value = static_cast<float>(values[i]);
    if (stretched) value = (value - low) / divisor * 255;
    const int whole = value > 0 ? static_cast<int>(std::min(value, 255.0F)) : 0;
    const int64_t channel = shape.channels_first ? i / (shape.rows * shape.columns) : i & 3;
    const bool alpha = shape.channels == 4 && channel == 3;
    const float result = alpha ? static_cast<float>(whole) : blend(whole, brightness);
    values[i] =
        stretched ? static_cast<T>(result / 255) * width + range.low : static_cast<T>(result);
  }
}

// In so many partial sums that the compiler can keep them apart.
template <class T, class Term>
double sum(const T* values, int64_t count, Term&& term) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(values[i + lane]);
  }
  double total = 0;
  for (; i < count; ++i) total += term(values[i]);
  for (const double lane : lanes) total += lane;
  return total;
}

template <class T>
double mean_of(const T* values, int64_t count) {
  return sum(values, count, [](T value) { return static_cast<double>(value); }) /
         static_cast<double>(count);
}

template <class T>
double deviation_of(const T* values, int64_t count) {
  const double mean = mean_of(values, count);
  const double squares = sum(values, count, [mean](T value) {
    const double away = static_cast<double>(value) - mean;
    return away * away;
  });
  return std::sqrt(squares / static_cast<double>(count));
}

template <class T>
void standardize(T* values, const PictureShape& shape, const Standardizing& wanted) {
  const int64_t count = shape.size();
  if (wanted.rescales) {
    const T factor = static_cast<T>(wanted.factor);
    for (int64_t i = 0; i < count; ++i) values[i] *= factor;
  }
  if (wanted.centers) {
    const T mean = static_cast<T>(mean_of(values, count));
    for (int64_t i = 0; i < count; ++i) values[i] -= mean;
  }
  if (wanted.normalizes) {
    const T divisor = static_cast<T>(deviation_of(values, count)) + static_cast<T>(1e-6);
    for (int64_t i = 0; i < count; ++i) values[i] /= divisor;
  }
  if (wanted.mean == nullptr && wanted.scale == nullptr) return;
  const int64_t pixels = shape.rows * shape.columns, channels = shape.channels;
  for (int64_t c = 0; c < channels; ++c) {
    T* at = values + c * shape.channel_stride();
    const int64_t step = shape.column_stride();
    const T mean = wanted.mean ? static_cast<T>(wanted.mean[c]) : T{0};
    const T scale = wanted.scale ? static_cast<T>(wanted.scale[c]) : T{1};
    for (int64_t i = 0; i < pixels; ++i) at[i * step] = (at[i * step] - mean) / scale;
  }
}

}  // namespace

template <class T>
void change_pictures(const T* source, T* target, const PictureShape& shape,
                     const PictureChange* changes, const WarpOptions& options,
                     const KernelContext& context) {
  if (shape.size() == 0) return;
  parallel_for(context, shape.count, [&](int64_t i) {
    const PictureChange& change = changes[i];
    const T* from = source + i * shape.size();
    T* to = target + i * shape.size();
    const bool flip_rows = change.flip_rows != 0, flip_columns = change.flip_columns != 0;
    Affine affine;
    if (affine_of(change, shape, options.swap_axes, affine)) {
      warp_picture(from, to, shape, affine, options, flip_rows, flip_columns);
    } else {
      copy_flipped(from, to, shape, flip_rows, flip_columns);
    }
    if (!std::isnan(change.channel_shift)) shift_channels(to, shape.size(), change.channel_shift);
    if (!std::isnan(change.brightness)) {
      brighten(to, shape, static_cast<float>(change.brightness));
    }
  });
}

template <class T>
void standardize_pictures(T* pictures, const PictureShape& shape, const Standardizing& wanted,
                          const KernelContext& context) {
  if (shape.size() == 0) return;
  parallel_for(context, shape.count,
               [&](int64_t i) { standardize(pictures + i * shape.size(), shape, wanted); });
}

template void change_pictures(const float*, float*, const PictureShape&, const PictureChange*,
                              const WarpOptions&, const KernelContext&);
template void change_pictures(const double*, double*, const PictureShape&, const PictureChange*,
                              const WarpOptions&, const KernelContext&);
template void standardize_pictures(float*, const PictureShape&, const Standardizing&,
                                   const KernelContext&);
template void standardize_pictures(double*, const PictureShape&, const Standardizing&,
                                   const KernelContext&);

}  // namespace nacre
