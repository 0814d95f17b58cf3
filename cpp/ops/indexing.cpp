// Ops that read or write at positions held by a tensor. Reading and adding are each other's
// gradients: gather and scatter_add, gather_nd and scatter_nd, take and put along an axis.

#include <algorithm>

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

namespace {

// The parts of `shape` in [first, last).
Shape part(const Shape& shape, size_t first, size_t last) {
  return Shape(shape.begin() + first, shape.begin() + last);
}

Shape joined(Shape a, const Shape& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

Types infer_gather(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_index(ctx, 1);
  const Shape& shape = ctx.inputs[0].shape;
  const int64_t axis = axis_attr(ctx, shape);
  Shape to = joined(part(shape, 0, axis), ctx.inputs[1].shape);
  return result(ctx, ctx.inputs[0].dtype, joined(to, part(shape, axis + 1, shape.size())));
}

Grads grad_gather(const GradContext& c) {
  const int64_t axis = c.attrs.integer("axis");
  const Shape size = {input(c, 0).dim(axis)};
  return {call("scatter_add", {input(c, 1), grad(c)}, {{"axis", axis}, {"size", size}}), kNothing};
}

Types infer_scatter_add(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_index(ctx, 0);
  expect_numeric(ctx, 1);
  const Shape& indices = ctx.inputs[0].shape;
  const Shape& updates = ctx.inputs[1].shape;
  const int64_t axis = ctx.attrs.integer("axis");
  const std::string what = "expected updates whose axes from " + std::to_string(axis) +
                           " on begin with the shape of indices. Received " + shapes_text(ctx);
  if (axis < 0 || axis + indices.size() > updates.size()) value_error(ctx, what + ".");
  merge(ctx, indices, part(updates, axis, axis + indices.size()), what);
  Shape to = joined(part(updates, 0, axis), {size_attr(ctx)});
  return result(ctx, ctx.inputs[1].dtype,
                joined(to, part(updates, axis + indices.size(), updates.size())));
}

Grads grad_scatter_add(const GradContext& c) {
  return {kNothing, call("gather", {grad(c), input(c, 0)}, {{"axis", c.attrs.integer("axis")}})};
}

namespace {

// How many leading axes of `shape` the index tuples, the last axis of operand `i`, address.
int64_t tuple_length(const InferContext& ctx, size_t i, const Shape& shape) {
  expect_index(ctx, i);
  const Shape& indices = ctx.inputs[i].shape;
  if (!indices.empty() && indices.back().is_static()) {
    const int64_t length = indices.back().value();
    if (length <= static_cast<int64_t>(shape.size())) return length;
  }
  value_error(ctx, "expected the last axis of the indices to have a fixed size of at most " +
                       std::to_string(shape.size()) + ", to index shape " + shape_str(shape) +
                       ". Received indices of shape " + shape_str(indices) + ".");
}

Shape slices_shape(const Shape& indices, const Shape& shape, int64_t length) {
  return joined(part(indices, 0, indices.size() - 1), part(shape, length, shape.size()));
}

void expect_updates(InferContext& ctx, size_t i, const Shape& wanted) {
  merge(ctx, ctx.inputs[i].shape, wanted,
        "expected updates of shape " + shape_str(wanted) + ". Received shape " +
            shape_str(ctx.inputs[i].shape));
}

}  // namespace

Types infer_gather_nd(InferContext& ctx) {
  expect_inputs(ctx, 2);
  const Shape& shape = ctx.inputs[0].shape;
  const int64_t length = tuple_length(ctx, 1, shape);
  return result(ctx, ctx.inputs[0].dtype, slices_shape(ctx.inputs[1].shape, shape, length));
}

Grads grad_gather_nd(const GradContext& c) {
  return {call("scatter_nd", {input(c, 1), grad(c)}, {{"shape", input(c, 0).shape()}}), kNothing};
}

Types infer_scatter_nd(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_numeric(ctx, 1);
  const Shape& shape = ctx.attrs.shape("shape");
  const int64_t length = tuple_length(ctx, 0, shape);
  expect_updates(ctx, 1, slices_shape(ctx.inputs[0].shape, shape, length));
  return result(ctx, ctx.inputs[1].dtype, shape);
}

Grads grad_scatter_nd(const GradContext& c) {
  return {kNothing, call("gather_nd", {grad(c), input(c, 0)})};
}

Types infer_take_along_axis(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_index(ctx, 1);
  const Shape& shape = ctx.inputs[0].shape;
  const Shape& indices = ctx.inputs[1].shape;
  const int64_t axis = axis_attr(ctx, shape);
  const std::string what = "operand and indices may differ along axis " + std::to_string(axis) +
                           " only. Received " + shapes_text(ctx);
  if (indices.size() != shape.size()) value_error(ctx, what + ".");
  merge(ctx, replaced(shape, axis, 1), replaced(indices, axis, 1), what);
  return result(ctx, ctx.inputs[0].dtype, indices);
}

Grads grad_take_along_axis(const GradContext& c) {
  const int64_t axis = c.attrs.integer("axis");
  const Shape size = {input(c, 0).dim(axis)};
  return {call("put_along_axis_add", {input(c, 1), grad(c)}, {{"axis", axis}, {"size", size}}),
          kNothing};
}

Types infer_put_along_axis_add(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_index(ctx, 0);
  expect_numeric(ctx, 1);
  const Shape& indices = ctx.inputs[0].shape;
  const int64_t axis = axis_attr(ctx, indices);
  Shape shape = merge(ctx, ctx.inputs[1].shape, indices,
                      "expected indices and updates of one shape. Received " + shapes_text(ctx));
  return result(ctx, ctx.inputs[1].dtype, replaced(shape, axis, size_attr(ctx)));
}

Grads grad_put_along_axis_add(const GradContext& c) {
  return {kNothing,
          call("take_along_axis", {grad(c), input(c, 0)}, {{"axis", c.attrs.integer("axis")}})};
}

Types infer_scatter_update(InferContext& ctx) {
  expect_inputs(ctx, 3);
  expect_same_dtype(ctx, 0, 2);
  expect_rank(ctx, 1, 2);
  const Shape& shape = ctx.inputs[0].shape;
  const int64_t length = tuple_length(ctx, 1, shape);
  expect_updates(ctx, 2, slices_shape(ctx.inputs[1].shape, shape, length));
  return {ctx.inputs[0]};
}

// What was overwritten has no gradient: neither the operand under an update, nor an update under a
// later one of the same place.
Grads grad_scatter_update(const GradContext& c) {
  Expr x = input(c, 0), indices = input(c, 1), updates = input(c, 2), g = grad(c);
  Expr dx = call("scatter_update", {g, indices, full(c.b, 0, g.dtype(), updates.shape())});
  const int64_t length = indices.dim(1).value();
  Attrs order = {{"shape", Shape{indices.dim(0)}}, {"axis", 0}, {"dtype", DType::Int32}};
  Expr turn = {c.b, c.b.op("iota", {}, order)};
  Expr nobody = full(c.b, -1, DType::Int32, part(x.shape(), 0, length));
  Expr winner = call("gather_nd", {call("scatter_update", {nobody, indices, turn}), indices});
  Shape column(updates.rank(), 1);
  column[0] = indices.dim(0);
  Expr won = reshape(eq(winner, turn), column);
  return {dx, kNothing, where(won, call("gather_nd", {g, indices}), 0)};
}

namespace {

void expect_starts(InferContext& ctx, size_t i, const Shape& shape) {
  const TensorType& starts = ctx.inputs[i];
  if (starts.dtype != DType::Int32) {
    type_error(ctx, "expected starts of int32. Received " + type_str(starts) + ".");
  }
  if (starts.shape == Shape{static_cast<int64_t>(shape.size())}) return;
  value_error(ctx, "expected one start per axis of shape " + shape_str(shape) +
                       ". Received starts of shape " + shape_str(starts.shape) + ".");
}

void expect_fits(InferContext& ctx, const Shape& small, const Shape& large) {
  const std::string what =
      "a slice of shape " + shape_str(small) + " does not fit in shape " + shape_str(large);
  if (small.size() != large.size()) value_error(ctx, what + ".");
  for (size_t i = 0; i < small.size(); ++i) require_at_most(ctx, small[i], large[i], what);
}

}  // namespace

Types infer_dynamic_slice(InferContext& ctx) {
  expect_inputs(ctx, 2);
  const Shape& size = ctx.attrs.shape("size");
  check_size(ctx, size);
  expect_fits(ctx, size, ctx.inputs[0].shape);
  expect_starts(ctx, 1, ctx.inputs[0].shape);
  return {{ctx.inputs[0].dtype, size}};
}

Grads grad_dynamic_slice(const GradContext& c) {
  Expr zeros = full(c.b, 0, grad(c).dtype(), input(c, 0).shape());
  return {call("dynamic_update_slice", {zeros, grad(c), input(c, 1)}), kNothing};
}

Types infer_dynamic_update_slice(InferContext& ctx) {
  expect_inputs(ctx, 3);
  expect_same_dtype(ctx, 0, 1);
  expect_fits(ctx, ctx.inputs[1].shape, ctx.inputs[0].shape);
  expect_starts(ctx, 2, ctx.inputs[0].shape);
  return {ctx.inputs[0]};
}

Grads grad_dynamic_update_slice(const GradContext& c) {
  Expr g = grad(c), starts = input(c, 2);
  const Shape size = input(c, 1).shape();
  Expr zeros = full(c.b, 0, g.dtype(), size);
  return {call("dynamic_update_slice", {g, zeros, starts}),
          call("dynamic_slice", {g, starts}, {{"size", size}}), kNothing};
}

Types infer_one_hot(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_index(ctx, 0);
  const int64_t depth = ctx.attrs.integer("depth");
  if (depth < 0) {
    value_error(
        ctx, "the number of classes must not be negative. Received " + std::to_string(depth) + ".");
  }
  return result(ctx, ctx.attrs.dtype("dtype"), joined(ctx.inputs[0].shape, {depth}));
}

Types infer_iota(InferContext& ctx) {
  expect_inputs(ctx, 0);
  const Shape& shape = ctx.attrs.shape("shape");
  axis_attr(ctx, shape);
  return result(ctx, ctx.attrs.dtype("dtype"), shape);
}

}  // namespace nacre::ops
