// Cross-entropy from logits (one fast op each) and from probabilities (decomposed, unless the graph
// finds the logits behind them). Classes lie along the last axis.

#include "ops/build.h"
#include "ops/infer.h"

namespace nacre::ops {

using namespace build;  // NOLINT: formulas

using Types = std::vector<TensorType>;
using Values = std::vector<Value>;

namespace {

// Probabilities nearer than this to 0 or 1 are taken for it: the logarithm stays finite.
constexpr double kFuzz = 1e-7;

Expr log_softmax(const Expr& x) { return call("log_softmax", {x}, {{"axis", x.rank() - 1}}); }

Expr softmax(const Expr& x) { return call("softmax", {x}, {{"axis", x.rank() - 1}}); }

Expr clipped(const Expr& p) { return minimum(maximum(p, kFuzz), 1 - kFuzz); }

// Made to sum to one, clipped, and their logarithm taken.
Expr log_probabilities(const Expr& p) { return log(clipped(p / sum_last(p))); }

// The shape without classes, which is the loss's.
Shape loss_shape(const InferContext& ctx) {
  expect_floating(ctx, 0);
  Shape shape = ctx.inputs[0].shape;
  if (shape.empty()) value_error(ctx, "expected an axis of classes. Received shape ().");
  shape.pop_back();
  return shape;
}

Shape dense_shape(InferContext& ctx) {
  Shape shape = loss_shape(ctx);
  expect_same_dtype(ctx, 0, 1);
  merge(ctx, ctx.inputs[0].shape, ctx.inputs[1].shape,
        "expected predictions and targets of one shape. Received shapes " +
            shape_str(ctx.inputs[0].shape) + " and " + shape_str(ctx.inputs[1].shape));
  return shape;
}

Shape sparse_shape(InferContext& ctx) {
  Shape shape = loss_shape(ctx);
  expect_integer(ctx, 1);
  return merge(ctx, shape, ctx.inputs[1].shape,
               "expected one label per prediction, labels of shape " + shape_str(shape) +
                   " for predictions of shape " + shape_str(ctx.inputs[0].shape) +
                   ". Received labels of shape " + shape_str(ctx.inputs[1].shape));
}

Types grad_types(InferContext& ctx, const Shape& loss) {
  expect_same_dtype(ctx, 0, 2);
  merge(ctx, loss, ctx.inputs[2].shape,
        "expected a gradient of the loss's shape " + shape_str(loss) + ". Received shape " +
            shape_str(ctx.inputs[2].shape));
  return {ctx.inputs[0]};
}

// Labels as indices, and which of them count.
struct Labels {
  Labels(const Expr& raw, const Attrs& attrs) {
    const bool wide =
        raw.dtype() == DType::Int64 || raw.dtype() == DType::UInt64 || raw.dtype() == DType::UInt32;
    index = cast(raw, wide ? DType::Int64 : DType::Int32);
    if (!attrs.has("ignore")) return;
    counted = ne(index, static_cast<double>(attrs.integer("ignore")));
    index = where(counted, index, 0);
  }

  // `x` where the label counts, else 0.
  Expr masked(const Expr& x) const { return counted.valid() ? where(counted, x, 0) : x; }

  Expr loss(const Expr& log_p) const {
    Expr picked =
        call("take_along_axis", {log_p, add_last_axis(index)}, {{"axis", log_p.rank() - 1}});
    return masked(-drop_last_axis(picked));
  }

  Expr index, counted;
};

}  // namespace

Types infer_dense_crossentropy(InferContext& ctx) {
  expect_inputs(ctx, 2);
  return {{ctx.inputs[0].dtype, dense_shape(ctx)}};
}

Types infer_dense_crossentropy_grad(InferContext& ctx) {
  expect_inputs(ctx, 3);
  return grad_types(ctx, dense_shape(ctx));
}

Types infer_sparse_crossentropy(InferContext& ctx) {
  expect_inputs(ctx, 2);
  return {{ctx.inputs[0].dtype, sparse_shape(ctx)}};
}

Types infer_sparse_crossentropy_grad(InferContext& ctx) {
  expect_inputs(ctx, 3);
  return grad_types(ctx, sparse_shape(ctx));
}

Values decompose_softmax_cross_entropy(Builder& b, std::span<const Value> in, const Attrs&) {
  Expr logits(b, in[0]), target(b, in[1]);
  return {-sum(target * log_softmax(logits), {logits.rank() - 1}, false)};
}

Values grad_softmax_cross_entropy(const GradContext& c) {
  Expr logits = input(c, 0), dloss = grad(c);
  Expr dlogits = call("softmax_cross_entropy_grad", {logits, input(c, 1), dloss});
  return {dlogits, -(add_last_axis(dloss) * log_softmax(logits))};
}

// Targets need not sum to one.
Values decompose_softmax_cross_entropy_grad(Builder& b, std::span<const Value> in, const Attrs&) {
  Expr logits(b, in[0]), target(b, in[1]), dloss(b, in[2]);
  return {(softmax(logits) * sum_last(target) - target) * add_last_axis(dloss)};
}

Values decompose_sparse_softmax_cross_entropy(Builder& b, std::span<const Value> in,
                                              const Attrs& attrs) {
  return {Labels({b, in[1]}, attrs).loss(log_softmax({b, in[0]}))};
}

Values grad_sparse_softmax_cross_entropy(const GradContext& c) {
  Expr dlogits =
      call("sparse_softmax_cross_entropy_grad", {input(c, 0), input(c, 1), grad(c)}, c.attrs);
  return {dlogits, kNothing};
}

Values decompose_sparse_softmax_cross_entropy_grad(Builder& b, std::span<const Value> in,
                                                   const Attrs& attrs) {
  Expr logits(b, in[0]), dloss(b, in[2]);
  Labels labels({b, in[1]}, attrs);
  Expr weight = add_last_axis(labels.masked(dloss));
  const int64_t axis = logits.rank() - 1;
  Expr at_label = call("put_along_axis_add", {add_last_axis(labels.index), weight},
                       {{"axis", axis}, {"size", Shape{logits.dim(axis)}}});
  return {softmax(logits) * weight - at_label};
}

// max(x, 0) - x * z + log(1 + exp(-|x|)): never an overflow.
Values decompose_sigmoid_cross_entropy(Builder& b, std::span<const Value> in, const Attrs&) {
  Expr x(b, in[0]), z(b, in[1]);
  return {relu(x) - x * z + log1p(exp(-abs(x)))};
}

Values grad_sigmoid_cross_entropy(const GradContext& c) {
  Expr x = input(c, 0), z = input(c, 1), dloss = grad(c);
  return {reduce_to(dloss * (sigmoid(x) - z), x.shape()), -reduce_to(dloss * x, z.shape())};
}

Values decompose_categorical_crossentropy(Builder& b, std::span<const Value> in, const Attrs&) {
  Expr p(b, in[0]), target(b, in[1]);
  return {-sum(target * log_probabilities(p), {p.rank() - 1}, false)};
}

Values decompose_sparse_categorical_crossentropy(Builder& b, std::span<const Value> in,
                                                 const Attrs& attrs) {
  return {Labels({b, in[1]}, attrs).loss(log_probabilities({b, in[0]}))};
}

Values decompose_binary_crossentropy(Builder& b, std::span<const Value> in, const Attrs&) {
  Expr p = clipped({b, in[0]}), z(b, in[1]);
  return {-(z * log(p) + (1 - z) * log(1 - p))};
}

}  // namespace nacre::ops
