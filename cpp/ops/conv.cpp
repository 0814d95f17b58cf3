// Convolution and its two gradients. Position `out` of y and tap k of the kernel meet at
// in = out * stride + k * dilation - low, and elements outside of x are zeros:
//
//   conv(x, kernel)                 y[n, out, f]     = sum over k, c       x * kernel
//   conv_input_gradient(dy, kernel) dx[n, in, c]     = sum over k, out, f  dy * kernel
//   conv_kernel_gradient(x, dy)     dkernel[k, c, f] = sum over n, out     x * dy
//
// x is (batch, in..., channels), y (batch, out..., filters), the kernel (taps..., channels /
// groups, filters). All three are one trilinear form in x, kernel and y with one of them left out,
// so the gradients of each are the other two, to any order. A transposed convolution is
// conv_input_gradient; a depthwise one has as many groups as channels.

#include "ops/window.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

namespace {

// The spatial rank, after checks that all three ops share.
size_t common_checks(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_floating(ctx, 0);
  expect_same_dtype(ctx, 0, 1);
  const size_t rank = spatial_rank(ctx);
  if (ctx.inputs[1].shape.size() != rank + 2) {
    value_error(ctx, "expected operands of equal rank. Received " + shapes_text(ctx) + ".");
  }
  positive_ints_attr(ctx, "strides", rank);
  positive_ints_attr(ctx, "dilation", rank);
  if (ctx.attrs.integer("groups") < 1) {
    value_error(ctx, "expected a positive number of groups. Received groups=" +
                         std::to_string(ctx.attrs.integer("groups")) + ".");
  }
  return rank;
}

std::string groups_text(const InferContext& ctx) {
  const int64_t groups = ctx.attrs.integer("groups");
  return groups == 1 ? "" : " and groups=" + std::to_string(groups);
}

// channels / groups.
Dim per_group(InferContext& ctx, const Dim& channels, const char* what) {
  const int64_t groups = ctx.attrs.integer("groups");
  Dim share;
  if (divide_exactly(channels, groups, &share)) return share;
  if (!channels.is_static()) return floor_divide(channels, groups);
  value_error(ctx, std::string("expected ") + what + " to be a multiple of groups=" +
                       std::to_string(groups) + ". Received " + channels.str() + ".");
}

std::string does_not_fit(const InferContext& ctx, const Shape& kernel) {
  const std::vector<int64_t>& dilation = ctx.attrs.ints("dilation");
  std::string text = "a kernel of size " + shape_str(kernel);
  for (int64_t rate : dilation) {
    if (rate == 1) continue;
    text += " and dilation " + shape_str(dilation);
    break;
  }
  return text + " does not fit. Received " + shapes_text(ctx);
}

Shape taps_of(const Shape& kernel) { return Shape(kernel.begin(), kernel.end() - 2); }

}  // namespace

Types infer_conv(InferContext& ctx) {
  const size_t rank = common_checks(ctx);
  const Shape& x = ctx.inputs[0].shape;
  const Shape& kernel = ctx.inputs[1].shape;
  const Dim wanted = kernel[rank] * Dim(ctx.attrs.integer("groups"));
  merge(ctx, x.back(), wanted,
        "expected an input of " + wanted.str() + " channels for a kernel of shape " +
            shape_str(kernel) + groups_text(ctx) + ". Received " + x.back().str() +
            " channels in shape " + shape_str(x));
  per_group(ctx, kernel.back(), "the number of filters");
  const Shape& size = geometry_attrs(ctx, rank, does_not_fit(ctx, taps_of(kernel)));
  return result(ctx, ctx.inputs[0].dtype, image_shape(x[0], size, kernel.back()));
}

Types infer_conv_input_gradient(InferContext& ctx) {
  const size_t rank = common_checks(ctx);
  const Shape& dy = ctx.inputs[0].shape;
  const Shape& kernel = ctx.inputs[1].shape;
  merge(ctx, dy.back(), kernel.back(),
        "expected " + kernel.back().str() + " channels for a kernel of shape " + shape_str(kernel) +
            ". Received " + dy.back().str() + " channels in shape " + shape_str(dy));
  per_group(ctx, kernel.back(), "the number of filters");
  const Shape& size = geometry_attrs(ctx, rank, does_not_fit(ctx, taps_of(kernel)));
  const Dim channels = kernel[rank] * Dim(ctx.attrs.integer("groups"));
  return result(ctx, ctx.inputs[0].dtype, image_shape(dy[0], size, channels));
}

Types infer_conv_kernel_gradient(InferContext& ctx) {
  const size_t rank = common_checks(ctx);
  const Shape& x = ctx.inputs[0].shape;
  const Shape& dy = ctx.inputs[1].shape;
  merge(ctx, x[0], dy[0], "the batch sizes differ. Received " + shapes_text(ctx));
  Shape kernel = geometry_attrs(ctx, rank, "expected a kernel with taps");
  kernel.push_back(per_group(ctx, x.back(), "the number of channels"));
  per_group(ctx, dy.back(), "the number of filters");
  kernel.push_back(dy.back());
  return result(ctx, ctx.inputs[0].dtype, std::move(kernel));
}

namespace {

// The same trilinear form, computing what has the spatial sizes of `like`.
Expr conv(const GradContext& c, const Expr& x, const Expr& kernel, const Expr& like) {
  return call("conv", {x, kernel}, resized(c.attrs, spatial_sizes(like.shape())));
}
Expr input_gradient(const GradContext& c, const Expr& dy, const Expr& kernel, const Expr& like) {
  return call("conv_input_gradient", {dy, kernel}, resized(c.attrs, spatial_sizes(like.shape())));
}
Expr kernel_gradient(const GradContext& c, const Expr& x, const Expr& dy, const Expr& like) {
  return call("conv_kernel_gradient", {x, dy}, resized(c.attrs, taps_of(like.shape())));
}

}  // namespace

Grads grad_conv(const GradContext& c) {
  Expr x = input(c, 0), kernel = input(c, 1), g = grad(c);
  return {input_gradient(c, g, kernel, x), kernel_gradient(c, x, g, kernel)};
}

Grads grad_conv_input_gradient(const GradContext& c) {
  Expr dy = input(c, 0), kernel = input(c, 1), g = grad(c);
  return {conv(c, g, kernel, dy), kernel_gradient(c, g, dy, kernel)};
}

Grads grad_conv_kernel_gradient(const GradContext& c) {
  Expr x = input(c, 0), dy = input(c, 1), g = grad(c);
  return {input_gradient(c, dy, g, x), conv(c, x, g, dy)};
}

}  // namespace nacre::ops
