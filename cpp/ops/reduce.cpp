// Reductions over axes, positions of extremes, and cumulative sums and products.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;
using Axes = std::vector<int64_t>;

namespace {

Shape reduced_shape(const Shape& shape, const Axes& axes, bool keepdims) {
  Shape kept = keepdims_shape(shape, axes);
  if (keepdims) return kept;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) kept.erase(kept.begin() + *axis);
  return kept;
}

// An extreme of nothing has no value, unless no extreme is asked for.
void reject_empty(const InferContext& ctx, const Shape& shape, const Axes& axes) {
  bool empty = false;
  for (int64_t axis : axes) empty |= shape[axis] == 0;
  for (const Dim& dim : reduced_shape(shape, axes, false)) empty &= !(dim == 0);
  if (empty) {
    value_error(ctx, "there is no element along an axis of size 0. Received shape " +
                         shape_str(shape) + ".");
  }
}

Types reduce_types(const InferContext& ctx, const Axes& axes, DType dtype) {
  return {{dtype, reduced_shape(ctx.inputs[0].shape, axes, ctx.attrs.flag("keepdims"))}};
}

// x {axis, reverse, exclusive}, run over the same axis.
Expr cumulate(std::string_view op, const Expr& x, const Attrs& attrs, bool reverse,
              bool exclusive) {
  return call(op, {x},
              {{"axis", attrs.integer("axis")}, {"reverse", reverse}, {"exclusive", exclusive}});
}

}  // namespace

Types infer_reduce_numeric(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_numeric(ctx, 0);
  return reduce_types(ctx, axes_attr(ctx, ctx.inputs[0].shape), ctx.inputs[0].dtype);
}

Types infer_reduce_extreme(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Axes& axes = axes_attr(ctx, ctx.inputs[0].shape);
  reject_empty(ctx, ctx.inputs[0].shape, axes);
  return reduce_types(ctx, axes, ctx.inputs[0].dtype);
}

Types infer_arg_extreme(InferContext& ctx) {
  expect_inputs(ctx, 1);
  const Axes axes = {axis_attr(ctx, ctx.inputs[0].shape)};
  reject_empty(ctx, ctx.inputs[0].shape, axes);
  return reduce_types(ctx, axes, DType::Int32);
}

Types infer_cumulative(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_numeric(ctx, 0);
  axis_attr(ctx, ctx.inputs[0].shape);
  ctx.attrs.flag("reverse");
  ctx.attrs.flag("exclusive");
  return {ctx.inputs[0]};
}

Grads grad_reduce_sum(const GradContext& c) {
  const Shape shape = input(c, 0).shape();
  return {broadcast_to(reshape(grad(c), keepdims_shape(shape, c.attrs.ints("axes"))), shape)};
}

// Shared equally among the elements that reach the extreme.
Grads grad_reduce_extreme(const GradContext& c) {
  Expr x = input(c, 0);
  const Axes& axes = c.attrs.ints("axes");
  const Shape kept = keepdims_shape(x.shape(), axes);
  Expr reached = eq(x, reshape(output(c), kept));
  Expr count = sum(cast(reached, x.dtype()), axes, true);
  return {where(reached, reshape(grad(c), kept) / count, 0)};
}

// The product of all others, as the product of those before and of those after: exact also where
// elements are zero. Several axes are taken one after the other.
Grads grad_reduce_prod(const GradContext& c) {
  const Axes& axes = c.attrs.ints("axes");
  std::vector<Expr> partial = {input(c, 0)};
  for (size_t i = 0; i + 1 < axes.size(); ++i) {
    partial.push_back(
        call("reduce_prod", {partial.back()}, {{"axes", Axes{axes[i]}}, {"keepdims", true}}));
  }
  Expr g = reshape(grad(c), keepdims_shape(input(c, 0).shape(), axes));
  for (size_t i = axes.size(); i-- > 0;) {
    const Attrs along = {{"axis", axes[i]}};
    Expr before = cumulate("cumprod", partial[i], along, false, true);
    Expr after = cumulate("cumprod", partial[i], along, true, true);
    g = g * (before * after);
  }
  return {g};
}

Grads grad_cumsum(const GradContext& c) {
  return {
      cumulate("cumsum", grad(c), c.attrs, !c.attrs.flag("reverse"), c.attrs.flag("exclusive"))};
}

// dx[k] sums g[j] y[j] / x[k] over the results j that x[k] entered. Zeros are met without dividing:
// up to the first zero of a line nothing is wrong; at it, y is computed with that zero replaced by
// one; behind it every product but those is zero.
Grads grad_cumprod(const GradContext& c) {
  Expr x = input(c, 0), g = grad(c);
  const bool reverse = c.attrs.flag("reverse"), exclusive = c.attrs.flag("exclusive");
  Expr zero = eq(x, 0);
  Expr zeros_before = cumulate("cumsum", cast(zero, DType::Int32), c.attrs, reverse, true);
  Expr none_before = eq(zeros_before, 0);
  Expr first_zero = logical_and(zero, none_before);
  Expr y_without = cumulate("cumprod", where(first_zero, 1, x), c.attrs, reverse, exclusive);
  Expr plain = cumulate("cumsum", g * output(c), c.attrs, !reverse, exclusive);
  Expr at_zero = cumulate("cumsum", g * y_without, c.attrs, !reverse, exclusive);
  Expr dx = where(none_before, plain / where(zero, 1, x), 0);
  return {where(first_zero, at_zero, dx)};
}

}  // namespace nacre::ops
