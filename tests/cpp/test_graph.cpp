// Graphs: recording, Variables in a trace, captures, and gradients.

#include "core/error.h"
#include "graph/lower.h"
#include "graph_case.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

const Dim kBatch = Dim::symbol("batch");

TEST(emit_infers_types) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 3}), "x");
  const Value w = g->input(f32({3, 4}), "w");
  const Value y = matmul(*g, x, w);
  CHECK_EQ(type_str(g->type(y)), std::string("float32(batch, 4)"));
  CHECK_THROWS(ValueError, "matmul", matmul(*g, w, w));
  CHECK_THROWS(TypeError, "add", g->op("add", {x, g->input(f64({3}), "y")}));
  CHECK_EQ(g->nodes.size(), size_t{4});  // failed calls leave nothing behind
}

TEST(scalar_constants_are_shared) {
  GraphPtr g = new_graph();
  CHECK(g->constant(1.0, DType::Float32) == g->constant(1.0, DType::Float32));
  CHECK(!(g->constant(1.0, DType::Float32) == g->constant(1.0, DType::Float64)));
  CHECK(!(g->constant(0.0, DType::Float64) == g->constant(-0.0, DType::Float64)));
  const double nan = std::nan("");
  CHECK(g->constant(nan, DType::Float64) == g->constant(nan, DType::Float64));
}

TEST(a_read_sees_what_was_assigned_before_it) {
  const VariablePtr v = variable(tensor64({2}, {1, 2}));
  GraphPtr g = new_graph();
  const Value before = g->read(v);
  CHECK(g->read(v) == before);
  const size_t mark = g->assignments.size();
  g->assign(v, times(*g, before, 10));
  const Value after = g->read(v);
  CHECK(!(after == before));
  CHECK(g->read(v, mark) == before);
  g->assign(v, times(*g, after, 10));
  CHECK(g->read(v, mark + 1) == after);
  CHECK_EQ(g->written().size(), size_t{1});
  g->outputs = {before, after, g->read(v)};
  const Values expected = {1, 2, 10, 20, 100, 200};
  for (const char* backend : {"cpu", "reference"}) {
    v->assign(tensor64({2}, {1, 2}));
    check_values(run_values(*g, backend, {}), expected, 0, backend);
    check_values(values_of(v->snapshot()), {100, 200}, 0, "the last assignment is the one kept");
  }
}

TEST(assignments_are_checked) {
  const VariablePtr v = variable(tensor32({2, 3}, {1, 2, 3, 4, 5, 6}), "moment");
  GraphPtr g = new_graph();
  CHECK_THROWS(ValueError, "moment", g->assign(v, g->input(f32({3, 2}), "a")));
  CHECK_THROWS(ValueError, "moment", g->assign(v, g->input(f32({2}), "b")));
  CHECK_THROWS(ValueError, "moment", g->assign(v, g->input(f64({2, 3}), "c")));
  CHECK(g->assignments.empty());
  // A size unknown while tracing is checked when it is known.
  GraphPtr late = new_graph();
  late->assign(v, late->input(f32({kBatch, 3}), "d"));
  Executable executable(*late, find_backend("cpu"), "late");
  executable.run({tensor32({2, 3}, {6, 5, 4, 3, 2, 1})});
  CHECK_EQ(values_of(v->snapshot())[0], 6.0);
  CHECK_THROWS(ValueError, "moment", executable.run({tensor32({1, 3}, {0, 0, 0})}));
}

TEST(values_of_another_trace_are_refused) {
  GraphPtr first = new_graph(), second = new_graph();
  const Value x = first->input(f32({2}), "x");
  CHECK_THROWS(ValueError, "outside the trace", second->capture(*first, x));
  CHECK(first->capture(*first, x) == x);
}

TEST(scopes_name_nodes) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({2}), "x");
  g->push_scope("Dense \"a\"");
  g->push_scope("inner");
  const Value y = g->op("exp", {x});
  g->pop_scope();
  const Value z = g->op("exp", {y});
  g->pop_scope();
  g->pop_scope();  // one too many does no harm
  CHECK_EQ(g->scope_of(y.node), std::string("inner"));
  CHECK_EQ(g->scope_of(z.node), std::string("Dense \"a\""));
  CHECK_EQ(g->scope_of(x.node), std::string());
}

// ---- gradients ----

TEST(gradients_where_nothing_flows) {
  GraphPtr g = new_graph();
  const Value x = g->input(f64({3}), "x"), y = g->input(f64({3}), "y");
  const Value stopped = g->op("stop_gradient", {x});
  GraphValues grads = gradients(*g, {sum_all(*g, g->op("mul", {stopped, y}))}, {x, y}, {});
  CHECK(!grads[0].valid());
  CHECK(grads[1].valid());
  const Value labels = g->input({DType::Int32, {3}}, "labels");
  CHECK_THROWS(TypeError, "floating", gradients(*g, {labels}, {x}, {}));
  CHECK(!gradients(*g, {sum_all(*g, y)}, {labels}, {})[0].valid());
}

TEST(gradient_of_an_intermediate_and_of_what_is_behind_it) {
  GraphPtr g = new_graph();
  const Value x = g->input(f64({}), "x");
  const Value y = g->op("square", {x});
  const Value z = g->op("add", {g->op("mul", {y, x}), y});
  g->outputs = gradients(*g, {z}, {x, y}, {});
  check_values(run_values(*g, "cpu", {tensor64({}, {3})}), {3 * 9 + 6, 4}, 1e-12, "dz/dx, dz/dy");
}

TEST(seeds_and_several_targets) {
  GraphPtr g = new_graph();
  const Value x = g->input(f64({2}), "x");
  const Value a = g->op("square", {x}), b = times(*g, x, 3);
  const Value seed = g->constant(tensor64({2}, {10, 100}));
  g->outputs = gradients(*g, {a, b, x}, {x}, {seed, {}, {}});
  check_values(run_values(*g, "cpu", {tensor64({2}, {1, 2})}), {24, 404}, 1e-12, "seeded");
}

TEST(second_derivatives_through_composites) {
  const Tensor logits = random_tensor(DType::Float64, {3, 4}, 5);
  const Tensor targets = tensor64({3, 4}, {0, 1, 0, 0, .5, .5, 0, 0, .1, .2, .3, .4});
  check_differences("softmax cross-entropy", {logits, targets}, [](Graph& g, const GraphValues& x) {
    return sum_all(g, g.op("softmax_cross_entropy", {x[0], x[1]}));
  });
  check_differences(
      "sparse cross-entropy of a softmax", {logits}, [](Graph& g, const GraphValues& x) {
        const Value labels = g.constant(make(DType::Int32, {3}, {2, 0, 3}));
        const Value probabilities = g.op("softmax", {x[0]}, {{"axis", int64_t{1}}});
        return sum_all(g, g.op("sparse_categorical_crossentropy", {probabilities, labels}));
      });
  check_differences("log_softmax", {logits}, [](Graph& g, const GraphValues& x) {
    return sum_all(g, g.op("sin", {g.op("log_softmax", {x[0]}, {{"axis", int64_t{0}}})}));
  });
  check_differences("one value twice", {logits}, [](Graph& g, const GraphValues& x) {
    return sum_all(g, g.op("softmax_cross_entropy", {x[0], x[0]}));
  });
}

// Softmax and cross-entropy given apart mean the composite with logits: no overflow, no clipping.
TEST(canonical_cross_entropy_survives_large_logits) {
  const Tensor logits = tensor64({1, 2}, {1000, -1000});
  for (const char* backend : {"cpu", "reference"}) {
    GraphPtr g = new_graph();
    const Value x = g->input(f64({1, 2}), "x");
    const Value p = g->op("softmax", {x}, {{"axis", int64_t{1}}});
    const Value labels = g->constant(make(DType::Int32, {1}, {1}));
    const Value loss = sum_all(*g, g->op("sparse_categorical_crossentropy", {p, labels}));
    g->outputs = {loss, p, gradients(*g, {loss}, {x}, {})[0]};
    check_values(run_values(*g, backend, {logits}), {2000, 1, 0, 1, -1}, 1e-9, backend);
  }
}

TEST(the_first_layers_input_gradient_is_never_computed) {
  const VariablePtr w = variable(random_tensor(DType::Float32, {5, 6}, 1));
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 5}), "x");
  const Value y = g->op("tanh", {matmul(*g, x, g->read(w))});
  g->outputs = gradients(*g, {sum_all(*g, y)}, {g->read(w)}, {});
  GraphPtr lowered = lower(*g, find_backend("reference"));
  int products = 0;
  for (const Node& node : lowered->nodes) products += std::string_view(node.op->name) == "matmul";
  CHECK_EQ(products, 2);
}

}  // namespace
}  // namespace nacre
