// Batch and layer normalization: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, with the
// mean and the biased variance of x as further results.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Values = std::vector<Value>;
using Axes = std::vector<int64_t>;

namespace {

Shape kept_shape(const Shape& shape, const Axes& axes) {
  Shape kept;
  size_t next = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (next < axes.size() && axes[next] == static_cast<int64_t>(i)) {
      ++next;
    } else {
      kept.push_back(shape[i]);
    }
  }
  return kept;
}

void expect_parameter(InferContext& ctx, size_t i, const char* name, const Shape& wanted) {
  expect_same_dtype(ctx, 0, i);
  const Shape& shape = ctx.inputs[i].shape;
  merge(ctx, shape, wanted,
        std::string("expected ") + name + " of shape " + shape_str(wanted) + " for an input of " +
            "shape " + shape_str(ctx.inputs[0].shape) + ". Received shape " + shape_str(shape));
}

Shape last_axis(const InferContext& ctx) {
  const Shape& shape = ctx.inputs[0].shape;
  if (shape.empty()) value_error(ctx, "expected at least one axis. Received shape ().");
  return {shape.back()};
}

// y, mean and variance, or dx, dgamma and dbeta.
Types norm_types(InferContext& ctx, const Shape& parameters, const Shape& statistics) {
  expect_floating(ctx, 0);
  expect_parameter(ctx, 1, "gamma", parameters);
  expect_parameter(ctx, 2, "beta", parameters);
  const DType dtype = ctx.inputs[0].dtype;
  return {ctx.inputs[0], {dtype, statistics}, {dtype, statistics}};
}

Types norm_grad_types(InferContext& ctx, const Shape& parameters, const Shape& statistics) {
  expect_floating(ctx, 0);
  expect_parameter(ctx, 1, "gamma", parameters);
  expect_parameter(ctx, 2, "mean", statistics);
  expect_parameter(ctx, 3, "variance", statistics);
  expect_parameter(ctx, 4, "the gradient", ctx.inputs[0].shape);
  return {ctx.inputs[0], ctx.inputs[1], ctx.inputs[1]};
}

// What both normalizations share: x, the axes its statistics are over, and the shape that makes
// gamma and beta broadcast against x.
struct Norm {
  Expr x;
  Axes axes;
  Shape parameter_shape;
  double epsilon;

  Shape statistics_shape() const { return keepdims_shape(x.shape(), axes); }
  Expr inverse(const Expr& variance) const { return rsqrt(variance + epsilon); }
};

Norm batch(const Expr& x, const Attrs& attrs) {
  const Axes& axes = attrs.ints("axes");
  return {x, axes, keepdims_shape(x.shape(), axes), attrs.real("epsilon")};
}

Norm layer(const Expr& x, const Attrs& attrs) {
  Shape parameters(x.rank(), 1);
  parameters.back() = x.shape().back();
  return {x, {x.rank() - 1}, parameters, attrs.real("epsilon")};
}

Values decompose_norm(const Norm& norm, const Expr& gamma, const Expr& beta,
                      const Shape& statistics) {
  Expr count = count_along(norm.x, norm.axes);
  Expr mean = sum(norm.x, norm.axes, true) / count;
  Expr centred = norm.x - mean;
  Expr variance = sum(square(centred), norm.axes, true) / count;
  Expr y = centred * norm.inverse(variance) * reshape(gamma, norm.parameter_shape) +
           reshape(beta, norm.parameter_shape);
  return {y, reshape(mean, statistics), reshape(variance, statistics)};
}

// dx through y only. With g = dy * gamma and h the normalized x, all means over the norm's axes:
// dx = (g - mean(g) - h * mean(g * h)) / sqrt(variance + epsilon).
Values decompose_norm_grad(const Norm& norm, const Expr& gamma, const Expr& mean,
                           const Expr& variance, const Expr& dy) {
  const Shape statistics = norm.statistics_shape();
  Expr inverse = norm.inverse(reshape(variance, statistics));
  Expr normalized = (norm.x - reshape(mean, statistics)) * inverse;
  Expr g = dy * reshape(gamma, norm.parameter_shape);
  Expr count = count_along(norm.x, norm.axes);
  Expr mean_g = sum(g, norm.axes, true) / count;
  Expr mean_gh = sum(g * normalized, norm.axes, true) / count;
  Expr dx = (g - mean_g - normalized * mean_gh) * inverse;
  Expr dgamma = reduce_to(dy * normalized, norm.parameter_shape);
  Expr dbeta = reduce_to(dy, norm.parameter_shape);
  const Shape shape = gamma.shape();
  return {dx, reshape(dgamma, shape), reshape(dbeta, shape)};
}

// The fast op for what came through y, plus what came through the statistics.
Values grad_norm(const GradContext& c, const Norm& norm, std::string_view fast,
                 const Attrs& attrs) {
  Values grads = {kNothing, kNothing, kNothing};
  if (grad(c, 0).valid()) {
    grads = c.b.emit(get_op(fast),
                     {c.inputs[0], c.inputs[1], c.outputs[1], c.outputs[2], c.grads[0]}, attrs);
  }
  Expr dx = grads[0].valid() ? Expr(c.b, grads[0]) : Expr();
  const Shape shape = norm.x.shape(), statistics = norm.statistics_shape();
  auto include = [&](const Expr& term) { dx = dx.valid() ? dx + term : broadcast_to(term, shape); };
  if (grad(c, 1).valid()) {
    include(reshape(grad(c, 1), statistics) / count_along(norm.x, norm.axes));
  }
  if (grad(c, 2).valid()) {
    Expr scaled = reshape(grad(c, 2), statistics) * 2 / count_along(norm.x, norm.axes);
    include((norm.x - reshape(output(c, 1), statistics)) * scaled);
  }
  grads[0] = dx;
  return grads;
}

}  // namespace

Types infer_batch_norm(InferContext& ctx) {
  expect_inputs(ctx, 3);
  const Shape kept = kept_shape(ctx.inputs[0].shape, axes_attr(ctx, ctx.inputs[0].shape));
  return norm_types(ctx, kept, kept);
}

Types infer_batch_norm_grad(InferContext& ctx) {
  expect_inputs(ctx, 5);
  const Shape kept = kept_shape(ctx.inputs[0].shape, axes_attr(ctx, ctx.inputs[0].shape));
  return norm_grad_types(ctx, kept, kept);
}

Values decompose_batch_norm(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  Norm norm = batch({b, in[0]}, attrs);
  return decompose_norm(norm, {b, in[1]}, {b, in[2]}, kept_shape(norm.x.shape(), norm.axes));
}

Values decompose_batch_norm_grad(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  return decompose_norm_grad(batch({b, in[0]}, attrs), {b, in[1]}, {b, in[2]}, {b, in[3]},
                             {b, in[4]});
}

Values grad_batch_norm(const GradContext& c) {
  return grad_norm(c, batch(input(c, 0), c.attrs), "batch_norm_grad", c.attrs);
}

Types infer_layer_norm(InferContext& ctx) {
  expect_inputs(ctx, 3);
  const Shape last = last_axis(ctx);
  return norm_types(
      ctx, last,
      kept_shape(ctx.inputs[0].shape, {static_cast<int64_t>(ctx.inputs[0].shape.size()) - 1}));
}

Types infer_layer_norm_grad(InferContext& ctx) {
  expect_inputs(ctx, 5);
  const Shape last = last_axis(ctx);
  return norm_grad_types(
      ctx, last,
      kept_shape(ctx.inputs[0].shape, {static_cast<int64_t>(ctx.inputs[0].shape.size()) - 1}));
}

Values decompose_layer_norm(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  Norm norm = layer({b, in[0]}, attrs);
  return decompose_norm(norm, {b, in[1]}, {b, in[2]}, kept_shape(norm.x.shape(), norm.axes));
}

Values decompose_layer_norm_grad(Builder& b, std::span<const Value> in, const Attrs& attrs) {
  return decompose_norm_grad(layer({b, in[0]}, attrs), {b, in[1]}, {b, in[2]}, {b, in[3]},
                             {b, in[4]});
}

Values grad_layer_norm(const GradContext& c) {
  return grad_norm(c, layer(input(c, 0), c.attrs), "layer_norm_grad", c.attrs);
}

}  // namespace nacre::ops
