// Lowering: dead code, common subexpressions, decomposition; and the CPU backend's fusion, which
// must not change what a graph computes.

#include <algorithm>

#include "core/error.h"
#include "graph/lower.h"
#include "graph_case.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

const Dim kBatch = Dim::symbol("batch");

int count_ops(const Graph& graph, std::string_view name) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const Node& n) { return n.op->name == name; }));
}
int computed(const Graph& graph) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) {
    return !n.op->is(kLeaf) && !n.op->is(kAlias);
  }));
}
GraphPtr on(const char* backend, const Graph& graph) { return lower(graph, find_backend(backend)); }

// ---- what every backend gets ----

TEST(nodes_that_nothing_needs_are_dropped) {
  const VariablePtr unused = variable(tensor32({2}, {1, 2}));
  GraphPtr g = new_graph();
  const Value x = g->input(f32({2}), "x"), idle = g->input(f32({2}), "idle");
  g->op("exp", {idle});
  g->read(unused);
  g->assign(unused, g->op("exp", {x}));  // overwritten by the next
  g->assign(unused, g->op("sin", {x}));
  g->outputs = {g->op("tanh", {x})};
  GraphPtr lowered = on("reference", *g);
  CHECK_EQ(computed(*lowered), 2);
  CHECK_EQ(lowered->inputs.size(), size_t{2});  // inputs stay, used or not
  CHECK_EQ(lowered->assignments.size(), size_t{1});
  CHECK_EQ(count_ops(*lowered, "variable"), 0);
}

TEST(equal_nodes_are_computed_once) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 4}), "x");
  const auto branch = [&](int64_t axis) {
    return g->op("reduce_sum", {g->op("exp", {x})},
                 {{"axes", std::vector<int64_t>{axis}}, {"keepdims", true}});
  };
  g->outputs = {branch(1), branch(1), branch(0),
                g->op("mul", {g->constant(2.0, DType::Float32), g->op("exp", {x})}),
                g->op("mul", {g->constant(3.0, DType::Float32), g->op("exp", {x})})};
  GraphPtr lowered = on("reference", *g);
  CHECK_EQ(count_ops(*lowered, "exp"), 1);
  CHECK_EQ(count_ops(*lowered, "reduce_sum"), 2);
  CHECK_EQ(count_ops(*lowered, "mul"), 2);
  CHECK(lowered->outputs[0] == lowered->outputs[1]);
}

TEST(draws_from_one_state_are_one_and_from_two_are_two) {
  GraphPtr g = new_graph();
  const TensorType state{DType::UInt32, {2}};
  const Value a = g->input(state, "a"), b = g->input(state, "b");
  const Attrs attrs{{"shape", Shape{3}}, {"dtype", DType::Float32}};
  for (Value from : {a, a, b}) g->outputs.push_back(g->op("random_uniform", {from}, attrs));
  CHECK_EQ(count_ops(*on("reference", *g), "random_uniform"), 2);
}

TEST(composites_without_a_kernel_are_decomposed) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 4}), "x"), y = g->input(f32({kBatch, 4}), "y");
  g->outputs = {g->op("softmax_cross_entropy", {x, y})};
  CHECK_EQ(count_ops(*on("cpu", *g), "softmax_cross_entropy"), 1);
  GraphPtr plain = on("reference", *g);
  CHECK_EQ(count_ops(*plain, "softmax_cross_entropy"), 0);
  CHECK(computed(*plain) > 3);
}

TEST(an_op_without_a_kernel_is_one_clear_error) {
  BackendTable bare = find_backend("reference");
  bare.name = "bare";
  bare.entries = [] { return std::span<const OpEntry>(); };
  GraphPtr g = new_graph();
  const Value x = g->input(f32({2, 2}), "x");
  g->push_scope("Dense \"hidden\"");
  g->outputs = {matmul(*g, x, x)};
  g->pop_scope();
  CHECK_THROWS(ValueError, "Dense \"hidden\": matmul: no bare kernel", lower(*g, bare));
  g->outputs = {g->op("reshape", {x}, {{"shape", Shape{4}}})};  // needs none
  CHECK_EQ(computed(*lower(*g, bare)), 0);
}

// ---- fusion on the CPU ----

TEST(product_bias_and_activation_are_one_call) {
  for (const char* activation : {"relu", "sigmoid", "tanh"}) {
    GraphPtr g = new_graph();
    const Value x = g->input(f32({kBatch, 3}), "x"), w = g->input(f32({3, 4}), "w");
    const Value b = g->input(f32({4}), "b");
    g->outputs = {g->op(activation, {g->op("add", {b, matmul(*g, x, w)})})};
    GraphPtr lowered = on("cpu", *g);
    CHECK_EQ(computed(*lowered), 1);
    CHECK_EQ(count_ops(*lowered, "cpu.matmul"), 1);
    const std::vector<Tensor> in = {random_tensor(DType::Float32, {5, 3}, 1),
                                    random_tensor(DType::Float32, {3, 4}, 2),
                                    random_tensor(DType::Float32, {4}, 3)};
    check_values(run_values(*g, "cpu", in), run_values(*g, "reference", in), 1e-5, activation);
  }
}

TEST(product_and_bias_stay_apart_when_the_value_between_is_used) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 3}), "x"), w = g->input(f32({3, 4}), "w");
  const Value b = g->input(f32({4}), "b");
  const Value product = matmul(*g, x, w), sum = g->op("add", {product, b});
  g->outputs = {g->op("relu", {sum}), product};
  CHECK_EQ(count_ops(*on("cpu", *g), "matmul"), 1);
  g->outputs = {g->op("relu", {sum}), g->op("exp", {sum})};  // now the sum is used twice
  GraphPtr lowered = on("cpu", *g);
  CHECK_EQ(count_ops(*lowered, "cpu.matmul"), 1);
  CHECK_EQ(count_ops(*lowered, "relu"), 1);
  // An assignment is a use, too.
  const VariablePtr v = variable(tensor32({2, 4}, Values(8)));
  GraphPtr h = new_graph();
  const Value again = matmul(*h, h->input(f32({2, 3}), "x"), h->input(f32({3, 4}), "w"));
  h->assign(v, again);
  h->outputs = {h->op("add", {again, h->input(f32({4}), "b")})};
  CHECK_EQ(count_ops(*on("cpu", *h), "matmul"), 1);
  // A "bias" that is no vector along the last axis is an ordinary sum.
  GraphPtr k = new_graph();
  const Value third = matmul(*k, k->input(f32({2, 3}), "x"), k->input(f32({3, 4}), "w"));
  k->outputs = {k->op("add", {third, k->input(f32({2, 1}), "column")})};
  CHECK_EQ(count_ops(*on("cpu", *k), "matmul"), 1);
}

TEST(chains_are_one_call_with_several_results) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 7}), "x"), y = g->input(f32({7}), "y");
  const Value a = g->op("add", {x, y}), b = g->op("tanh", {a}), c = g->op("mul", {b, a});
  g->outputs = {c, b};
  CHECK_EQ(computed(*on("cpu", *g)), 1);
  const std::vector<Tensor> in = {random_tensor(DType::Float32, {9, 7}, 1),
                                  random_tensor(DType::Float32, {7}, 2)};
  check_values(run_values(*g, "cpu", in), run_values(*g, "reference", in), 1e-6, "chain");
}

// The chain's first value goes through a reduction and comes back: no call may wait for itself.
TEST(a_chain_around_another_op_makes_no_cycle) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({6, 7}), "x");
  const Value a = g->op("exp", {x});
  const Value sum =
      g->op("reduce_sum", {a}, {{"axes", std::vector<int64_t>{1}}, {"keepdims", true}});
  g->outputs = {g->op("div", {a, sum}), g->op("neg", {a})};
  GraphPtr lowered = on("cpu", *g);
  for (size_t i = 0; i < lowered->nodes.size(); ++i) {
    for (Value value : lowered->nodes[i].inputs) CHECK(value.node < static_cast<int32_t>(i));
  }
  const std::vector<Tensor> in = {random_tensor(DType::Float32, {6, 7}, 1)};
  check_values(run_values(*g, "cpu", in), run_values(*g, "reference", in), 1e-6, "softmax by hand");
}

// Longer than one call may be, with values from its start used at its end.
TEST(chains_without_end) {
  GraphPtr g = new_graph();
  const Value x = g->input(f64({33}), "x");
  std::vector<Value> values = {x};
  for (size_t i = 1; i < 160; ++i) {
    values.push_back(g->op(i % 3 ? "sub" : "add", {g->op("sin", {values[i - 1]}), values[i / 2]}));
  }
  g->outputs = {values.back(), values[80]};
  const std::vector<Tensor> in = {random_tensor(DType::Float64, {33}, 1)};
  check_values(run_values(*g, "cpu", in), run_values(*g, "reference", in), 1e-9, "long chain");
  CHECK(computed(*on("cpu", *g)) < 120);
}

// ---- random graphs ----

struct Pool {
  Graph& graph;
  Random& random;
  std::vector<Value> values;

  Value pick() {
    return values[static_cast<size_t>(random.integer(0, static_cast<int64_t>(values.size()) - 1))];
  }
  void grow() {
    static const char* const kUnary[] = {"sin",    "tanh", "sigmoid", "relu",
                                         "square", "neg",  "abs",     "softplus"};
    static const char* const kBinary[] = {"add", "sub", "mul", "maximum", "minimum"};
    const Value a = pick();
    const Shape shape = graph.type(a).shape;  // (batch, 6), (6,), (batch, 1) or (1, 6)
    switch (random.integer(0, 9)) {
      case 0:
      case 1:
      case 2:
        return values.push_back(graph.op(kUnary[random.integer(0, 7)], {a}));
      case 3:
      case 4:
      case 5:
        return values.push_back(graph.op(kBinary[random.integer(0, 4)], {a, pick()}));
      case 6:
        if (shape.size() != 2) return;
        return values.push_back(
            graph.op("reduce_sum", {times(graph, a, 0.2)},
                     {{"axes", std::vector<int64_t>{random.integer(0, 1)}}, {"keepdims", true}}));
      case 7: {
        if (shape.size() != 2 || !(shape[1] == 6)) return;
        const Value product = times(graph, matmul(graph, a, values[2]), 0.3);
        return values.push_back(product);
      }
      case 8: {
        if (shape.size() != 2 || !(shape[1] == 6)) return;
        const Value sum = graph.op("add", {matmul(graph, a, values[2]), values[1]});
        return values.push_back(graph.op(random.integer(0, 1) ? "tanh" : "sigmoid", {sum}));
      }
      default:
        return values.push_back(
            graph.op("where", {graph.op("lt", {a, pick()}), graph.op("tanh", {pick()}), a}));
    }
  }
};

TEST(random_graphs_compute_the_same_fused_and_plain) {
  Random random(77);
  for (int round = 0; round < 120; ++round) {
    GraphPtr g = new_graph();
    Pool pool{*g, random, {}};
    pool.values = {g->input(f64({kBatch, 6}), "x"), g->input(f64({6}), "b"),
                   g->input(f64({6, 6}), "w")};
    const Value w = pool.values[2];
    const int64_t size = random.integer(3, 60);
    for (int64_t i = 0; i < size; ++i) {
      try {
        pool.grow();
      } catch (const ValueError&) {  // (batch, 6) and (6, 6)
      }
    }
    for (int i = 0; i < 3; ++i) g->outputs.push_back(pool.pick());
    g->outputs.push_back(pool.values.back());
    if (round % 2) {
      for (Value grad : gradients(*g, {sum_all(*g, pool.values.back())},
                                  {pool.values[0], pool.values[1], w}, {})) {
        if (grad.valid()) g->outputs.push_back(grad);
      }
    }
    const int64_t rows = 6;  // so that what may only be equal for some sizes is equal
    const std::vector<Tensor> in = {random_tensor(DType::Float64, {rows, 6}, random.next()),
                                    random_tensor(DType::Float64, {6}, random.next()),
                                    random_tensor(DType::Float64, {6, 6}, random.next())};
    const Values plain = run_values(*g, "reference", in);
    double largest = 1;
    for (double value : plain) {
      if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
    }
    check_values(run_values(*g, "cpu", in), plain, 1e-9 * largest, "random graph");
  }
}

}  // namespace
}  // namespace nacre
