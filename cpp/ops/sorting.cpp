// Ops that order or count: sort, argsort, searchsorted, bincount.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Grads = std::vector<Value>;

Types infer_sort(InferContext& ctx) {
  expect_inputs(ctx, 1);
  axis_attr(ctx, ctx.inputs[0].shape);
  ctx.attrs.flag("descending");
  return {ctx.inputs[0]};
}

Types infer_argsort(InferContext& ctx) {
  Types types = infer_sort(ctx);
  types[0].dtype = DType::Int32;
  return types;
}

Grads grad_sort(const GradContext& c) {
  const int64_t axis = c.attrs.integer("axis");
  Expr order = call("argsort", {input(c, 0)}, c.attrs);
  const Shape size = {input(c, 0).dim(axis)};
  return {call("put_along_axis_add", {order, grad(c)}, {{"axis", axis}, {"size", size}})};
}

Types infer_searchsorted(InferContext& ctx) {
  expect_inputs(ctx, 2);
  expect_same_dtype(ctx, 0, 1);
  expect_rank(ctx, 0, 1);
  const std::string& side = ctx.attrs.text("side");
  if (side != "left" && side != "right") {
    value_error(ctx, "side must be \"left\" or \"right\". Received \"" + side + "\".");
  }
  return {{DType::Int32, ctx.inputs[1].shape}};
}

// bincount(x) counts, bincount(x, weights) sums the weights; of every row when x has two axes.
Types infer_bincount(InferContext& ctx) {
  const bool weighted = ctx.inputs.size() == 2;
  if (!weighted) expect_inputs(ctx, 1);
  expect_integer(ctx, 0);
  Shape shape = ctx.inputs[0].shape;
  if (shape.empty() || shape.size() > 2) {
    value_error(ctx, "expected one or two axes. Received shape " + shape_str(shape) + ".");
  }
  if (weighted) {
    expect_numeric(ctx, 1);
    merge(ctx, shape, ctx.inputs[1].shape,
          "expected one weight per element. Received " + shapes_text(ctx));
  }
  shape.back() = ctx.attrs.integer("length");
  return result(ctx, weighted ? ctx.inputs[1].dtype : DType::Int32, shape);
}

// Each weight's gradient is that of its bin.
Grads grad_bincount(const GradContext& c) {
  if (c.inputs.size() == 1) return {kNothing};
  Expr x = input(c, 0);
  const bool wide = dtype_size(x.dtype()) == 8 || x.dtype() == DType::UInt32;
  Expr bin = cast(x, wide ? DType::Int64 : DType::Int32);
  return {kNothing, call("take_along_axis", {grad(c), bin}, {{"axis", x.rank() - 1}})};
}

}  // namespace nacre::ops
