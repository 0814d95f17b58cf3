#include "ops/infer.h"

#include <algorithm>

#include "core/error.h"

namespace nacre::ops {
namespace {

// No machine holds more; shapes beyond it are mistakes, and index arithmetic stays far from 2^63.
constexpr int64_t kMostElements = int64_t{1} << 48;

std::string operand(const InferContext& ctx, size_t i) {
  static const char* const names[] = {"the first operand", "the second operand",
                                      "the third operand"};
  if (ctx.inputs.size() == 1) return "the operand";
  return i < 3 ? names[i] : "operand " + std::to_string(i + 1);
}

void expect(const InferContext& ctx, size_t i, bool fits, const char* wanted) {
  if (fits) return;
  type_error(ctx, "expected " + operand(ctx, i) + " to be " + wanted + ". Received " +
                      type_str(ctx.inputs[i]) + ".");
}

}  // namespace

void value_error(const InferContext& ctx, const std::string& message) {
  throw ValueError(std::string(ctx.op) + ": " + message);
}

void type_error(const InferContext& ctx, const std::string& message) {
  throw TypeError(std::string(ctx.op) + ": " + message);
}

std::string shapes_text(const InferContext& ctx) {
  std::string text = ctx.inputs.size() == 1 ? "shape " : "shapes ";
  for (size_t i = 0; i < ctx.inputs.size(); ++i) {
    if (i) text += i + 1 == ctx.inputs.size() ? " and " : ", ";
    text += shape_str(ctx.inputs[i].shape);
  }
  return text;
}

void expect_inputs(const InferContext& ctx, size_t count) {
  if (ctx.inputs.size() == count) return;
  type_error(ctx, "expected " + std::to_string(count) + (count == 1 ? " operand" : " operands") +
                      ". Received " + std::to_string(ctx.inputs.size()) + ".");
}

void expect_floating(const InferContext& ctx, size_t i) {
  expect(ctx, i, is_floating(ctx.inputs[i].dtype), "floating-point");
}

void expect_numeric(const InferContext& ctx, size_t i) {
  expect(ctx, i, ctx.inputs[i].dtype != DType::Bool, "an integer or floating-point tensor");
}

void expect_integer(const InferContext& ctx, size_t i) {
  expect(ctx, i, is_integer(ctx.inputs[i].dtype), "an integer tensor");
}

void expect_bool(const InferContext& ctx, size_t i) {
  expect(ctx, i, ctx.inputs[i].dtype == DType::Bool, "bool");
}

void expect_index(const InferContext& ctx, size_t i) {
  DType dtype = ctx.inputs[i].dtype;
  expect(ctx, i, dtype == DType::Int32 || dtype == DType::Int64, "indices of int32 or int64");
}

void expect_same_dtype(const InferContext& ctx, size_t i, size_t j) {
  DType a = ctx.inputs[i].dtype, b = ctx.inputs[j].dtype;
  if (a == b) return;
  type_error(ctx, "expected operands of one dtype. Received " + std::string(dtype_name(a)) +
                      " and " + std::string(dtype_name(b)) + ".");
}

void expect_rank(const InferContext& ctx, size_t i, int64_t rank) {
  const Shape& shape = ctx.inputs[i].shape;
  if (static_cast<int64_t>(shape.size()) == rank) return;
  value_error(ctx, "expected " + operand(ctx, i) + " to have " + std::to_string(rank) +
                       (rank == 1 ? " axis" : " axes") + ". Received shape " + shape_str(shape) +
                       ".");
}

int64_t axis_attr(const InferContext& ctx, const Shape& shape) {
  int64_t axis = ctx.attrs.integer("axis");
  if (axis >= 0 && axis < static_cast<int64_t>(shape.size())) return axis;
  value_error(
      ctx, "axis " + std::to_string(axis) + " is out of range for shape " + shape_str(shape) + ".");
}

const std::vector<int64_t>& axes_attr(const InferContext& ctx, const Shape& shape) {
  const std::vector<int64_t>& axes = ctx.attrs.ints("axes");
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(shape.size())) {
      value_error(ctx, "axis " + std::to_string(axes[i]) + " is out of range for shape " +
                           shape_str(shape) + ".");
    }
    if (i > 0 && axes[i] <= axes[i - 1]) {
      value_error(ctx, "axes must be different and in order. Received " + shape_str(axes) + ".");
    }
  }
  return axes;
}

Dim size_attr(const InferContext& ctx) {
  const Shape& size = ctx.attrs.shape("size");
  if (size.size() != 1) {
    value_error(ctx, "expected size to be one dimension. Received " + shape_str(size) + ".");
  }
  return size[0];
}

DType floating_dtype_attr(const InferContext& ctx) {
  DType dtype = ctx.attrs.dtype("dtype");
  if (is_floating(dtype)) return dtype;
  type_error(ctx,
             "expected a floating-point dtype. Received " + std::string(dtype_name(dtype)) + ".");
}

Dim merge(InferContext& ctx, const Dim& a, const Dim& b, const std::string& what) {
  if (!ctx.require_equal(a, b, std::string(ctx.op) + ": " + what)) value_error(ctx, what + ".");
  return b.is_static() ? b : a;
}

Shape merge(InferContext& ctx, const Shape& a, const Shape& b, const std::string& what) {
  if (a.size() != b.size()) value_error(ctx, what + ".");
  Shape merged;
  for (size_t i = 0; i < a.size(); ++i) merged.push_back(merge(ctx, a[i], b[i], what));
  return merged;
}

void require_at_most(InferContext& ctx, const Dim& a, const Dim& b, const std::string& what) {
  Dim room = b - a;
  if (room.is_static()) {
    if (room.value() < 0) value_error(ctx, what + ".");
    return;
  }
  for (const Constraint& known : ctx.constraints) {
    if (known.left == a && known.right == b && known.at_most) return;
  }
  ctx.constraints.push_back({a, b, std::string(ctx.op) + ": " + what, true});
}

Shape broadcast_inputs(InferContext& ctx) {
  Shape shape = ctx.inputs[0].shape;
  for (size_t i = 1; i < ctx.inputs.size(); ++i) {
    const Shape& other = ctx.inputs[i].shape;
    if (other == shape) continue;
    if (other.size() > shape.size()) shape.insert(shape.begin(), other.size() - shape.size(), 1);
    const size_t offset = shape.size() - other.size();
    for (size_t k = 0; k < other.size(); ++k) {
      Dim& dim = shape[offset + k];
      if (other[k] == 1 || other[k] == dim) continue;
      if (dim == 1) {
        dim = other[k];
        continue;
      }
      if (!ctx.require_equal(dim, other[k],
                             std::string(ctx.op) + ": operand " + shapes_text(ctx))) {
        value_error(ctx, shapes_text(ctx) + " cannot be broadcast together.");
      }
      if (other[k].is_static()) dim = other[k];
    }
  }
  return shape;
}

void check_size(const InferContext& ctx, const Shape& shape) {
  int64_t count = 1;
  bool overflow = false, empty = false;
  for (const Dim& dim : shape) {
    if (!dim.is_static()) continue;
    if (dim.value() < 0) {
      value_error(ctx, "a dimension is negative in shape " + shape_str(shape) + ".");
    }
    empty |= dim.value() == 0;
    overflow |= dim.value() != 0 && __builtin_mul_overflow(count, dim.value(), &count);
  }
  if (!overflow && (empty || count <= kMostElements)) return;
  throw MemoryError(std::string(ctx.op) + ": a tensor of shape " + shape_str(shape) + " has " +
                    (overflow ? "more than 9223372036854775807" : std::to_string(count)) +
                    " elements, too many for any memory.");
}

std::vector<TensorType> result(const InferContext& ctx, DType dtype, Shape shape) {
  check_size(ctx, shape);
  return {TensorType{dtype, std::move(shape)}};
}

}  // namespace nacre::ops
