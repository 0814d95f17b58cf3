#include "image/picture.h"

#include <cmath>
#include <string>

#include "bindings/common.h"
#include "core/error.h"
#include "parallel/thread_pool.h"

namespace nacre::bindings {
namespace {

using Changes = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Channels = std::optional<Changes>;

constexpr py::ssize_t kChangeWidth = sizeof(PictureChange) / sizeof(double);

PictureShape shape_of_batch(const py::array& pictures, bool channels_first) {
  if (pictures.ndim() != 4) {
    throw ValueError("Expected a batch of pictures, an array of rank 4. Received: rank " +
                     std::to_string(pictures.ndim()));
  }
  if (!(pictures.flags() & py::array::c_style)) {
    throw ValueError("Expected a batch of pictures that lies in memory as one piece.");
  }
  const auto at = [&](int axis) { return static_cast<int64_t>(pictures.shape(axis)); };
  return channels_first ? PictureShape{at(0), at(2), at(3), at(1), true}
                        : PictureShape{at(0), at(1), at(2), at(3), false};
}

FillMode fill_mode_of(const std::string& name) {
  if (name == "constant") return FillMode::Constant;
  if (name == "nearest") return FillMode::Nearest;
  if (name == "reflect") return FillMode::Reflect;
  if (name == "wrap") return FillMode::Wrap;
  throw ValueError("`fill_mode` is 'constant', 'nearest', 'reflect' or 'wrap'. Received: '" + name +
                   "'");
}

void check_changes(const Changes& changes, int64_t count) {
  if (changes.ndim() != 2 || changes.shape(0) != count || changes.shape(1) != kChangeWidth) {
    throw ValueError("Expected " + std::to_string(kChangeWidth) + " numbers for each picture.");
  }
  const double* numbers = changes.data();
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < 8; ++j) {  // the last two may be missing
      if (!std::isfinite(numbers[i * kChangeWidth + j])) {
        throw ValueError("A transformation's parameter is not a finite number.");
      }
    }
  }
}

template <class T>
void change_all(const py::array& source, py::array& target, const PictureShape& shape,
                const Changes& changes, const WarpOptions& options) {
  const T* from = static_cast<const T*>(source.data());
  T* to = static_cast<T*>(target.mutable_data());
  const auto* each = reinterpret_cast<const PictureChange*>(changes.data());
  py::gil_scoped_release unlocked;
  change_pictures(from, to, shape, each, options, make_context(nullptr, nullptr, nullptr));
}

void change(const py::array& source, py::array target, const Changes& changes, bool channels_first,
            const std::string& fill_mode, double cval, int order, bool swap_axes) {
  const PictureShape shape = shape_of_batch(source, channels_first);
  const PictureShape other = shape_of_batch(target, channels_first);
  if (other.count != shape.count || other.rows != shape.rows || other.columns != shape.columns ||
      other.channels != shape.channels || dtype_of(source.dtype()) != dtype_of(target.dtype())) {
    throw ValueError("Expected source and target of one shape and dtype.");
  }
  if (order != 0 && order != 1) {
    throw ValueError("`interpolation_order` is 0 (nearest pixel) or 1 (linear). Received: " +
                     std::to_string(order));
  }
  check_changes(changes, shape.count);
  const WarpOptions options{fill_mode_of(fill_mode), cval, order, swap_axes};
  switch (dtype_of(source.dtype())) {
    case DType::Float32:
      return change_all<float>(source, target, shape, changes, options);
    case DType::Float64:
      return change_all<double>(source, target, shape, changes, options);
    default:
      throw TypeError("Expected pictures of float32 or float64.");
  }
}

const double* channel_values(const Channels& values, int64_t channels) {
  if (!values) return nullptr;
  if (values->ndim() != 1 || values->shape(0) != channels) {
    throw ValueError("Expected one number for each of " + std::to_string(channels) + " channels.");
  }
  return values->data();
}

void standardize(py::array pictures, bool channels_first, std::optional<double> rescale,
                 bool centers, bool normalizes, const Channels& mean, const Channels& scale) {
  const PictureShape shape = shape_of_batch(pictures, channels_first);
  const Standardizing wanted{rescale.has_value(),
                             rescale.value_or(1),
                             centers,
                             normalizes,
                             channel_values(mean, shape.channels),
                             channel_values(scale, shape.channels)};
  const DType dtype = dtype_of(pictures.dtype());
  if (dtype != DType::Float32 && dtype != DType::Float64) {
    throw TypeError("Expected pictures of float32 or float64.");
  }
  void* data = pictures.mutable_data();
  py::gil_scoped_release unlocked;
  const KernelContext context = make_context(nullptr, nullptr, nullptr);
  if (dtype == DType::Float32) {
    standardize_pictures(static_cast<float*>(data), shape, wanted, context);
  } else {
    standardize_pictures(static_cast<double*>(data), shape, wanted, context);
  }
}

}  // namespace

void bind_image(py::module_& m) {
  m.def("change_pictures", &change, py::arg("source"), py::arg("target"), py::arg("changes"),
        py::arg("channels_first"), py::arg("fill_mode"), py::arg("cval"), py::arg("order"),
        py::arg("swap_axes") = true);
  m.def("standardize_pictures", &standardize, py::arg("pictures"), py::arg("channels_first"),
        py::arg("rescale") = py::none(), py::arg("centers") = false, py::arg("normalizes") = false,
        py::arg("mean") = py::none(), py::arg("scale") = py::none());
}

}  // namespace nacre::bindings
