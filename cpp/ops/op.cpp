#include "ops/op.h"

#include "core/error.h"

namespace nacre {

std::string type_str(const TensorType& type) {
  return std::string(dtype_name(type.dtype)) + shape_str(type.shape);
}

Value Builder::op(std::string_view name, std::vector<Value> inputs, Attrs attrs) {
  std::vector<Value> results = emit(get_op(name), std::move(inputs), std::move(attrs));
  if (results.size() != 1) {
    throw InternalError(std::string(name) + " has " + std::to_string(results.size()) + " results");
  }
  return results[0];
}

bool InferContext::require_equal(const Dim& a, const Dim& b, std::string_view what) {
  if (a == b) return true;
  if ((a - b).is_static()) return false;  // two numbers, or n and n + 1
  for (const Constraint& known : constraints) {
    if (known.left == a && known.right == b && !known.at_most) return true;
  }
  constraints.push_back({a, b, std::string(what)});
  return true;
}

}  // namespace nacre
