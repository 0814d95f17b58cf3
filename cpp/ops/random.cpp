// Random draws: pure functions of a state (seed, counter), so nothing flows back.

#include "ops/infer.h"

namespace nacre::ops {

using Types = std::vector<TensorType>;

namespace {

void expect_state(const InferContext& ctx) {
  if (ctx.inputs[0] == TensorType{DType::UInt32, {2}}) return;
  type_error(ctx, "expected a random state, uint32(2,). Received " + type_str(ctx.inputs[0]) + ".");
}

}  // namespace

Types infer_random_bits(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_state(ctx);
  return result(ctx, DType::UInt32, ctx.attrs.shape("shape"));
}

Types infer_random_floating(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_state(ctx);
  return result(ctx, floating_dtype_attr(ctx), ctx.attrs.shape("shape"));
}

Types infer_random_permutation(InferContext& ctx) {
  expect_inputs(ctx, 1);
  expect_state(ctx);
  return result(ctx, DType::Int32, {size_attr(ctx)});
}

Types infer_random_gamma(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_state(ctx);
  expect_floating(ctx, 1);
  return result(ctx, floating_dtype_attr(ctx), ctx.inputs[1].shape);
}

}  // namespace nacre::ops
