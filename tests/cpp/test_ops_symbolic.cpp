// Gradients and decompositions of ops whose shapes hold symbols: every gradient has the type of its
// operand, and every decomposition has the types that were inferred.

#include "check.h"
#include "ops/op.h"

namespace nacre {
namespace {

using Ints = std::vector<int64_t>;
const DType f32 = DType::Float32, i32 = DType::Int32;

// Infers only.
class TypeTape : public Builder {
 public:
  Value input(TensorType type) { return record({std::move(type)})[0]; }
  Value constant(double, DType dtype) override { return input({dtype, {}}); }
  const TensorType& type(Value value) const override { return types_[value.node][value.out]; }

  std::vector<Value> emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) override {
    std::vector<TensorType> operands;
    for (Value value : inputs) operands.push_back(type(value));
    InferContext context{op.name, operands, attrs, constraints};
    return record(op.infer(context));
  }

  std::vector<Constraint> constraints;

 private:
  std::vector<Value> record(std::vector<TensorType> types) {
    const int32_t id = static_cast<int32_t>(types_.size());
    std::vector<Value> values;
    for (size_t i = 0; i < types.size(); ++i) values.push_back({id, static_cast<int32_t>(i)});
    types_.push_back(std::move(types));
    return values;
  }
  std::vector<std::vector<TensorType>> types_;
};

void check_types(const char* name, const std::vector<TensorType>& operands, Attrs attrs = {}) {
  const OpDef& op = get_op(name);
  TypeTape tape;
  std::vector<Value> inputs, grads;
  for (const TensorType& type : operands) inputs.push_back(tape.input(type));
  const std::vector<Value> outputs = tape.emit(op, inputs, attrs);
  if (op.decompose) {
    const std::vector<Value> parts = op.decompose(tape, inputs, attrs);
    for (size_t i = 0; i < parts.size(); ++i) {
      CHECK_EQ(type_str(tape.type(parts[i])), type_str(tape.type(outputs[i])));
    }
  }
  if (!op.gradient) return;
  for (Value output : outputs) grads.push_back(tape.input(tape.type(output)));
  const std::vector<Value> flowing = op.gradient({tape, inputs, outputs, grads, attrs});
  CHECK_EQ(flowing.size(), inputs.size());
  for (size_t i = 0; i < flowing.size(); ++i) {
    if (!flowing[i].valid()) {
      CHECK(!is_floating(operands[i].dtype));
      continue;
    }
    if (tape.type(flowing[i]) == operands[i]) continue;
    check::fail(name, static_cast<int>(i),
                "gradient is " + type_str(tape.type(flowing[i])) + ", the operand " +
                    type_str(operands[i]));
  }
}

TEST(types_of_gradients) {
  const Dim n = Dim::symbol("batch"), t = Dim::symbol("time");
  for (const char* name : {"add", "sub", "mul", "div", "pow", "maximum", "minimum", "mod", "atan2",
                           "sigmoid_cross_entropy"}) {
    check_types(name, {{f32, {n, 3}}, {f32, {3}}});
    check_types(name, {{f32, {n, 1, 3}}, {f32, {t, 1}}});
    check_types(name, {{f32, {}}, {f32, {n}}});
  }
  check_types("where", {{DType::Bool, {n, 1}}, {f32, {}}, {f32, {n, 4}}});
  for (const char* name : {"reduce_sum", "reduce_prod", "reduce_max"}) {
    check_types(name, {{f32, {n, 3, t}}}, {{"axes", Ints{0, 2}}, {"keepdims", false}});
  }
  check_types("cumprod", {{f32, {n, t}}}, {{"axis", 1}, {"reverse", true}, {"exclusive", false}});
  check_types("reshape", {{f32, {n, t, 4}}}, {{"shape", Shape{n * t, 4}}});
  check_types("broadcast_to", {{f32, {1, 3}}}, {{"shape", Shape{n, t, 3}}});
  check_types("concat", {{f32, {n, t}}, {f32, {n, 2}}, {f32, {n, t}}}, {{"axis", 1}});
  check_types("slice", {{f32, {n, t}}},
              {{"start", Shape{0, 1}}, {"size", Shape{n, t - 1}}, {"stride", Ints{1, 1}}});
  check_types(
      "slice", {{f32, {n, t}}},
      {{"start", Shape{0, 0}}, {"size", Shape{n, ceil_divide(t, 2)}}, {"stride", Ints{1, 2}}});
  check_types("pad", {{f32, {n, t}}, {f32, {}}},
              {{"low", Shape{0, t}}, {"high", Shape{1, 0}}, {"interior", Ints{0, 2}}});
  check_types("sort", {{f32, {n, t}}}, {{"axis", 1}, {"descending", false}});
  check_types("gather", {{f32, {t, 8}}, {i32, {n, t}}}, {{"axis", 0}});
  check_types("scatter_add", {{i32, {n}}, {f32, {n, 8}}}, {{"axis", 0}, {"size", Shape{t}}});
  check_types("gather_nd", {{f32, {n, t, 8}}, {i32, {n, 2}}});
  check_types("take_along_axis", {{f32, {n, t}}, {i32, {n, 1}}}, {{"axis", 1}});
  check_types("scatter_update", {{f32, {n, 8}}, {i32, {t, 1}}, {f32, {t, 8}}});
  check_types("dynamic_slice", {{f32, {n, 8}}, {i32, {2}}}, {{"size", Shape{1, 8}}});
  check_types("dynamic_update_slice", {{f32, {n, 8}}, {f32, {1, 8}}, {i32, {2}}});
  check_types("bincount", {{i32, {n, t}}, {f32, {n, t}}}, {{"length", 5}});
  for (bool ta : {false, true}) {
    const Attrs attrs = {{"transpose_a", ta}, {"transpose_b", true}};
    check_types("matmul", {{f32, {n, t, t}}, {f32, {5, t}}}, attrs);
    check_types("matmul", {{f32, {n, t, t}}, {f32, {1, 5, t}}}, attrs);
  }
}

TEST(types_of_composites) {
  const Dim n = Dim::symbol("batch"), t = Dim::symbol("time");
  for (const char* name : {"softmax", "log_softmax"}) {
    check_types(name, {{f32, {n, t}}}, {{"axis", 1}});
  }
  check_types("softmax_cross_entropy", {{f32, {n, t, 5}}, {f32, {n, t, 5}}});
  check_types("categorical_crossentropy", {{f32, {n, 5}}, {f32, {n, 5}}});
  check_types("sparse_softmax_cross_entropy", {{f32, {n, t}}, {i32, {n}}});
  check_types("sparse_softmax_cross_entropy_grad", {{f32, {n, t}}, {i32, {n}}, {f32, {n}}});
  const std::vector<TensorType> batch = {{f32, {n, t, 3}}, {f32, {3}}, {f32, {3}}};
  const Attrs axes = {{"axes", Ints{0, 1}}, {"epsilon", 1e-3}};
  check_types("batch_norm", batch, axes);
  check_types("batch_norm_grad", {batch[0], batch[1], batch[1], batch[1], batch[0]}, axes);
  check_types("layer_norm", batch, {{"epsilon", 1e-3}});
  check_types("layer_norm_grad", {batch[0], batch[1], {f32, {n, t}}, {f32, {n, t}}, batch[0]},
              {{"epsilon", 1e-3}});
}

TEST(no_constraint_where_shapes_agree) {
  const Dim n = Dim::symbol("batch");
  TypeTape tape;
  const Value x = tape.input({f32, {n, 8}}), g = tape.input({f32, {n, 8}});
  const std::vector<Value> inputs = {x, x}, grads = {g};
  const std::vector<Value> y = tape.emit(get_op("mul"), inputs, {});
  get_op("mul").gradient({tape, inputs, y, grads, {}});
  CHECK(tape.constraints.empty());
}

}  // namespace
}  // namespace nacre
