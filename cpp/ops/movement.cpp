// Ops that move elements without computing: reshape, transpose, broadcast, concat, slice, pad,
// reverse; and the size of a dimension as a value.

#include <algorithm>

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;
using Ints = std::vector<int64_t>;

namespace {

// Elements from the first to the last, both counted, when `size` of them lie `stride` apart.
Dim span(const Dim& size, int64_t stride) {
  if (stride == 1) return size;
  return size + dim_max(size - 1, 0) * Dim(stride - 1);
}

void expect_per_axis(const InferContext& ctx, const char* what, size_t count, const Shape& shape) {
  if (count == shape.size()) return;
  value_error(ctx, std::string("expected one ") + what + " per axis. Received " +
                       std::to_string(count) + " for shape " + shape_str(shape) + ".");
}

}  // namespace

Types infer_reshape(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Shape& from = ctx.inputs[0].shape;
  const Shape& to = ctx.attrs.shape("shape");
  check_size(ctx, to);
  Dim before = element_count(from), after = element_count(to);
  const std::string what = "cannot reshape " + shape_str(from) + " into " + shape_str(to) + ": " +
                           before.str() + " elements against " + after.str();
  merge(ctx, before, after, what);
  return {{ctx.inputs[0].dtype, to}};
}

Grads grad_reshape(const GradContext& c) { return {reshape(grad(c), input(c, 0).shape())}; }

Types infer_transpose(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Shape& shape = ctx.inputs[0].shape;
  const Ints& perm = ctx.attrs.ints("perm");
  Ints sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  bool permutation = perm.size() == shape.size();
  for (size_t i = 0; i < sorted.size(); ++i) permutation &= sorted[i] == static_cast<int64_t>(i);
  if (!permutation) {
    value_error(ctx, "axes " + shape_str(perm) + " are not a permutation of the axes of shape " +
                         shape_str(shape) + ".");
  }
  Shape to;
  for (int64_t axis : perm) to.push_back(shape[axis]);
  return {{ctx.inputs[0].dtype, to}};
}

Grads grad_transpose(const GradContext& c) {
  const Ints& perm = c.attrs.ints("perm");
  Ints inverse(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inverse[perm[i]] = static_cast<int64_t>(i);
  return {call("transpose", {grad(c)}, {{"perm", inverse}})};
}

Types infer_broadcast_to(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Shape& from = ctx.inputs[0].shape;
  const Shape& to = ctx.attrs.shape("shape");
  const std::string what = "shape " + shape_str(from) + " cannot be broadcast to " + shape_str(to);
  if (from.size() > to.size()) value_error(ctx, what + ".");
  for (size_t i = 0; i < from.size(); ++i) {
    const Dim& target = to[to.size() - from.size() + i];
    if (!(from[i] == 1)) merge(ctx, from[i], target, what);
  }
  return result(ctx, ctx.inputs[0].dtype, to);
}

Grads grad_broadcast_to(const GradContext& c) { return {reduce_to(grad(c), input(c, 0).shape())}; }

Types infer_concat(InferContext& ctx) {
  if (ctx.inputs.empty()) value_error(ctx, "expected at least one tensor. Received none.");
  Shape shape = ctx.inputs[0].shape;
  const int64_t axis = axis_attr(ctx, shape);
  const std::string what = "tensors may differ along axis " + std::to_string(axis) +
                           " only. Received " + shapes_text(ctx);
  for (size_t i = 1; i < ctx.inputs.size(); ++i) {
    expect_same_dtype(ctx, 0, i);
    const Shape& other = ctx.inputs[i].shape;
    if (other.size() != shape.size()) value_error(ctx, what + ".");
    const Dim total = shape[axis] + other[axis];
    shape =
        replaced(merge(ctx, replaced(shape, axis, 1), replaced(other, axis, 1), what), axis, total);
  }
  return result(ctx, ctx.inputs[0].dtype, shape);
}

Grads grad_concat(const GradContext& c) {
  const int64_t axis = c.attrs.integer("axis");
  Expr g = grad(c);
  Grads grads;
  Shape start(g.rank(), 0);
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    const Shape size = input(c, i).shape();
    grads.push_back(
        call("slice", {g}, {{"start", start}, {"size", size}, {"stride", Ints(size.size(), 1)}}));
    start[axis] = start[axis] + size[axis];
  }
  return grads;
}

Types infer_slice(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Shape& shape = ctx.inputs[0].shape;
  const Shape& start = ctx.attrs.shape("start");
  const Shape& size = ctx.attrs.shape("size");
  const Ints& stride = ctx.attrs.ints("stride");
  expect_per_axis(ctx, "start", start.size(), shape);
  expect_per_axis(ctx, "size", size.size(), shape);
  expect_per_axis(ctx, "stride", stride.size(), shape);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (stride[i] < 1) {
      value_error(ctx, "strides must be at least 1. Received " + shape_str(stride) + ".");
    }
    if (start[i] == 0 && size[i] == shape[i] && stride[i] == 1) continue;  // all of it
    const std::string what = "the slice of size " + size[i].str() + " from " + start[i].str() +
                             " leaves axis " + std::to_string(i) + " of shape " + shape_str(shape);
    require_at_most(ctx, 0, start[i], what);
    require_at_most(ctx, 0, size[i], what);
    if (!(size[i] == 0)) {
      require_at_most(ctx, start[i] + span(size[i], stride[i]), shape[i], what);
    }
  }
  return {{ctx.inputs[0].dtype, size}};
}

Grads grad_slice(const GradContext& c) {
  Expr x = input(c, 0), g = grad(c);
  const Shape& start = c.attrs.shape("start");
  const Shape& size = c.attrs.shape("size");
  Ints interior = c.attrs.ints("stride");
  Shape high;
  for (size_t i = 0; i < start.size(); ++i) {
    high.push_back(x.dim(static_cast<int64_t>(i)) - start[i] - span(size[i], interior[i]));
    interior[i] -= 1;
  }
  return {call("pad", {g, scalar(g, 0)}, {{"low", start}, {"high", high}, {"interior", interior}})};
}

Types infer_pad(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_same_dtype(ctx, 0, 1);
  expect_rank(ctx, 1, 0);
  const Shape& shape = ctx.inputs[0].shape;
  const Shape& low = ctx.attrs.shape("low");
  const Shape& high = ctx.attrs.shape("high");
  const Ints& interior = ctx.attrs.ints("interior");
  expect_per_axis(ctx, "padding before", low.size(), shape);
  expect_per_axis(ctx, "padding after", high.size(), shape);
  expect_per_axis(ctx, "padding between", interior.size(), shape);
  Shape padded;
  for (size_t i = 0; i < shape.size(); ++i) {
    const std::string what = "padding must not be negative. Received " + low[i].str() + " and " +
                             high[i].str() + " for axis " + std::to_string(i);
    if (interior[i] < 0) value_error(ctx, what + ".");
    require_at_most(ctx, 0, low[i], what);
    require_at_most(ctx, 0, high[i], what);
    padded.push_back(low[i] + span(shape[i], interior[i] + 1) + high[i]);
  }
  return result(ctx, ctx.inputs[0].dtype, padded);
}

Grads grad_pad(const GradContext& c) {
  Expr x = input(c, 0), g = grad(c);
  Ints stride = c.attrs.ints("interior");
  for (int64_t& step : stride) step += 1;
  Expr dx = call("slice", {g},
                 {{"start", c.attrs.shape("low")}, {"size", x.shape()}, {"stride", stride}});
  // The value's gradient is the sum over the padding, found by padding a mask.
  Expr inside = full(c.b, 0, DType::Bool, x.shape());
  Expr padding = call("pad", {inside, {c.b, c.b.constant(1, DType::Bool)}}, c.attrs);
  return {dx, reduce_to(where(padding, g, 0), {})};
}

Types infer_reverse(InferContext& ctx) {
  expect_inputs(ctx, 1);
  axes_attr(ctx, ctx.inputs[0].shape);
  return {ctx.inputs[0]};
}

Grads grad_reverse(const GradContext& c) { return {call("reverse", {grad(c)}, c.attrs)}; }

Types infer_dim_size(InferContext& ctx) {
  expect_inputs(ctx, 0);
  size_attr(ctx);
  return {{ctx.attrs.dtype("dtype"), {}}};
}

// For a backend that has nothing better: a sum of ones.
Grads decompose_dim_size(Builder& b, std::span<const Value>, const Attrs& attrs) {
  const Shape& size = attrs.shape("size");
  const DType dtype = attrs.dtype("dtype");
  if (is_static(size)) return {size_of(b, size[0], dtype)};
  return {cast(sum(full(b, 1, DType::Int64, size), {0}, false), dtype)};
}

}  // namespace nacre::ops
