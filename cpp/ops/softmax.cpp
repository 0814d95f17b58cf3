// softmax and log_softmax along an axis. Both shift by the maximum, which changes neither the
// result nor any derivative, so the maximum takes no gradient.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Values = std::vector<Value>;

namespace {

Expr shifted(const Expr& x, int64_t axis) { return x - stop_gradient(max_along(x, axis)); }

}  // namespace

Types infer_along_axis(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_floating(ctx, 0);
  axis_attr(ctx, ctx.inputs[0].shape);
  return {ctx.inputs[0]};
}

// (result, gradient of the result)
Types infer_along_axis_grad(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_floating(ctx, 0);
  expect_same_dtype(ctx, 0, 1);
  axis_attr(ctx, ctx.inputs[0].shape);
  Shape shape = merge(ctx, ctx.inputs[0].shape, ctx.inputs[1].shape,
                      "expected a gradient of the result's shape. Received " + shapes_text(ctx));
  return {{ctx.inputs[0].dtype, shape}};
}

Values decompose_softmax(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  const int64_t axis = attrs.integer("axis");
  Expr e = exp(shifted({b, in[0]}, axis));
  return {e / sum(e, {axis}, true)};
}

Values grad_softmax(const GradContext& c) {
  return {call("softmax_grad", {output(c), grad(c)}, c.attrs)};
}

Values decompose_softmax_grad(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  Expr y(b, in[0]), dy(b, in[1]);
  return {y * (dy - sum(dy * y, {attrs.integer("axis")}, true))};
}

Values decompose_log_softmax(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  const int64_t axis = attrs.integer("axis");
  Expr z = shifted({b, in[0]}, axis);
  return {z - log(sum(exp(z), {axis}, true))};
}

Values grad_log_softmax(const GradContext& c) {
  return {call("log_softmax_grad", {output(c), grad(c)}, c.attrs)};
}

Values decompose_log_softmax_grad(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  Expr y(b, in[0]), dy(b, in[1]);
  return {dy - exp(y) * sum(dy, {attrs.integer("axis")}, true)};
}

}  // namespace nacre::ops
