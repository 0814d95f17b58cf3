#pragma once

// What every inference function needs: checks of operands and attributes that end in a message a
// user can act on, and the rules for dimensions that are not known yet.

#include <cstdint>
#include <string>
#include <vector>

#include "ops/op.h"

namespace nacre::ops {

// Both prepend "<op>: ".
[[noreturn]] void value_error(const InferContext& ctx, const std::string& message);
[[noreturn]] void type_error(const InferContext& ctx, const std::string& message);

// "shapes (2, 3) and (4,)", of all operands.
std::string shapes_text(const InferContext& ctx);

void expect_inputs(const InferContext& ctx, size_t count);
void expect_floating(const InferContext& ctx, size_t i);
void expect_numeric(const InferContext& ctx, size_t i);  // integer or floating
void expect_integer(const InferContext& ctx, size_t i);
void expect_bool(const InferContext& ctx, size_t i);
void expect_index(const InferContext& ctx, size_t i);  // int32 or int64
void expect_same_dtype(const InferContext& ctx, size_t i, size_t j);
void expect_rank(const InferContext& ctx, size_t i, int64_t rank);

// The attribute `axis`, and the sorted attribute `axes`, checked against the rank.
int64_t axis_attr(const InferContext& ctx, const Shape& shape);
const std::vector<int64_t>& axes_attr(const InferContext& ctx, const Shape& shape);
// The attribute `size`, a list of one dimension.
Dim size_attr(const InferContext& ctx);
DType floating_dtype_attr(const InferContext& ctx);

// Merges two dimensions that must be equal: the known one when either is known. `what` ends the
// error message and names the constraint.
Dim merge(InferContext& ctx, const Dim& a, const Dim& b, const std::string& what);
Shape merge(InferContext& ctx, const Shape& a, const Shape& b, const std::string& what);
// a <= b now, or a constraint to be checked when sizes are known.
void require_at_most(InferContext& ctx, const Dim& a, const Dim& b, const std::string& what);
// The shape of all operands broadcast together, as NumPy does it.
Shape broadcast_inputs(InferContext& ctx);

// The op's only result, after checking that its size is sane.
std::vector<TensorType> result(const InferContext& ctx, DType dtype, Shape shape);
void check_size(const InferContext& ctx, const Shape& shape);

}  // namespace nacre::ops
