#pragma once

// What convolution and pooling share: attributes with one value per spatial axis. Tensors are
// (batch, spatial..., channels) with one to three spatial axes.
//
//   strides, dilation, window: ints
//   low: shape, the padding before each axis, never negative; places outside of a tensor count as
//   zeros in a
//     convolution and not at all in pooling
//   size: shape, the spatial sizes of the result
//
// Padding after the last element follows from the sizes. Which of them `same`, `valid` or `causal`
// padding mean is for the caller to say; sizes may be symbolic.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

// The number of spatial axes of operand i; an error unless it has one to three.
inline size_t spatial_rank(const InferContext& ctx, size_t i = 0) {
  const Shape& shape = ctx.inputs[i].shape;
  if (shape.size() >= 3 && shape.size() <= 5) return shape.size() - 2;
  value_error(ctx, "expected one to three spatial axes between batch and channels. Received " +
                       shapes_text(ctx) + ".");
}

inline Shape spatial_sizes(const Shape& shape) { return Shape(shape.begin() + 1, shape.end() - 1); }

// (batch, spatial..., channels)
inline Shape image_shape(const Dim& batch, const Shape& spatial, const Dim& channels) {
  Shape shape = {batch};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  shape.push_back(channels);
  return shape;
}

// An attribute of one positive integer per spatial axis.
inline void positive_ints_attr(const InferContext& ctx, const char* name, size_t rank) {
  const std::vector<int64_t>& values = ctx.attrs.ints(name);
  bool positive = values.size() == rank;
  for (int64_t value : values) positive &= value >= 1;
  if (positive) return;
  value_error(ctx, std::string("expected `") + name + "` to be " + std::to_string(rank) +
                       (rank == 1 ? " positive integer" : " positive integers") + ". Received " +
                       shape_str(values) + ".");
}

// The attribute `low`, and the result's spatial sizes. `what` says in an error what does not fit.
inline const Shape& geometry_attrs(InferContext& ctx, size_t rank, const std::string& what) {
  const Shape& low = ctx.attrs.shape("low");
  const Shape& size = ctx.attrs.shape("size");
  if (low.size() != rank || size.size() != rank) {
    value_error(ctx, "expected padding and size of " + std::to_string(rank) +
                         " spatial axes. Received " + shape_str(low) + " and " + shape_str(size) +
                         ".");
  }
  for (size_t i = 0; i < rank; ++i) {
    if (low[i].is_static() && low[i].value() < 0) {
      value_error(ctx, "padding must not be negative. Received " + shape_str(low) + ".");
    }
    require_at_most(ctx, 1, size[i], what);
  }
  return size;
}

// The same attributes for an op that computes a tensor of other spatial sizes.
inline Attrs resized(const Attrs& attrs, const Shape& size) {
  Attrs result = attrs;
  result.set("size", size);
  return result;
}

}  // namespace nacre::ops
