// Ops that map two operands of one dtype element by element, broadcasting as NumPy does. A gradient
// is summed back to the shape of each operand.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

namespace {

Types broadcast_pair(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_same_dtype(ctx, 0, 1);
  return result(ctx, ctx.inputs[0].dtype, broadcast_inputs(ctx));
}

Grads reduced(const GradContext& c, const Expr& first, const Expr& second) {
  return {reduce_to(first, input(c, 0).shape()), reduce_to(second, input(c, 1).shape())};
}

}  // namespace

Types infer_arithmetic(InferContext& ctx) {
  Types types = broadcast_pair(ctx);
  expect_numeric(ctx, 0);
  return types;
}

// On bool, add is or, mul is and, maximum is or, minimum is and.
Types infer_arithmetic_or_bool(InferContext& ctx) { return broadcast_pair(ctx); }

Types infer_floating_binary(InferContext& ctx) {
  Types types = broadcast_pair(ctx);
  expect_floating(ctx, 0);
  return types;
}

Types infer_comparison(InferContext& ctx) {
  Types types = broadcast_pair(ctx);
  types[0].dtype = DType::Bool;
  return types;
}

// logical_not has one operand, the others two.
Types infer_logical(InferContext& ctx) {
  expect_inputs(ctx, ctx.op == "logical_not" ? 1 : 2);
  for (size_t i = 0; i < ctx.inputs.size(); ++i) expect_bool(ctx, i);
  return result(ctx, DType::Bool, broadcast_inputs(ctx));
}

Types infer_bitwise(InferContext& ctx) {
  Types types = broadcast_pair(ctx);
  expect_integer(ctx, 0);
  return types;
}

Grads grad_add(const GradContext& c) { return reduced(c, grad(c), grad(c)); }

Grads grad_sub(const GradContext& c) {
  Expr g = grad(c);
  // Negated after the sum: fewer elements.
  return {reduce_to(g, input(c, 0).shape()), -reduce_to(g, input(c, 1).shape())};
}

Grads grad_mul(const GradContext& c) {
  Expr g = grad(c);
  return reduced(c, g * input(c, 1), g * input(c, 0));
}

Grads grad_div(const GradContext& c) {
  Expr quotient = grad(c) / input(c, 1);
  return {reduce_to(quotient, input(c, 0).shape()),
          -reduce_to(quotient * output(c), input(c, 1).shape())};
}

Grads grad_pow(const GradContext& c) {
  Expr g = grad(c), x = input(c, 0), p = input(c, 1), y = output(c);
  // p = 0 gives 0 also at x = 0, where x^(p-1) is infinite.
  Expr flat = eq(p, 0);
  Expr dx = p * pow(x, where(flat, 1, p - 1));
  // No logarithm of zero or of a negative base: there the power is constant or not a function of p.
  Expr positive = gt(x, 0);
  Expr dp = where(positive, y * log(where(positive, x, 1)), 0);
  return reduced(c, g * dx, g * dp);
}

namespace {

// Everything to the operand that won, half to each at a tie.
Grads grad_extreme(const GradContext& c, bool largest) {
  Expr g = grad(c), x = input(c, 0), y = input(c, 1);
  Expr tie = where(eq(x, y), g * 0.5, 0);
  Expr dx = where(largest ? gt(x, y) : lt(x, y), g, tie);
  Expr dy = where(largest ? lt(x, y) : gt(x, y), g, tie);
  return reduced(c, dx, dy);
}

}  // namespace

Grads grad_maximum(const GradContext& c) { return grad_extreme(c, true); }
Grads grad_minimum(const GradContext& c) { return grad_extreme(c, false); }

Grads grad_mod(const GradContext& c) {
  Expr g = grad(c);
  return {reduce_to(g, input(c, 0).shape()),
          -reduce_to(g * floordiv(input(c, 0), input(c, 1)), input(c, 1).shape())};
}

Grads grad_atan2(const GradContext& c) {
  Expr y = input(c, 0), x = input(c, 1);
  Expr g = grad(c) / (square(x) + square(y));
  return reduced(c, g * x, -(g * y));
}

}  // namespace nacre::ops
