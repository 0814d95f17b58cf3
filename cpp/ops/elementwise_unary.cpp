// Ops that map one operand element by element.

#include <numbers>

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

Types infer_same(InferContext& ctx) {
  expect_inputs(ctx, 1);
  return {ctx.inputs[0]};
}

Types infer_numeric_unary(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_numeric(ctx, 0);
  return {ctx.inputs[0]};
}

Types infer_floating_unary(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_floating(ctx, 0);
  return {ctx.inputs[0]};
}

Types infer_float_predicate(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_floating(ctx, 0);
  return {{DType::Bool, ctx.inputs[0].shape}};
}

Types infer_bitwise_not(InferContext& ctx) {
  expect_inputs(ctx, 1);
  if (ctx.inputs[0].dtype != DType::Bool) expect_integer(ctx, 0);
  return {ctx.inputs[0]};
}

Types infer_cast(InferContext& ctx) {
  expect_inputs(ctx, 1);
  return {{ctx.attrs.dtype("dtype"), ctx.inputs[0].shape}};
}

Grads grad_identity(const GradContext& c) { return {grad(c)}; }

Grads grad_cast(const GradContext& c) {
  DType from = input(c, 0).dtype();
  if (!is_floating(from)) return {kNothing};
  return {cast(grad(c), from)};
}

Grads grad_neg(const GradContext& c) { return {-grad(c)}; }
Grads grad_abs(const GradContext& c) { return {grad(c) * sign(input(c, 0))}; }
Grads grad_square(const GradContext& c) { return {grad(c) * (input(c, 0) * 2)}; }

// From the result, so that the value before the activation need not be kept. Zero at zero.
Grads grad_relu(const GradContext& c) { return {where(gt(output(c), 0), grad(c), 0)}; }

Grads grad_exp(const GradContext& c) { return {grad(c) * output(c)}; }
Grads grad_log(const GradContext& c) { return {grad(c) / input(c, 0)}; }
Grads grad_log1p(const GradContext& c) { return {grad(c) / (input(c, 0) + 1)}; }
Grads grad_expm1(const GradContext& c) { return {grad(c) * (output(c) + 1)}; }
Grads grad_sqrt(const GradContext& c) { return {grad(c) * 0.5 / output(c)}; }

Grads grad_rsqrt(const GradContext& c) {
  Expr y = output(c);
  return {grad(c) * (y * y * y * -0.5)};
}

Grads grad_tanh(const GradContext& c) {
  Expr y = output(c);
  return {grad(c) * (1 - y * y)};
}

Grads grad_sigmoid(const GradContext& c) {
  Expr y = output(c);
  return {grad(c) * (y * (1 - y))};
}

Grads grad_softplus(const GradContext& c) { return {grad(c) * sigmoid(input(c, 0))}; }

Grads grad_erf(const GradContext& c) {
  return {grad(c) * (exp(-square(input(c, 0))) * (2 * std::numbers::inv_sqrtpi))};
}

Grads grad_erfinv(const GradContext& c) {
  return {grad(c) * (exp(square(output(c))) * (0.5 / std::numbers::inv_sqrtpi))};
}

Grads grad_sin(const GradContext& c) { return {grad(c) * cos(input(c, 0))}; }
Grads grad_cos(const GradContext& c) { return {-(grad(c) * sin(input(c, 0)))}; }
Grads grad_tan(const GradContext& c) { return {grad(c) * (square(output(c)) + 1)}; }

namespace {
// (1 - x)(1 + x): exact near 1, where 1 - x * x cancels.
Expr one_minus_square(const Expr& x) { return (1 - x) * (x + 1); }
}  // namespace

Grads grad_asin(const GradContext& c) { return {grad(c) * rsqrt(one_minus_square(input(c, 0)))}; }
Grads grad_acos(const GradContext& c) {
  return {-(grad(c) * rsqrt(one_minus_square(input(c, 0))))};
}
Grads grad_atan(const GradContext& c) { return {grad(c) / (square(input(c, 0)) + 1)}; }
Grads grad_sinh(const GradContext& c) { return {grad(c) * cosh(input(c, 0))}; }
Grads grad_cosh(const GradContext& c) { return {grad(c) * sinh(input(c, 0))}; }
Grads grad_asinh(const GradContext& c) { return {grad(c) * rsqrt(square(input(c, 0)) + 1)}; }
Grads grad_acosh(const GradContext& c) {
  Expr x = input(c, 0);
  return {grad(c) * rsqrt((x - 1) * (x + 1))};
}
Grads grad_atanh(const GradContext& c) { return {grad(c) / one_minus_square(input(c, 0))}; }

Grads grad_lgamma(const GradContext& c) { return {grad(c) * digamma(input(c, 0))}; }

namespace {

// The derivative of digamma at z > 0: the recurrence moves the argument to at least 10, where the
// asymptotic series (Bernoulli numbers over odd powers) is exact to double precision.
Expr trigamma_positive(Expr z) {
  Expr sum = 1 / square(z);
  for (int step = 1; step < 10; ++step) {
    z = z + 1;
    sum = sum + 1 / square(z);
  }
  z = z + 1;
  const double bernoulli[] = {1.0 / 6,  -1.0 / 30,     1.0 / 42, -1.0 / 30,
                              5.0 / 66, -691.0 / 2730, 7.0 / 6};
  Expr inverse = 1 / z, square_inverse = square(inverse);
  Expr series = scalar(z, 0);
  for (int i = 6; i >= 0; --i) series = (series + bernoulli[i]) * square_inverse;
  return sum + inverse * (series + inverse * 0.5 + 1);
}

}  // namespace

Grads grad_digamma(const GradContext& c) {
  Expr x = input(c, 0);
  // Reflected about 1/2 for x <= 0: pi^2 / sin^2(pi x) - trigamma(1 - x).
  Expr positive = gt(x, 0);
  Expr value = trigamma_positive(where(positive, x, 1 - x));
  Expr sine = sin(where(positive, scalar(x, 0.5), x) * std::numbers::pi);
  Expr reflected = scalar(x, std::numbers::pi * std::numbers::pi) / square(sine) - value;
  return {grad(c) * where(positive, value, reflected)};
}

}  // namespace nacre::ops
