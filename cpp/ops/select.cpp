// where(condition, x, y): an element of x or of y.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

std::vector<TensorType> infer_where(InferContext& ctx) {
  expect_inputs(ctx, 3);
  expect_bool(ctx, 0);
  expect_same_dtype(ctx, 1, 2);
  return result(ctx, ctx.inputs[1].dtype, broadcast_inputs(ctx));
}

// Selected, not multiplied by zero: a gradient that is not finite stays in its own branch.
std::vector<Value> grad_where(const GradContext& c) {
  Expr condition = input(c, 0), g = grad(c);
  return {kNothing, reduce_to(where(condition, g, 0), input(c, 1).shape()),
          reduce_to(where(condition, 0, g), input(c, 2).shape())};
}

}  // namespace nacre::ops
