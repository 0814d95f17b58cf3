// Gradients and gradients of gradients of every differentiable op against finite differences.

#include "check.h"
#include "eager_tape.h"
#include "ops/build.h"

namespace nacre {
namespace {

using check::Array;
using check::check_gradients;
using Values = std::vector<Value>;
using Ints = std::vector<int64_t>;

Array random_array(Ints shape, double low = -1, double high = 1, uint64_t seed = 1) {
  check::Random random(seed + 7 * shape.size() + static_cast<uint64_t>(high * 13));
  Array array{shape, {}};
  for (int64_t i = element_count(shape); i > 0; --i) {
    array.values.push_back(random.uniform(low, high));
  }
  return array;
}

Array integers(Ints shape, std::vector<double> values, DType dtype = DType::Int32) {
  return {std::move(shape), std::move(values), dtype};
}

// One op on all inputs.
void check_op(const char* name, const std::vector<Array>& inputs, Attrs attrs = {}, int order = 2) {
  check_gradients(
      name, inputs, [&](Builder& b, const Values& x) { return b.emit(get_op(name), x, attrs); },
      order);
}

TEST(unary) {
  const char* everywhere[] = {"neg",  "abs",  "square",   "exp",   "expm1",   "tanh",
                              "relu", "sin",  "cos",      "tan",   "sinh",    "cosh",
                              "erf",  "atan", "softplus", "asinh", "sigmoid", "identity"};
  for (const char* name : everywhere) check_op(name, {random_array({2, 3}, -1.2, 1.2)});
  for (const char* name : {"log", "log1p", "sqrt", "rsqrt", "lgamma", "digamma"}) {
    check_op(name, {random_array({2, 3}, 0.3, 3)});
  }
  for (const char* name : {"asin", "acos", "atanh", "erfinv"}) {
    check_op(name, {random_array({5}, -0.9, 0.9)});
  }
  check_op("acosh", {random_array({5}, 1.1, 3)});
  for (const char* name : {"lgamma", "digamma"}) check_op(name, {random_array({4}, -0.8, -0.2)});
  check_op("digamma", {random_array({4}, 8, 40)});
}

TEST(cast_keeps_the_gradient) {
  check_gradients("cast", {random_array({3})}, [](Builder& b, const Values& x) {
    return Values{b.op("cast", {b.op("square", {x[0]})}, {{"dtype", DType::Float64}})};
  });
}

TEST(binary_with_broadcasting) {
  const std::pair<Ints, Ints> shapes[] = {{{2, 3}, {2, 3}}, {{2, 3}, {3}},       {{3}, {2, 1}},
                                          {{}, {2, 2}},     {{2, 1, 3}, {4, 1}}, {{1}, {}}};
  for (const auto& [a, b] : shapes) {
    for (const char* name : {"add", "sub", "mul", "maximum", "minimum"}) {
      check_op(name, {random_array(a), random_array(b, -1, 1, 5)});
    }
    for (const char* name : {"div", "pow", "atan2", "mod"}) {
      check_op(name, {random_array(a, 0.4, 2), random_array(b, 0.5, 3, 9)});
    }
    check_op("sigmoid_cross_entropy", {random_array(a, -3, 3), random_array(b, 0, 1, 3)});
    check_op("binary_crossentropy", {random_array(a, 0.1, 0.9), random_array(b, 0, 1, 3)});
  }
}

double gradient_at(const char* name, std::vector<double> at, size_t wanted) {
  check::EagerTape tape(false);
  Values xs;
  for (double x : at) xs.push_back(tape.input({{}, {x}}));
  const Value y = tape.op(name, xs);
  const Values grads = tape.gradients({y}, {tape.constant(1, DType::Float64)}, xs);
  return grads[wanted].valid() ? tape.read(grads[wanted]).values[0] : 0;
}

TEST(corners) {
  CHECK_EQ(gradient_at("relu", {0}, 0), 0.0);
  CHECK_EQ(gradient_at("abs", {0}, 0), 0.0);
  CHECK_EQ(gradient_at("maximum", {2, 2}, 0), 0.5);
  CHECK_EQ(gradient_at("maximum", {2, 2}, 1), 0.5);
  CHECK_EQ(gradient_at("minimum", {2, 3}, 0), 1.0);
  CHECK_EQ(gradient_at("minimum", {2, 3}, 1), 0.0);
  CHECK_EQ(gradient_at("pow", {0, 2}, 0), 0.0);
  CHECK_EQ(gradient_at("pow", {0, 1}, 0), 1.0);
  CHECK_EQ(gradient_at("pow", {0, 0}, 0), 0.0);
  CHECK_EQ(gradient_at("pow", {0, 2}, 1), 0.0);
  CHECK_EQ(gradient_at("pow", {-2, 3}, 0), 12.0);
  CHECK_EQ(gradient_at("pow", {-2, 3}, 1), 0.0);
  CHECK_EQ(gradient_at("sigmoid_cross_entropy", {0, 1}, 0), -0.5);
  CHECK_EQ(gradient_at("floor", {1.5}, 0), 0.0);
}

TEST(where_blocks_what_was_not_selected) {
  check_gradients(
      "where",
      {integers({2, 1}, {1, 0}, DType::Bool), random_array({2, 3}), random_array({3}, -1, 1, 4)},
      [](Builder& b, const Values& x) { return Values{b.op("where", x)}; });
  // sqrt(x) where x > 0, else 0: no NaN from the branch that is infinite at zero.
  check::EagerTape tape(false);
  const Value x = tape.input({{2}, {0, 4}});
  const build::Expr e(tape, x);
  const build::Expr positive = gt(e, 0);
  const Value y = where(positive, sqrt(where(positive, e, 1)), 0);
  const Values grads = tape.gradients({y}, {tape.input({{2}, {1, 1}})}, {x});
  CHECK(tape.read(grads[0]).values == (std::vector<double>{0, 0.25}));
}

TEST(reductions) {
  for (const char* name : {"reduce_sum", "reduce_prod", "reduce_max", "reduce_min"}) {
    for (bool keepdims : {false, true}) {
      for (const Ints& axes : {Ints{}, Ints{0}, Ints{2}, Ints{0, 2}, Ints{0, 1, 2}}) {
        check_op(name, {random_array({2, 3, 2}, 0.5, 2)}, {{"axes", axes}, {"keepdims", keepdims}});
      }
    }
  }
  check_op("reduce_prod", {{{2, 3}, {2, 0, 3, 0, 5, 0}}}, {{"axes", Ints{1}}, {"keepdims", false}});
  check_op("reduce_prod", {{{2, 2}, {0, 3, 2, 5}}}, {{"axes", Ints{0, 1}}, {"keepdims", false}});
}

TEST(ties_share_the_gradient) {
  check::EagerTape tape(false);
  const Value x = tape.input({{4}, {3, 1, 3, 2}});
  const Value y = tape.op("reduce_max", {x}, {{"axes", Ints{0}}, {"keepdims", false}});
  const Values grads = tape.gradients({y}, {tape.constant(1, DType::Float64)}, {x});
  CHECK(tape.read(grads[0]).values == (std::vector<double>{0.5, 0, 0.5, 0}));
}

TEST(cumulative) {
  for (bool reverse : {false, true}) {
    for (bool exclusive : {false, true}) {
      const Attrs attrs = {{"axis", 1}, {"reverse", reverse}, {"exclusive", exclusive}};
      check_op("cumsum", {random_array({2, 4})}, attrs);
      check_op("cumprod", {random_array({2, 4}, 0.5, 2)}, attrs);
      check_op("cumprod", {{{2, 4}, {2, 0, 3, 4, 5, 2, 0, 0}}}, attrs, 1);
    }
  }
}

TEST(movement) {
  const Array x = random_array({2, 3, 4});
  check_op("reshape", {x}, {{"shape", Shape{6, 4}}});
  check_op("transpose", {x}, {{"perm", Ints{2, 0, 1}}});
  check_op("broadcast_to", {random_array({3, 1})}, {{"shape", Shape{2, 3, 4}}});
  check_op("concat", {random_array({2, 1}), random_array({2, 3}), random_array({2, 2})},
           {{"axis", 1}});
  check_op("slice", {x},
           {{"start", Shape{0, 1, 0}}, {"size", Shape{2, 1, 2}}, {"stride", Ints{1, 2, 3}}});
  check_op("slice", {x},
           {{"start", Shape{1, 0, 0}}, {"size", Shape{1, 0, 4}}, {"stride", Ints{1, 2, 1}}});
  check_op("pad", {x, random_array({})},
           {{"low", Shape{1, 0, 2}}, {"high", Shape{0, 0, 1}}, {"interior", Ints{0, 2, 1}}});
  check_op("reverse", {x}, {{"axes", Ints{0, 2}}});
}

TEST(indexing) {
  const Array x = random_array({3, 4});
  check_op("gather", {x, integers({2, 2}, {1, 0, 1, 2})}, {{"axis", 0}});
  check_op("gather", {x, integers({}, {3})}, {{"axis", 1}});
  check_op("scatter_add", {integers({3}, {4, 1, 4}), x}, {{"axis", 0}, {"size", Shape{5}}});
  check_op("gather_nd", {x, integers({3, 1}, {2, 0, 2}, DType::Int64)});
  check_op("gather_nd", {x, integers({2, 2}, {2, 1, 0, 3})});
  check_op("scatter_nd", {integers({3, 1}, {2, 0, 2}), x}, {{"shape", Shape{4, 4}}});
  const Array places = integers({3, 2}, {0, 3, 1, 1, 2, 0});
  check_op("take_along_axis", {x, places}, {{"axis", 1}});
  check_op("put_along_axis_add", {places, random_array({3, 2})}, {{"axis", 1}, {"size", Shape{4}}});
  check_op("scatter_update", {x, integers({2, 1}, {2, 0}), random_array({2, 4})});
  check_op("scatter_update", {x, integers({3, 2}, {1, 1, 0, 2, 1, 1}), random_array({3})});
  check_op("dynamic_slice", {x, integers({2}, {1, 9})}, {{"size", Shape{2, 2}}});
  check_op("dynamic_update_slice", {x, random_array({2, 2}), integers({2}, {0, 1})});
}

TEST(sorting) {
  for (bool descending : {false, true}) {
    check_op("sort", {random_array({3, 4})}, {{"axis", 0}, {"descending", descending}});
  }
  check_op("bincount", {integers({5}, {0, 2, 3, 2, 0}, DType::UInt8), random_array({5})},
           {{"length", 4}});
  check_op("bincount", {integers({2, 3}, {0, 2, 1, 2, 2, 0}), random_array({2, 3})},
           {{"length", 3}});
}

TEST(matmul_in_all_forms) {
  for (bool ta : {false, true}) {
    for (bool tb : {false, true}) {
      const Attrs attrs = {{"transpose_a", ta}, {"transpose_b", tb}};
      const Ints a = ta ? Ints{3, 2} : Ints{2, 3}, b = tb ? Ints{4, 3} : Ints{3, 4};
      auto batch = [](Ints leading, const Ints& matrix) {
        leading.insert(leading.end(), matrix.begin(), matrix.end());
        return random_array(leading);
      };
      check_op("matmul", {batch({}, a), batch({}, b)}, attrs);
      check_op("matmul", {batch({2}, a), batch({2}, b)}, attrs);
      check_op("matmul", {batch({2, 2}, a), batch({}, b)}, attrs);
      check_op("matmul", {batch({}, a), batch({3}, b)}, attrs);
      check_op("matmul", {batch({2, 1}, a), batch({1, 3}, b)}, attrs);
    }
  }
}

TEST(softmax_family) {
  for (const char* name : {"softmax", "log_softmax"}) {
    for (int64_t axis : {0, 1}) check_op(name, {random_array({2, 4}, -2, 2)}, {{"axis", axis}});
  }
}

TEST(crossentropy) {
  const Array logits = random_array({3, 4}, -2, 2), target = random_array({3, 4}, 0, 1);
  check_op("softmax_cross_entropy", {logits, target});
  check_op("categorical_crossentropy", {random_array({3, 4}, 0.1, 1), target});
  for (const DType dtype : {DType::Int32, DType::Int64, DType::UInt8}) {
    const Array labels = integers({3}, {3, 0, 1}, dtype);
    for (const Attrs& attrs : {Attrs{}, Attrs{{"ignore", 0}}}) {
      check_op("sparse_softmax_cross_entropy", {logits, labels}, attrs);
      check_op("sparse_categorical_crossentropy", {random_array({3, 4}, 0.1, 1), labels}, attrs);
    }
  }
  check_op("sparse_softmax_cross_entropy", {logits, integers({3}, {-1, 0, 3})}, {{"ignore", -1}});
}

// A saturated prediction costs -log(1e-7) and has no gradient.
TEST(probabilities_are_clipped) {
  check::EagerTape tape(false);
  const Value p = tape.input({{1, 2}, {1, 0}}), t = tape.input({{1, 2}, {0, 1}});
  const Value loss = tape.op("categorical_crossentropy", {p, t});
  CHECK_NEAR(tape.read(loss).values[0], 16.11809565, 1e-7);
}

TEST(normalization) {
  const Array x = random_array({3, 2, 4}, -2, 2);
  for (const Ints& axes : {Ints{0, 1}, Ints{0, 2}, Ints{1}}) {
    Ints kept;
    for (int64_t i = 0; i < 3; ++i) {
      if (std::find(axes.begin(), axes.end(), i) == axes.end()) kept.push_back(x.shape[i]);
    }
    const std::vector<Array> inputs = {x, random_array(kept, 0.5, 2), random_array(kept)};
    check_op("batch_norm", inputs, {{"axes", axes}, {"epsilon", 1e-3}});
    for (int out : {0, 1, 2}) {
      check_gradients("batch_norm, one result", inputs, [&](Builder& b, const Values& in) {
        return Values{b.emit(get_op("batch_norm"), in, {{"axes", axes}, {"epsilon", 1e-3}})[out]};
      });
    }
  }
  check_op("layer_norm", {x, random_array({4}, 0.5, 2), random_array({4})}, {{"epsilon", 1e-3}});
}

}  // namespace
}  // namespace nacre
