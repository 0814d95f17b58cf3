#pragma once

// What an op is: its name, the inference of its result types, its gradient and, for composites, its
// decomposition. Gradients and decompositions are written in terms of ops, through Builder; they
// never see a kernel or a backend.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/attrs.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace nacre {

struct TensorType {
  DType dtype = DType::Float32;
  Shape shape;
  bool operator==(const TensorType& other) const = default;
};

std::string type_str(const TensorType& type);  // "float32(batch, 784)"

// One result of one node.
struct Value {
  int32_t node = -1;
  int32_t out = 0;
  bool valid() const { return node >= 0; }
  bool operator==(const Value& other) const = default;
};

struct OpDef;

// Emits nodes. A Graph is a Builder.
class Builder {
 public:
  virtual ~Builder() = default;
  virtual std::vector<Value> emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) = 0;
  virtual const TensorType& type(Value value) const = 0;
  virtual Value constant(double value, DType dtype) = 0;  // a scalar

  // The only result of an op, by name.
  Value op(std::string_view name, std::vector<Value> inputs, Attrs attrs = {});
};

// Two dimensions that tracing could not tell apart or equal, or compare; checked when sizes are
// known.
struct Constraint {
  Dim left;
  Dim right;
  std::string what;      // "add: operand shapes (a, 3) and (b, 3)"
  bool at_most = false;  // left may be smaller
};

struct InferContext {
  std::string_view op;
  std::span<const TensorType> inputs;
  const Attrs& attrs;
  std::vector<Constraint>& constraints;

  // True when equal or possibly equal: two different dimensions of which one is symbolic are
  // assumed equal and a constraint is recorded. False when they can never be equal.
  bool require_equal(const Dim& a, const Dim& b, std::string_view what);
};

// Results' types. Throws ValueError or TypeError on a user's mistake, saying "<op>: ...".
using InferFn = std::vector<TensorType> (*)(InferContext&);

struct GradContext {
  Builder& b;
  std::span<const Value> inputs;
  std::span<const Value> outputs;
  std::span<const Value> grads;  // gradient of each output; not valid where nothing flows back
  const Attrs& attrs;
};

// One value per input; an invalid value where nothing flows (integers, masks).
using GradFn = std::vector<Value> (*)(const GradContext&);
using DecomposeFn = std::vector<Value> (*)(Builder& b, std::span<const Value> inputs,
                                           const Attrs& attrs);

enum OpFlags : uint32_t {
  kElementwise = 1u << 0,        // broadcasting, one result, fusable into a chain
  kAlias = 1u << 1,              // the result is the first input's memory, perhaps reshaped
  kNonDifferentiable = 1u << 2,  // gradient is zero or undefined everywhere: nothing flows back
  kRegion = 1u << 3,             // owns subgraphs; autodiff and planner recurse
  kLeaf = 1u << 4,               // input, constant, variable: no kernel
  kRandom = 1u << 5,             // draws from its state input; pure all the same
  kMayFail = 1u << 6,            // elementwise, but may set the status word: integer division
};

struct OpDef {
  const char* name;
  InferFn infer;
  GradFn gradient;        // null: kNonDifferentiable, region (autodiff knows), or use decompose
  DecomposeFn decompose;  // null for primitives
  uint32_t flags;
  bool is(OpFlags flag) const { return (flags & flag) != 0; }
};

std::span<const OpDef> op_list();             // all of them, from op_list.h
const OpDef* find_op(std::string_view name);  // nullptr when unknown
const OpDef& get_op(std::string_view name);   // throws InternalError when unknown

}  // namespace nacre
