// Programs: the planner, the commit tail, the cache of programs, and what is checked when sizes
// become known.

#include <algorithm>

#include "core/error.h"
#include "graph/planner.h"
#include "graph_case.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

const Dim kBatch = Dim::symbol("batch");
const char* const kBackends[] = {"cpu", "reference"};

// ---- planner ----

TEST(buffers_alive_together_never_overlap) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> buffers(static_cast<size_t>(random.integer(1, 40)));
    size_t sum = 0, needed = 0;
    for (Lifetime& b : buffers) {
      b.bytes = static_cast<size_t>(random.integer(0, 3) ? random.integer(1, 5000) : 0);
      b.first = static_cast<int32_t>(random.integer(0, 20));
      b.last = b.first + static_cast<int32_t>(random.integer(0, 6));
      sum += round_up(b.bytes);
    }
    const size_t total = plan_offsets(buffers);
    for (int32_t step = 0; step <= 26; ++step) {
      size_t alive = 0;
      for (const Lifetime& b : buffers) alive += b.first <= step && step <= b.last ? b.bytes : 0;
      needed = std::max(needed, alive);
    }
    CHECK(total <= sum);
    CHECK(total >= needed);
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Lifetime& a = buffers[i];
      CHECK_EQ(a.offset % memory_alignment(a.bytes), size_t{0});
      CHECK(a.offset + a.bytes <= total);
      for (size_t j = 0; j < i; ++j) {
        const Lifetime& b = buffers[j];
        const bool together = a.first <= b.last && b.first <= a.last && a.bytes && b.bytes;
        const bool overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
        CHECK(!(together && overlap));
      }
    }
  }
}

TEST(a_chain_needs_two_buffers) {
  std::vector<Lifetime> buffers;
  for (int32_t i = 0; i < 30; ++i) buffers.push_back({1024, i, i + 1, 0});
  CHECK_EQ(plan_offsets(buffers), size_t{2048});
}

// Batch normalisation's gradient writes over the gradient that it reads, unless that is read later.
TEST(a_gradient_takes_the_memory_of_another) {
  const int64_t rows = 512, columns = 64;
  const size_t bytes = static_cast<size_t>(rows * columns) * sizeof(float);
  const Tensor data = random_tensor(DType::Float32, {rows, columns}, 3);
  const Tensor ones = tensor32({columns}, Values(columns, 1.0));
  for (const bool read_later : {false, true}) {
    GraphPtr g = new_graph();
    const Value x = g->input(f32({rows, columns}), "x"), one = g->input(f32({columns}), "one");
    const Value dy =
        g->op("cumsum", {x}, {{"axis", int64_t{1}}, {"exclusive", false}, {"reverse", false}});
    const Attrs norm{{"axes", std::vector<int64_t>{0}}, {"epsilon", 1e-3}};
    const Value dx = g->emit(get_op("batch_norm_grad"), {x, one, one, one, dy}, norm)[0];
    const Attrs all{{"axes", std::vector<int64_t>{0, 1}}, {"keepdims", false}};
    g->outputs = {g->op("reduce_max", {dx}, all)};
    if (read_later) g->outputs.push_back(g->op("reduce_max", {dy}, all));
    Executable executable(*g, find_backend("cpu"), "");
    Values found;
    for (const Tensor& result : executable.run({data, ones})) found.push_back(values_of(result)[0]);
    check_values(found, run_values(*g, "reference", {data, ones}), 1e-4, "largest");
    CHECK_EQ(executable.arena_bytes() >= 2 * bytes, read_later);
  }
}

// ---- the commit tail ----

TEST(two_variables_swap) {
  for (const char* backend : kBackends) {
    const VariablePtr a = variable(tensor32({3}, {1, 2, 3})),
                      b = variable(tensor32({3}, {4, 5, 6}));
    GraphPtr g = new_graph();
    const Value x = g->read(a), y = g->read(b);
    g->assign(a, y);
    g->assign(b, x);
    g->outputs = {x, g->read(a)};
    check_values(run_values(*g, backend, {}), {1, 2, 3, 4, 5, 6}, 0, "outputs");
    check_values(values_of(a->snapshot()), {4, 5, 6}, 0, "a");
    check_values(values_of(b->snapshot()), {1, 2, 3}, 0, "b");
  }
}

// Each new value is computed from both old ones, element by element: one fused call may write both.
TEST(two_variables_rotate) {
  for (const char* backend : kBackends) {
    for (const int64_t count : {1, 5, 16, 333, 5000}) {
      const Tensor first = random_tensor(DType::Float32, {count}, 1);
      const Tensor second = random_tensor(DType::Float32, {count}, 2);
      const VariablePtr a = variable(first), b = variable(second);
      GraphPtr g = new_graph();
      const Value x = g->read(a), y = g->read(b);
      g->assign(a, g->op("sub", {times(*g, x, 0.5), times(*g, y, 0.25)}));
      g->assign(b, g->op("add", {times(*g, x, 0.25), times(*g, y, 0.5)}));
      g->outputs = {g->op("mul", {g->read(a), g->read(b)})};
      const Values product = run_values(*g, backend, {});
      Values old_a = values_of(first), old_b = values_of(second), new_a, new_b, expected;
      for (size_t i = 0; i < old_a.size(); ++i) {
        new_a.push_back(0.5 * old_a[i] - 0.25 * old_b[i]);
        new_b.push_back(0.25 * old_a[i] + 0.5 * old_b[i]);
        expected.push_back(new_a[i] * new_b[i]);
      }
      check_values(values_of(a->snapshot()), new_a, 1e-6, "a");
      check_values(values_of(b->snapshot()), new_b, 1e-6, "b");
      check_values(product, expected, 1e-6, "output");
    }
  }
}

TEST(a_variable_written_and_its_old_value_returned) {
  for (const char* backend : kBackends) {
    const VariablePtr v = variable(tensor32({2, 2}, {1, 2, 3, 4}));
    GraphPtr g = new_graph();
    const Value old = g->read(v);
    const Value next = g->op("add", {old, old});
    g->assign(v, next);
    // The old value as it is, reshaped, used by a later op, and the new one reshaped.
    g->outputs = {old, g->op("reshape", {old}, {{"shape", Shape{4}}}), times(*g, old, 10),
                  g->op("reshape", {next}, {{"shape", Shape{4}}})};
    Executable executable(*g, find_backend(backend), "");
    for (double factor : {1.0, 2.0}) {
      Values all;
      for (const Tensor& t : executable.run({})) {
        for (double value : values_of(t)) all.push_back(value / factor);
      }
      check_values(all, {1, 2, 3, 4, 1, 2, 3, 4, 10, 20, 30, 40, 2, 4, 6, 8}, 0, backend);
    }
    check_values(values_of(v->snapshot()), {4, 8, 12, 16}, 0, "the variable");
  }
}

// b's update reads what a was before a's own update, in whatever order the trace has them.
TEST(readers_after_a_write_see_the_old_value) {
  for (const char* backend : kBackends) {
    for (const bool reader_last : {false, true}) {
      const VariablePtr a = variable(tensor32({40}, Values(40, 2.0)));
      const VariablePtr b = variable(tensor32({40}, Values(40, 0.0)));
      const VariablePtr c = variable(tensor32({1, 40}, Values(40, 0.0)));
      GraphPtr g = new_graph();
      const Value old = g->read(a);
      if (reader_last) g->assign(a, times(*g, old, 3));
      g->assign(b, g->op("exp", {old}));
      g->assign(c, g->op("add", {g->read(c), old}));  // another shape: its own step
      if (!reader_last) g->assign(a, times(*g, old, 3));
      Executable(*g, find_backend(backend), "").run({});
      CHECK_NEAR(values_of(a->snapshot())[39], 6.0, 0);
      CHECK_NEAR(values_of(b->snapshot())[39], std::exp(2.0), 1e-5);
      CHECK_NEAR(values_of(c->snapshot())[39], 2.0, 0);
    }
  }
}

TEST(a_variable_takes_an_input_a_constant_or_another_variable) {
  for (const char* backend : kBackends) {
    const VariablePtr from_input = variable(tensor32({2}, {0, 0}));
    const VariablePtr from_constant = variable(tensor32({2}, {0, 0}));
    const VariablePtr from_variable = variable(tensor32({2}, {0, 0}));
    const VariablePtr twin = variable(tensor32({2}, {0, 0}));
    const VariablePtr source = variable(tensor32({2}, {7, 8}));
    const VariablePtr untouched = variable(tensor32({2}, {5, 5}));
    GraphPtr g = new_graph();
    const Value x = g->input(f32({2}), "x");
    g->assign(from_input, x);
    g->assign(from_constant, g->constant(tensor32({2}, {3, 4})));
    g->assign(from_variable, g->read(source));
    const Value next = times(*g, g->read(source), 2);
    g->assign(source, next);
    g->assign(twin, next);                     // one value for two variables
    g->assign(untouched, g->read(untouched));  // itself
    g->outputs = {x, next};
    check_values(run_values(*g, backend, {tensor32({2}, {1, 2})}), {1, 2, 14, 16}, 0, backend);
    check_values(values_of(from_input->snapshot()), {1, 2}, 0, "input");
    check_values(values_of(from_constant->snapshot()), {3, 4}, 0, "constant");
    check_values(values_of(from_variable->snapshot()), {7, 8}, 0, "variable");
    check_values(values_of(source->snapshot()), {14, 16}, 0, "source");
    check_values(values_of(twin->snapshot()), {14, 16}, 0, "twin");
    check_values(values_of(untouched->snapshot()), {5, 5}, 0, "itself");
  }
}

// A broadcast read of the variable that is being written must not see its new elements.
TEST(a_variable_combined_with_its_own_slices) {
  for (const char* backend : kBackends) {
    const Tensor start = random_tensor(DType::Float32, {6, 50}, 4);
    const VariablePtr v = variable(start);
    GraphPtr g = new_graph();
    const Value old = g->read(v);
    const Value turned =
        g->op("reshape", {g->op("reverse", {old}, {{"axes", std::vector<int64_t>{0, 1}}})},
              {{"shape", Shape{6, 50}}});
    g->assign(v, g->op("sub", {old, turned}));
    Executable(*g, find_backend(backend), "").run({});
    Values before = values_of(start), expected;
    for (size_t i = 0; i < before.size(); ++i)
      expected.push_back(before[i] - before[before.size() - 1 - i]);
    check_values(values_of(v->snapshot()), expected, 1e-6, backend);
  }
}

// Random updates of several variables of two shapes, on both backends.
TEST(random_updates_agree_on_both_backends) {
  Random random(21);
  for (int round = 0; round < 60; ++round) {
    const uint64_t seed = random.next();
    Values results[2];
    for (int b = 0; b < 2; ++b) {
      Random draw(seed);
      std::vector<VariablePtr> variables;
      for (int i = 0; i < 5; ++i) {
        const Shape64 shape = i % 2 ? Shape64{7} : Shape64{3, 7};
        variables.push_back(variable(random_tensor(DType::Float64, shape, draw.next())));
      }
      GraphPtr g = new_graph();
      std::vector<Value> wide = {g->input(f64({3, 7}), "x")}, narrow = {g->input(f64({7}), "y")};
      for (int step = 0; step < 14; ++step) {
        const size_t which = static_cast<size_t>(draw.integer(0, 4));
        auto& pool = which % 2 ? narrow : wide;
        const auto pick = [&](std::vector<Value>& from) {
          return from[static_cast<size_t>(draw.integer(0, static_cast<int64_t>(from.size()) - 1))];
        };
        switch (draw.integer(0, 4)) {
          case 0:
            pool.push_back(g->read(variables[which]));
            break;
          case 1:
            pool.push_back(g->op("sub", {pick(pool), pick(narrow)}));
            break;
          case 2:
            pool.push_back(g->op("mul", {pick(pool), g->op("tanh", {pick(pool)})}));
            break;
          case 3:
            narrow.push_back(g->op("reduce_sum", {pick(wide)},
                                   {{"axes", std::vector<int64_t>{0}}, {"keepdims", false}}));
            break;
          default:
            g->assign(variables[which], pick(pool));
        }
        if (draw.integer(0, 3) == 0) g->outputs.push_back(pick(pool));
      }
      const Tensor x = random_tensor(DType::Float64, {3, 7}, seed),
                   y = random_tensor(DType::Float64, {7}, seed + 1);
      Executable executable(*g, find_backend(kBackends[b]), "");
      for (int run = 0; run < 2; ++run) {
        for (const Tensor& t : executable.run({x, y})) {
          for (double value : values_of(t)) results[b].push_back(value);
        }
      }
      for (const VariablePtr& v : variables) {
        for (double value : values_of(v->snapshot())) results[b].push_back(value);
      }
    }
    check_values(results[0], results[1], 1e-9, "cpu against reference");
  }
}

// ---- a step commits or it did not happen ----

TEST(a_bad_label_changes_nothing) {
  for (const char* backend : kBackends) {
    const VariablePtr w = variable(random_tensor(DType::Float32, {4, 3}, 1), "w");
    const VariablePtr count = variable(make(DType::Int64, {}, {0}), "count");
    GraphPtr g = new_graph();
    const Value x = g->input(f32({kBatch, 4}), "x"),
                labels = g->input({DType::Int32, {kBatch}}, "y");
    g->assign(count, g->op("add", {g->read(count), g->constant(1.0, DType::Int64)}));
    g->push_scope("loss");
    const Value loss =
        sum_all(*g, g->op("sparse_softmax_cross_entropy", {matmul(*g, x, g->read(w)), labels}));
    g->pop_scope();
    g->assign(w, g->op("sub", {g->read(w), gradients(*g, {loss}, {g->read(w)}, {})[0]}));
    g->outputs = {loss};
    Executable executable(*g, find_backend(backend), "train_step");
    const Tensor data = random_tensor(DType::Float32, {2, 4}, 3);
    executable.run({data, make(DType::Int32, {2}, {0, 2})});
    const Values before = values_of(w->snapshot());
    const uint64_t version = w->version();
    for (double bad : {3.0, -1.0, 1e9}) {
      CHECK_THROWS(ValueError, "loss", executable.run({data, make(DType::Int32, {2}, {0, bad})}));
    }
    const bool fused = executable.backend().host;  // where the composite has a kernel of its own
    CHECK_THROWS(ValueError, fused ? "label of 3" : "index 3",
                 executable.run({data, make(DType::Int32, {2}, {3, 0})}));
    check_values(values_of(w->snapshot()), before, 0, "weights");
    check_values(values_of(count->snapshot()), {1}, 0, "count");
    CHECK_EQ(w->version(), version);
  }
}

// The elementwise updates stand in the tail, where nothing may fail any more.
TEST(a_division_by_zero_in_an_update_changes_nothing) {
  for (const char* backend : kBackends) {
    for (const char* op : {"floordiv", "mod"}) {
      const VariablePtr a = variable(make(DType::Int32, {3}, {7, 8, 9}), "a");
      const VariablePtr b = variable(tensor32({3}, {1, 1, 1}), "b");
      GraphPtr g = new_graph();
      const Value by = g->input({DType::Int32, {3}}, "by");
      const Value one = g->constant(1.0, DType::Int32);
      g->assign(a, g->op("add", {g->op(op, {g->read(a), by}), one}));
      g->assign(b, times(*g, g->read(b), 2));
      Executable executable(*g, find_backend(backend), "");
      CHECK_THROWS(ValueError, "division by zero",
                   executable.run({make(DType::Int32, {3}, {1, 0, 2})}));
      check_values(values_of(a->snapshot()), {7, 8, 9}, 0, op);
      check_values(values_of(b->snapshot()), {1, 1, 1}, 0, op);
      executable.run({make(DType::Int32, {3}, {7, 8, 9})});
      check_values(values_of(b->snapshot()), {2, 2, 2}, 0, op);
    }
  }
}

// Interrupts every run at every point where it asks.
TEST(an_interrupt_between_kernels_changes_nothing) {
  struct Asker {
    int64_t asked = 0, stop_at = -1;
    static bool stop(void* self) {
      auto* asker = static_cast<Asker*>(self);
      return asker->asked++ == asker->stop_at;
    }
  };
  for (const char* backend : kBackends) {
    const int64_t size = 1500;  // memory traffic enough for the program to look for signals
    const VariablePtr w = variable(random_tensor(DType::Float32, {size, size}, 1), "w");
    const VariablePtr bias = variable(tensor32({size}, Values(size, 0.0)), "bias");
    GraphPtr g = new_graph();
    const Value x = g->input(f32({kBatch, size}), "x");
    const Value scale = g->op(
        "reduce_sum", {g->op("transpose", {g->read(w)}, {{"perm", std::vector<int64_t>{1, 0}}})},
        {{"axes", std::vector<int64_t>{1}}, {"keepdims", false}});
    const Value y = g->op("add", {matmul(*g, x, g->read(w)), g->read(bias)});
    g->assign(bias, g->op("add", {g->read(bias), g->op("mul", {scale, sum_all(*g, y)})}));
    g->assign(w, times(*g, g->read(w), 0.5));
    g->outputs = {sum_all(*g, y)};
    Executable executable(*g, find_backend(backend), "");
    const Tensor data = random_tensor(DType::Float32, {2, size}, 3);
    const double before = values_of(w->snapshot())[7];
    int64_t points = 0;
    for (;; ++points) {
      Asker asker{0, points};
      try {
        executable.run({data}, &Asker::stop, &asker);
        break;
      } catch (const Interrupted&) {
      }
      CHECK_EQ(values_of(w->snapshot())[7], before);
      CHECK_EQ(values_of(bias->snapshot())[0], 0.0);
    }
    CHECK(points > 0);
    CHECK_EQ(values_of(w->snapshot())[7], before / 2);
  }
}

// ---- sizes ----

TEST(constraints_are_checked_when_sizes_are_known) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({Dim::symbol("rows"), 3}), "x");
  const Value y = g->input(f32({Dim::symbol("others"), 3}), "y");
  g->outputs = {g->op("add", {x, y})};
  Executable executable(*g, find_backend("cpu"), "add_both");
  check_values(
      values_of(executable.run({tensor32({1, 3}, {1, 2, 3}), tensor32({1, 3}, {1, 1, 1})})[0]),
      {2, 3, 4}, 0, "equal sizes");
  CHECK_THROWS(ValueError, "sizes 2 and 3 (rows and others) differ",
               executable.run({tensor32({2, 3}, Values(6)), tensor32({3, 3}, Values(9))}));
}

TEST(inputs_that_do_not_fit_are_refused) {
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 3}), "pixels");
  const Value y = g->input(f32({kBatch}), "targets");
  g->outputs = {sum_all(*g, x), sum_all(*g, y)};
  Executable executable(*g, find_backend("cpu"), "predict");
  const Tensor good = tensor32({2, 3}, Values(6)), targets = tensor32({2}, Values(2));
  CHECK_THROWS(ValueError, "expected 2 inputs", executable.run({good}));
  CHECK_THROWS(ValueError, "pixels", executable.run({tensor32({2, 4}, Values(8)), targets}));
  CHECK_THROWS(ValueError, "pixels", executable.run({targets, targets}));
  CHECK_THROWS(ValueError, "targets", executable.run({good, tensor32({3}, Values(3))}));
  CHECK_THROWS(TypeError, "float32", executable.run({tensor64({2, 3}, Values(6)), targets}));
  // No rows at all is a size like any other.
  check_values(run_values(*g, "cpu", {tensor32({0, 3}, {}), tensor32({0}, {})}), {0, 0}, 0,
               "empty");
}

TEST(two_hundred_sizes_need_few_programs_and_one_arena) {
  const VariablePtr w = variable(random_tensor(DType::Float32, {8, 8}, 1));
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, Dim::symbol("time"), 8}), "x");
  const Value y = g->op("reduce_sum", {g->op("tanh", {matmul(*g, g->op("exp", {x}), g->read(w))})},
                        {{"axes", std::vector<int64_t>{1}}, {"keepdims", false}});
  g->outputs = {sum_all(*g, y)};
  Executable executable(*g, find_backend("cpu"), "");
  size_t largest = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (int64_t time = 200; time >= 1; --time) {
      executable.run({Tensor::zeros(DType::Float32, {2, time, 8})});
      CHECK(executable.num_programs() <= Executable::kMaxPrograms);
      if (pass == 0 && time == 200) largest = executable.arena_bytes();
      CHECK_EQ(executable.arena_bytes(), largest);
    }
  }
  CHECK(largest > 0);
  CHECK_EQ(executable.num_programs(), Executable::kMaxPrograms);
}

TEST(an_arena_too_large_for_memory_is_an_error_and_no_more) {
  const VariablePtr w = variable(tensor32({1}, {1}), "w");
  GraphPtr g = new_graph();
  const Value x = g->input(f32({kBatch, 1}), "x");
  const Value huge = g->op("broadcast_to", {x}, {{"shape", Shape{kBatch, int64_t{1} << 44}}});
  const Value y =
      g->op("cumsum", {huge}, {{"axis", int64_t{1}}, {"exclusive", false}, {"reverse", false}});
  g->assign(w, g->op("add", {g->read(w), g->constant(1.0, DType::Float32)}));
  g->outputs = {sum_all(*g, y)};
  Executable executable(*g, find_backend("cpu"), "");
  CHECK_THROWS(MemoryError, "bytes", executable.run({tensor32({1, 1}, {1})}));
  check_values(values_of(w->snapshot()), {1}, 0, "the variable");
  executable.run({tensor32({0, 1}, {})});  // the next call works
  check_values(values_of(w->snapshot()), {2}, 0, "the variable");
}

}  // namespace
}  // namespace nacre
