#include "image/warp.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <type_traits>

namespace nacre {
namespace {

using Matrix = std::array<std::array<double, 3>, 3>;

Matrix multiply(const Matrix& a, const Matrix& b) {
  Matrix result{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      for (size_t k = 0; k < 3; ++k) result[i][j] += a[i][k] * b[k][j];
    }
  }
  return result;
}

Matrix translation(double first, double second) {
  return {{{1, 0, first}, {0, 1, second}, {0, 0, 1}}};
}

double radians(double degrees) { return degrees * (std::numbers::pi / 180); }

// Brings a coordinate into (-1, length), where clamped neighbours give the value that the fill mode
// means; false where that is the fill value. Coordinates beyond any picture stay harmless.
bool bring_inside(double& at, int64_t length, FillMode fill) {
  const double last = static_cast<double>(length - 1);
  if (at >= 0 && at <= last) return true;
  switch (fill) {
    case FillMode::Constant:
      return false;
    case FillMode::Nearest:
      at = at < 0 ? 0 : last;
      return true;
    case FillMode::Reflect: {
      // ... c b a | a b c | c b a ...: what repeats is twice as long as the picture.
      if (length == 1) {
        at = 0;
        return true;
      }
      const double period = 2 * static_cast<double>(length);
      if (at < 0) at = -1 - at;
      at -= period * std::trunc(at / period);
      if (at >= static_cast<double>(length)) at = period - at - 1;
      break;
    }
    case FillMode::Wrap:
      // The last pixel falls on the first one of the next copy.
      if (length == 1) {
        at = 0;
      } else if (at < 0) {
        at += last * (std::trunc(-at / last) + 1);
      } else {
        at -= last * std::trunc(at / last);
      }
      break;
  }
  // So far away that nothing is left of its place, or not a number.
  if (!(at > -1 && at < static_cast<double>(length))) at = 0;
  return true;
}

// The two neighbours of a coordinate in (-1, length) and how far it lies from the first. Rounding
// by conversion: a call of floor() for each of them would take most of the time.
struct Neighbours {
  int64_t low, high;
  double fraction;
};

Neighbours neighbours(double at, int64_t length) {
  if (at < 0) return {0, 0, 0};
  const int64_t low = static_cast<int64_t>(at);
  return {low, low + (low + 1 < length), at - static_cast<double>(low)};
}

int64_t nearest(double at, int64_t length) {
  return std::min(static_cast<int64_t>(at + 0.5), length - 1);
}

using Float4 = float __attribute__((vector_size(16)));

Float4 load(const float* from) {
  Float4 values;
  std::memcpy(&values, from, sizeof(values));
  return values;
}

template <class V, class T>
V mix(V first, V second, T part) {
  return first + part * (second - first);
}

template <class T>
class Warp {
 public:
  Warp(const T* source, T* target, const PictureShape& shape, const Affine& affine,
       const WarpOptions& options)
      : source_(source),
        end_(source + shape.size()),
        target_(target),
        shape_(shape),
        affine_(affine),
        options_(options) {}

  template <int Channels, bool Linear>
  void run(bool flip_rows, bool flip_columns) const {
    const int64_t step = flip_columns ? -shape_.column_stride() : shape_.column_stride();
    for (int64_t row = 0; row < shape_.rows; ++row) {
      const int64_t target_row = flip_rows ? shape_.rows - 1 - row : row;
      T* to = target_ + target_row * shape_.row_stride();
      if (flip_columns) to += (shape_.columns - 1) * shape_.column_stride();
      // Sums in this order, as scipy makes them, decide what lies on an edge.
      const double first = affine_.offset[0] + affine_.matrix[0][0] * static_cast<double>(row);
      const double second = affine_.offset[1] + affine_.matrix[1][0] * static_cast<double>(row);
      for (int64_t column = 0; column < shape_.columns; ++column, to += step) {
        const double across = static_cast<double>(column);
        pixel<Channels, Linear>(first + affine_.matrix[0][1] * across,
                                second + affine_.matrix[1][1] * across, to);
      }
    }
  }

 private:
  template <int Channels, bool Linear>
  void pixel(double row, double column, T* to) const {
    const int64_t channels = Channels > 0 ? Channels : shape_.channels;
    // The layout is known where the number of channels is.
    const int64_t stride = Channels > 0 ? 1 : shape_.channel_stride();
    const bool inside = row >= 0 && row <= last_row_ && column >= 0 && column <= last_column_;
    if (!inside && (!bring_inside(row, shape_.rows, options_.fill) ||
                    !bring_inside(column, shape_.columns, options_.fill))) {
      for (int64_t c = 0; c < channels; ++c) to[c * stride] = static_cast<T>(options_.fill_value);
      return;
    }
    const int64_t row_stride = shape_.row_stride(), column_stride = shape_.column_stride();
    if constexpr (!Linear) {
      const T* from = source_ + nearest(row, shape_.rows) * row_stride +
                      nearest(column, shape_.columns) * column_stride;
      for (int64_t c = 0; c < channels; ++c) to[c * stride] = from[c * stride];
    } else {
      const Neighbours r = neighbours(row, shape_.rows);
      const Neighbours k = neighbours(column, shape_.columns);
      const T* top = source_ + r.low * row_stride;
      const T* bottom = source_ + r.high * row_stride;
      const int64_t left = k.low * column_stride, right = k.high * column_stride;
      // In this form equal pixels give exactly their value, which brightness cuts to an integer.
      const T down = static_cast<T>(r.fraction), across = static_cast<T>(k.fraction);
      if constexpr (std::is_same_v<T, float> && Channels == 3) {
        if (bottom + right + 4 <= end_) {  // four values where three are wanted
          const Float4 above = mix(load(top + left), load(top + right), across);
          const Float4 below = mix(load(bottom + left), load(bottom + right), across);
          const Float4 mixed = mix(above, below, down);
          std::memcpy(to, &mixed, 3 * sizeof(float));
          return;
        }
      }
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t at = c * stride;
        to[at] = mix(mix(top[left + at], top[right + at], across),
                     mix(bottom[left + at], bottom[right + at], across), down);
      }
    }
  }

  const T* const source_;
  const T* const end_;
  T* const target_;
  const PictureShape shape_;
  const double last_row_ = static_cast<double>(shape_.rows - 1);
  const double last_column_ = static_cast<double>(shape_.columns - 1);
  const Affine affine_;
  const WarpOptions options_;
};

template <class T, int Channels>
void run(const Warp<T>& warp, int order, bool flip_rows, bool flip_columns) {
  if (order == 0) {
    warp.template run<Channels, false>(flip_rows, flip_columns);
  } else {
    warp.template run<Channels, true>(flip_rows, flip_columns);
  }
}

}  // namespace

bool affine_of(const PictureChange& change, const PictureShape& shape, bool swap_axes,
               Affine& affine) {
  Matrix matrix = translation(0, 0);
  bool moves = false;
  const auto then = [&](const Matrix& next) {
    matrix = moves ? multiply(matrix, next) : next;
    moves = true;
  };
  if (change.theta != 0) {
    const double sine = std::sin(radians(change.theta)), cosine = std::cos(radians(change.theta));
    then({{{cosine, -sine, 0}, {sine, cosine, 0}, {0, 0, 1}}});
  }
  if (change.row_shift != 0 || change.column_shift != 0) {
    then(translation(change.row_shift, change.column_shift));
  }
  if (change.shear != 0) {
    const double shear = radians(change.shear);
    then({{{1, -std::sin(shear), 0}, {0, std::cos(shear), 0}, {0, 0, 1}}});
  }
  if (change.row_zoom != 1 || change.column_zoom != 1) {
    then({{{change.row_zoom, 0, 0}, {0, change.column_zoom, 0}, {0, 0, 1}}});
  }
  if (!moves) return false;
  // Keras takes half the rows for the first axis of the matrix before the axes change places.
  const double height = static_cast<double>(swap_axes ? shape.rows : shape.columns);
  const double width = static_cast<double>(swap_axes ? shape.columns : shape.rows);
  const double first = height / 2 - 0.5, second = width / 2 - 0.5;
  matrix = multiply(multiply(translation(first, second), matrix), translation(-first, -second));
  const size_t a = swap_axes ? 1 : 0, b = 1 - a;
  affine = {{{matrix[a][a], matrix[a][b]}, {matrix[b][a], matrix[b][b]}},
            {matrix[a][2], matrix[b][2]}};
  return true;
}

template <class T>
void warp_picture(const T* source, T* target, const PictureShape& shape, const Affine& affine,
                  const WarpOptions& options, bool flip_rows, bool flip_columns) {
  const Warp<T> warp(source, target, shape, affine, options);
  const int64_t channels = shape.channels;
  if (channels == 1) {
    run<T, 1>(warp, options.order, flip_rows, flip_columns);
  } else if (channels == 3 && !shape.channels_first) {
    run<T, 3>(warp, options.order, flip_rows, flip_columns);
  } else if (channels == 4 && !shape.channels_first) {
    run<T, 4>(warp, options.order, flip_rows, flip_columns);
  } else {
    run<T, 0>(warp, options.order, flip_rows, flip_columns);
  }
}

template void warp_picture(const float*, float*, const PictureShape&, const Affine&,
                           const WarpOptions&, bool, bool);
template void warp_picture(const double*, double*, const PictureShape&, const Affine&,
                           const WarpOptions&, bool, bool);

}  // namespace nacre
