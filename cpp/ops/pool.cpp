// Pooling over windows, per channel. Place k of the window at position `out` is element
// in = out * stride + k - low of x; places outside of x do not count.
//
//   max_pool(x)                   y, and the index of each maximum: its place in the window,
//   counted
//                                 row-major; uint8 where the window has at most 256 places, else
//                                 int32. The first of equal maxima wins.
//   max_pool_gradient(dy, index)  dx: each element of dy added where its maximum stood
//   max_pool_gather(x, index)     y: the elements of x at the places of the index
//   average_pool(x)               y: the mean over the elements that the window meets
//   average_pool_gradient(dy)     dx: each element of dy spread evenly over its window
//
// Given the index, both families are linear, and each gradient op is the other's adjoint.

#include "ops/window.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

namespace {

constexpr int64_t kByteWindow = 256;  // places that a byte can tell apart

DType index_dtype(const std::vector<int64_t>& window) {
  const Shape places(window.begin(), window.end());
  return element_count(places).value() <= kByteWindow ? DType::UInt8 : DType::Int32;
}

// The type of the first result: the first operand with other spatial sizes.
TensorType pooled(InferContext& ctx) {
  const size_t rank = spatial_rank(ctx);
  positive_ints_attr(ctx, "window", rank);
  positive_ints_attr(ctx, "strides", rank);
  const std::vector<int64_t>& window = ctx.attrs.ints("window");
  if (element_count(Shape(window.begin(), window.end())).value() > INT32_MAX) {
    value_error(ctx, "a window of size " + shape_str(window) + " has too many places.");
  }
  const TensorType& x = ctx.inputs[0];
  const Shape& size = geometry_attrs(
      ctx, rank,
      "a window of size " + shape_str(window) + " does not fit. Received " + shapes_text(ctx));
  return result(ctx, x.dtype, image_shape(x.shape.front(), size, x.shape.back()))[0];
}

void expect_index_of(InferContext& ctx, const Shape& wanted) {
  const DType dtype = index_dtype(ctx.attrs.ints("window"));
  if (ctx.inputs[1].dtype != dtype) {
    type_error(ctx, "expected an index of " + std::string(dtype_name(dtype)) + ". Received " +
                        std::string(dtype_name(ctx.inputs[1].dtype)) + ".");
  }
  const Shape& shape = ctx.inputs[1].shape;
  merge(ctx, shape, wanted,
        "expected an index of shape " + shape_str(wanted) + ". Received shape " + shape_str(shape));
}

Expr routed(const GradContext& c, const char* op, const Expr& x, const Expr& index,
            const Expr& like) {
  return call(op, {x, index}, resized(c.attrs, spatial_sizes(like.shape())));
}

}  // namespace

Types infer_max_pool(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_numeric(ctx, 0);
  const TensorType y = pooled(ctx);
  return {y, {index_dtype(ctx.attrs.ints("window")), y.shape}};
}

Grads grad_max_pool(const GradContext& c) {
  if (!grad(c).valid()) return {kNothing};
  return {routed(c, "max_pool_gradient", grad(c), output(c, 1), input(c, 0))};
}

Types infer_max_pool_gradient(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_numeric(ctx, 0);
  const TensorType dx = pooled(ctx);
  expect_index_of(ctx, ctx.inputs[0].shape);
  return {dx};
}

Grads grad_max_pool_gradient(const GradContext& c) {
  return {routed(c, "max_pool_gather", grad(c), input(c, 1), input(c, 0)), kNothing};
}

Types infer_max_pool_gather(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_numeric(ctx, 0);
  const TensorType y = pooled(ctx);
  expect_index_of(ctx, y.shape);
  return {y};
}

Grads grad_max_pool_gather(const GradContext& c) {
  return {routed(c, "max_pool_gradient", grad(c), input(c, 1), input(c, 0)), kNothing};
}

Types infer_average_pool(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_floating(ctx, 0);
  return {pooled(ctx)};
}

Grads grad_average_pool(const GradContext& c) {
  return {call("average_pool_gradient", {grad(c)},
               resized(c.attrs, spatial_sizes(input(c, 0).shape())))};
}

Grads grad_average_pool_gradient(const GradContext& c) {
  return {call("average_pool", {grad(c)}, resized(c.attrs, spatial_sizes(input(c, 0).shape())))};
}

}  // namespace nacre::ops
