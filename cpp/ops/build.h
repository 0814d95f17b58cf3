#pragma once

// Short spellings of ops for gradients and decompositions: an Expr is a value together with its
// builder, so that formulas read as in a book: `g * (1 - y * y)`.

#include <initializer_list>
#include <utility>
#include <vector>

#include "ops/op.h"

namespace nacre::build {

class Expr {
 public:
  Expr() = default;  // no value: nothing flows
  Expr(Builder& builder, Value value) : builder_(&builder), value_(value) {}
  operator Value() const { return value_; }  // NOLINT: an expression is a value

  bool valid() const { return value_.valid(); }
  Builder& builder() const { return *builder_; }
  // By value: emitting a node may move the builder's types.
  DType dtype() const { return builder_->type(value_).dtype; }
  Shape shape() const { return builder_->type(value_).shape; }
  int64_t rank() const { return static_cast<int64_t>(builder_->type(value_).shape.size()); }
  Dim dim(int64_t axis) const { return builder_->type(value_).shape[axis]; }

 private:
  Builder* builder_ = nullptr;
  Value value_;
};

inline Expr call(std::string_view op, std::initializer_list<Expr> operands, Attrs attrs = {}) {
  Builder& b = operands.begin()->builder();
  std::vector<Value> values;
  for (const Expr& operand : operands) values.push_back(operand);
  return {b, b.op(op, std::move(values), std::move(attrs))};
}

// A scalar of x's dtype.
inline Expr scalar(const Expr& x, double value) {
  return {x.builder(), x.builder().constant(value, x.dtype())};
}

#define NACRE_BUILD_UNARY(name) \
  inline Expr name(const Expr& x) { return call(#name, {x}); }
#define NACRE_BUILD_BINARY(name)                                                 \
  inline Expr name(const Expr& x, const Expr& y) { return call(#name, {x, y}); } \
  inline Expr name(const Expr& x, double y) { return name(x, scalar(x, y)); }

NACRE_BUILD_UNARY(neg)
NACRE_BUILD_UNARY(abs)
NACRE_BUILD_UNARY(sign)
NACRE_BUILD_UNARY(exp)
NACRE_BUILD_UNARY(log)
NACRE_BUILD_UNARY(log1p)
NACRE_BUILD_UNARY(sqrt)
NACRE_BUILD_UNARY(rsqrt)
NACRE_BUILD_UNARY(square)
NACRE_BUILD_UNARY(sigmoid)
NACRE_BUILD_UNARY(sin)
NACRE_BUILD_UNARY(cos)
NACRE_BUILD_UNARY(sinh)
NACRE_BUILD_UNARY(cosh)
NACRE_BUILD_UNARY(floor)
NACRE_BUILD_UNARY(relu)
NACRE_BUILD_UNARY(digamma)
NACRE_BUILD_UNARY(logical_not)
NACRE_BUILD_UNARY(stop_gradient)
NACRE_BUILD_BINARY(add)
NACRE_BUILD_BINARY(sub)
NACRE_BUILD_BINARY(mul)
NACRE_BUILD_BINARY(div)
NACRE_BUILD_BINARY(pow)
NACRE_BUILD_BINARY(maximum)
NACRE_BUILD_BINARY(minimum)
NACRE_BUILD_BINARY(floordiv)
NACRE_BUILD_BINARY(eq)
NACRE_BUILD_BINARY(ne)
NACRE_BUILD_BINARY(lt)
NACRE_BUILD_BINARY(le)
NACRE_BUILD_BINARY(gt)
NACRE_BUILD_BINARY(ge)

#undef NACRE_BUILD_UNARY
#undef NACRE_BUILD_BINARY

inline Expr operator-(const Expr& x) { return neg(x); }
inline Expr operator+(const Expr& x, const Expr& y) { return add(x, y); }
inline Expr operator-(const Expr& x, const Expr& y) { return sub(x, y); }
inline Expr operator*(const Expr& x, const Expr& y) { return mul(x, y); }
inline Expr operator/(const Expr& x, const Expr& y) { return div(x, y); }
inline Expr operator+(const Expr& x, double y) { return add(x, y); }
inline Expr operator-(const Expr& x, double y) { return sub(x, y); }
inline Expr operator*(const Expr& x, double y) { return mul(x, y); }
inline Expr operator/(const Expr& x, double y) { return div(x, y); }
inline Expr operator-(double x, const Expr& y) { return sub(scalar(y, x), y); }
inline Expr operator/(double x, const Expr& y) { return div(scalar(y, x), y); }

inline Expr logical_and(const Expr& x, const Expr& y) { return call("logical_and", {x, y}); }
inline Expr where(const Expr& condition, const Expr& x, const Expr& y) {
  return call("where", {condition, x, y});
}
inline Expr where(const Expr& condition, const Expr& x, double y) {
  return where(condition, x, scalar(x, y));
}
inline Expr where(const Expr& condition, double x, const Expr& y) {
  return where(condition, scalar(y, x), y);
}

inline Expr cast(const Expr& x, DType dtype) {
  return x.dtype() == dtype ? x : call("cast", {x}, {{"dtype", dtype}});
}

inline Expr reshape(const Expr& x, const Shape& shape) {
  return x.shape() == shape ? x : call("reshape", {x}, {{"shape", shape}});
}

inline Expr broadcast_to(const Expr& x, const Shape& shape) {
  return x.shape() == shape ? x : call("broadcast_to", {x}, {{"shape", shape}});
}

inline Expr full(Builder& b, double value, DType dtype, const Shape& shape) {
  return broadcast_to({b, b.constant(value, dtype)}, shape);
}

inline Expr sum(const Expr& x, std::vector<int64_t> axes, bool keepdims) {
  return axes.empty()
             ? x
             : call("reduce_sum", {x}, {{"axes", std::move(axes)}, {"keepdims", keepdims}});
}

// Over the last axis, which stays with size 1.
inline Expr sum_last(const Expr& x) { return sum(x, {x.rank() - 1}, true); }
inline Expr max_along(const Expr& x, int64_t axis) {
  return call("reduce_max", {x}, {{"axes", std::vector<int64_t>{axis}}, {"keepdims", true}});
}

inline Expr matmul(const Expr& a, const Expr& b, bool transpose_a, bool transpose_b) {
  return call("matmul", {a, b}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
}

inline Shape replaced(Shape shape, int64_t axis, const Dim& dim) {
  shape[axis] = dim;
  return shape;
}

// `shape` with the axes reduced to 1, as keepdims leaves them.
inline Shape keepdims_shape(Shape shape, const std::vector<int64_t>& axes) {
  for (int64_t axis : axes) shape[axis] = 1;
  return shape;
}

// x with a last axis of size 1 added, or that axis taken away.
inline Expr add_last_axis(const Expr& x) {
  Shape shape = x.shape();
  shape.push_back(1);
  return reshape(x, shape);
}
inline Expr drop_last_axis(const Expr& x) {
  Shape shape = x.shape();
  shape.pop_back();
  return reshape(x, shape);
}

// A size as a scalar: a constant when it is known, else filled in when a program is bound.
inline Expr size_of(Builder& b, const Dim& dim, DType dtype) {
  if (dim.is_static()) return {b, b.constant(static_cast<double>(dim.value()), dtype)};
  return {b, b.op("dim_size", {}, {{"size", Shape{dim}}, {"dtype", dtype}})};
}

// Number of elements along the axes, as a scalar of x's dtype.
inline Expr count_along(const Expr& x, const std::vector<int64_t>& axes) {
  Dim known = 1;
  Expr count;
  for (int64_t axis : axes) {
    Dim dim = x.dim(axis);
    if (dim.is_static()) {
      known = known * dim;
      continue;
    }
    Expr size = size_of(x.builder(), dim, x.dtype());
    count = count.valid() ? count * size : size;
  }
  if (!count.valid()) return scalar(x, static_cast<double>(known.value()));
  return known == 1 ? count : count * static_cast<double>(known.value());
}

// Undoes broadcasting: sums the gradient over the axes along which `shape` was repeated. An axis
// was repeated when the operand lacks it or has size 1 where the result has not; a symbol is taken
// for a size that was not repeated, as inference did.
inline Expr reduce_to(const Expr& grad, const Shape& shape) {
  const Shape from = grad.shape();
  const size_t missing = from.size() - shape.size();
  std::vector<int64_t> axes;
  bool keeps_ones = false;
  for (size_t i = 0; i < from.size(); ++i) {
    const bool repeated = i >= missing && shape[i - missing] == 1 && !(from[i] == 1);
    if (i < missing || repeated) axes.push_back(static_cast<int64_t>(i));
    keeps_ones |= repeated;
  }
  if (axes.empty()) return grad;
  Expr reduced = sum(grad, std::move(axes), false);
  return keeps_ones ? reshape(reduced, shape) : reduced;
}

// The operands, results and incoming gradients of the node being differentiated.
inline Expr input(const GradContext& c, size_t i) { return {c.b, c.inputs[i]}; }
inline Expr output(const GradContext& c, size_t i = 0) { return {c.b, c.outputs[i]}; }
inline Expr grad(const GradContext& c, size_t i = 0) { return {c.b, c.grads[i]}; }

inline constexpr Value kNothing{};  // no gradient flows into this operand

}  // namespace nacre::build
