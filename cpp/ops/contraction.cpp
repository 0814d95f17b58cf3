// The matrix product.

#include "core/error.h"
#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Grads = std::vector<Value>;

std::vector<TensorType> infer_matmul(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_same_dtype(ctx, 0, 1);
  expect_numeric(ctx, 0);
  const Shape& a = ctx.inputs[0].shape;
  const Shape& b = ctx.inputs[1].shape;
  if (a.size() < 2 || b.size() < 2) {
    value_error(ctx, "expected operands of at least two axes. Received " + shapes_text(ctx) + ".");
  }
  const bool ta = ctx.attrs.flag("transpose_a"), tb = ctx.attrs.flag("transpose_b");
  const Dim& inner_a = a[a.size() - (ta ? 2 : 1)];
  const Dim& inner_b = b[b.size() - (tb ? 1 : 2)];
  merge(ctx, inner_a, inner_b,
        std::string("the ") + (ta ? "second-to-last" : "last") + " axis of the first operand (" +
            inner_a.str() + ") and the " + (tb ? "last" : "second-to-last") +
            " axis of the second operand (" + inner_b.str() + ") differ. Received " +
            shapes_text(ctx));
  const TensorType leading[] = {{ctx.inputs[0].dtype, Shape(a.begin(), a.end() - 2)},
                                {ctx.inputs[1].dtype, Shape(b.begin(), b.end() - 2)}};
  InferContext batches{ctx.op, leading, ctx.attrs, ctx.constraints};
  Shape shape;
  try {
    shape = broadcast_inputs(batches);
  } catch (const ValueError&) {
    value_error(ctx, "leading axes of " + shapes_text(ctx) + " cannot be broadcast together.");
  }
  shape.push_back(a[a.size() - (ta ? 1 : 2)]);
  shape.push_back(b[b.size() - (tb ? 2 : 1)]);
  return result(ctx, ctx.inputs[0].dtype, shape);
}

namespace {

// All axes but the last as one.
Expr as_matrix(const Expr& x) {
  Shape shape = x.shape();
  const Dim columns = shape.back();
  shape.pop_back();
  return reshape(x, {element_count(shape), columns});
}

}  // namespace

Grads grad_matmul(const GradContext& c) {
  Expr a = input(c, 0), b = input(c, 1), g = grad(c);
  const bool ta = c.attrs.flag("transpose_a"), tb = c.attrs.flag("transpose_b");
  const Shape shape_a = a.shape(), shape_b = b.shape();
  // Many rows against one matrix, as a dense layer on a sequence: one product each, rather than a
  // batch of matrices to be summed.
  if (shape_b.size() == 2 && shape_a.size() > 2 && !ta) {
    a = as_matrix(a);
    g = as_matrix(g);
  }
  Expr da = ta ? matmul(b, g, tb, true) : matmul(g, b, false, !tb);
  Expr db = tb ? matmul(g, a, true, ta) : matmul(a, g, !ta, false);
  if (da.rank() < static_cast<int64_t>(shape_a.size())) da = reshape(da, shape_a);
  return {reduce_to(da, shape_a), reduce_to(db, shape_b)};
}

}  // namespace nacre::ops
