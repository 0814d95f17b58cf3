// scan, cond and while: values, captures, state written inside, gradients and their gradients.

#include "core/error.h"
#include "graph/regions.h"
#include "graph_case.h"

namespace nacre {
namespace {

using namespace check;  // NOLINT: a test's vocabulary

const Dim kTime = Dim::symbol("time");
const char* const kBackends[] = {"cpu", "reference"};

// A simple recurrent cell: h' = tanh(x + h w), y = h' * h'.
ScanResult recurrent(Graph& g, Value h, Value xs, Value w, bool reverse = false) {
  return trace_scan(g, {h}, {xs}, {}, reverse, [&](Graph& r, const GraphValues& in) -> GraphValues {
    const Value next = r.op("tanh", {r.op("add", {in[1], matmul(r, in[0], r.capture(g, w))})});
    return {next, r.op("mul", {next, next})};
  });
}

TEST(scan_runs_a_recurrent_cell) {
  const Tensor h = tensor64({1, 2}, {.1, -.2}), w = tensor64({2, 2}, {.5, -.3, .2, .4});
  for (const char* backend : kBackends) {
    for (const bool reverse : {false, true}) {
      GraphPtr g = new_graph();
      const Value x = g->input(f64({kTime, 1, 2}), "x");
      const Value start = g->constant(h), weights = g->constant(w);
      const ScanResult result = recurrent(*g, start, x, weights, reverse);
      g->outputs = {result.carries[0], result.ys[0]};
      for (const int64_t steps : {1, 2, 5, 8}) {
        const Tensor xs = random_tensor(DType::Float64, {steps, 1, 2}, 3);
        const Values v = values_of(xs), k = values_of(w);
        Values state = values_of(h), ys(static_cast<size_t>(steps * 2));
        for (int64_t i = 0; i < steps; ++i) {
          const size_t t = static_cast<size_t>(reverse ? steps - 1 - i : i);
          const Values next = {std::tanh(v[2 * t] + state[0] * k[0] + state[1] * k[2]),
                               std::tanh(v[2 * t + 1] + state[0] * k[1] + state[1] * k[3])};
          state = next;
          for (size_t j = 0; j < 2; ++j) ys[2 * t + j] = next[j] * next[j];
        }
        state.insert(state.end(), ys.begin(), ys.end());
        check_values(run_values(*g, backend, {xs}), state, 1e-12, backend);
      }
    }
  }
}

TEST(scan_over_nothing_returns_its_start) {
  for (const char* backend : kBackends) {
    GraphPtr g = new_graph();
    const Value x = g->input(f64({kTime, 1, 2}), "x"), h = g->input(f64({1, 2}), "h");
    const Value w = g->input(f64({2, 2}), "w");
    const ScanResult result = recurrent(*g, h, x, w);
    const Value loss = g->op("add", {sum_all(*g, result.carries[0]), sum_all(*g, result.ys[0])});
    g->outputs = {result.carries[0], result.ys[0]};
    for (Value grad : gradients(*g, {loss}, {h, w, x}, {})) g->outputs.push_back(grad);
    check_values(run_values(*g, backend,
                            {tensor64({0, 1, 2}, {}), tensor64({1, 2}, {3, 4}),
                             tensor64({2, 2}, Values(4, 1.0))}),
                 {3, 4, 1, 1, 0, 0, 0, 0}, 0, backend);
  }
}

TEST(scan_carries_that_change_places) {
  for (const char* backend : kBackends) {
    GraphPtr g = new_graph();
    const Value a = g->constant(1.0, DType::Float64), b = g->constant(2.0, DType::Float64);
    const ScanResult result = trace_scan(
        *g, {a, b, a}, {}, Dim(3), false, [](Graph&, const GraphValues& in) -> GraphValues {
          return {in[1], in[0], in[2], in[0]};  // swapped, kept, and an argument as a result
        });
    g->outputs = result.carries;
    g->outputs.push_back(result.ys[0]);
    check_values(run_values(*g, backend, {}), {2, 1, 1, 1, 2, 1}, 0, backend);
  }
}

TEST(scan_writes_variables) {
  for (const char* backend : kBackends) {
    const VariablePtr sum = variable(tensor64({}, {100}), "sum"),
                      step = variable(tensor64({}, {2}), "step");
    GraphPtr g = new_graph();
    const Value x = g->input(f64({kTime}), "x");
    g->assign(sum, g->op("add", {g->read(sum), g->constant(1.0, DType::Float64)}));
    const ScanResult result =
        trace_scan(*g, {}, {x}, {}, false, [&](Graph& r, const GraphValues& in) -> GraphValues {
          // `step` is only read, so it is a capture; `sum` is read, written and read again.
          r.assign(sum, r.op("add", {r.read(sum), r.op("mul", {in[0], r.read(step)})}));
          return {r.read(sum)};
        });
    g->outputs = {result.ys[0], g->read(sum)};
    check_values(run_values(*g, backend, {tensor64({3}, {1, 2, 3})}), {103, 107, 113, 113}, 0,
                 backend);
    CHECK_EQ(sum->snapshot().item_as_double(), 113.0);
    CHECK_EQ(step->snapshot().item_as_double(), 2.0);
  }
}

TEST(regions_inside_regions) {
  for (const char* backend : kBackends) {
    const VariablePtr count = variable(tensor64({}, {0}), "count");
    GraphPtr g = new_graph();
    const Value x = g->input(f64({3, 2}), "x"), factor = g->input(f64({}), "factor");
    const ScanResult outer = trace_scan(
        *g, {g->constant(0.0, DType::Float64)}, {x}, {}, false,
        [&](Graph& r, const GraphValues& in) -> GraphValues {
          const ScanResult inner = trace_scan(
              r, {in[0]}, {in[1]}, {}, false,
              [&](Graph& q, const GraphValues& deep) -> GraphValues {
                q.assign(count, q.op("add", {q.read(count), q.constant(1.0, DType::Float64)}));
                return {q.op("add", {deep[0], q.op("mul", {deep[1], q.capture(*g, factor)})})};
              });
          const Value positive = r.op("gt", {inner.carries[0], r.constant(0.0, DType::Float64)});
          return trace_cond(
              r, positive,
              [&](Graph& q, const GraphValues&) -> GraphValues {
                return {q.capture(r, inner.carries[0])};
              },
              [&](Graph& q, const GraphValues&) -> GraphValues {
                return {q.op("neg", {q.capture(r, inner.carries[0])})};
              });
        });
    g->outputs = {outer.carries[0], gradients(*g, {outer.carries[0]}, {factor}, {})[0]};
    // 2*(1+2)=6; 6+2*(-5-1)=-6 -> 6; 6+2*(1+1)=10. d/df: 3; -(3-6)=3; 3+2=5.
    check_values(
        run_values(*g, backend, {tensor64({3, 2}, {1, 2, -5, -1, 1, 1}), tensor64({}, {2})}),
        {10, 5}, 1e-12, backend);
    CHECK_EQ(count->snapshot().item_as_double(), 6.0);
  }
}

TEST(derivatives_of_scan) {
  const std::vector<Tensor> inputs = {random_tensor(DType::Float64, {1, 2}, 1),
                                      random_tensor(DType::Float64, {4, 1, 2}, 2),
                                      random_tensor(DType::Float64, {2, 2}, 3)};
  for (const bool reverse : {false, true}) {
    for (const char* backend : kBackends) {
      check_differences(
          "scan", inputs,
          [&](Graph& g, const GraphValues& x) {
            const ScanResult result = recurrent(g, x[0], x[1], x[2], reverse);
            return g.op("add",
                        {sum_all(g, result.carries[0]), sum_all(g, g.op("sin", {result.ys[0]}))});
          },
          2, backend);
    }
  }
  check_differences("only ys", inputs, [&](Graph& g, const GraphValues& x) {
    return sum_all(g, recurrent(g, x[0], x[1], x[2]).ys[0]);
  });
  check_differences("nested scans", inputs, [&](Graph& g, const GraphValues& x) {
    const ScanResult outer = trace_scan(
        g, {x[0]}, {}, Dim(2), false, [&](Graph& r, const GraphValues& in) -> GraphValues {
          return {recurrent(r, in[0], r.capture(g, x[1]), r.capture(g, x[2])).carries[0]};
        });
    return sum_all(g, outer.carries[0]);
  });
}

// A float carry beside an integer one, through which nothing flows.
TEST(derivatives_of_scan_with_integer_carries) {
  check_differences(
      "integer carry", {random_tensor(DType::Float64, {3}, 7)}, [](Graph& g, const GraphValues& x) {
        const Value zero = g.constant(make(DType::Int32, {}, {0})),
                    one = g.constant(1.0, DType::Float64);
        const ScanResult result = trace_scan(
            g, {zero, one}, {}, Dim(3), false, [&](Graph& r, const GraphValues& in) -> GraphValues {
              const Value element =
                  r.op("gather", {r.capture(g, x[0]), in[0]}, {{"axis", int64_t{0}}});
              const Value next = r.op("add", {in[0], r.constant(make(DType::Int32, {}, {1}))});
              return {next, r.op("mul", {in[1], r.op("sin", {element})})};
            });
        return result.carries[1];
      });
}

TEST(cond_takes_one_branch) {
  for (const char* backend : kBackends) {
    const VariablePtr taken = variable(tensor64({}, {0}), "taken"),
                      other = variable(tensor64({}, {0}), "other");
    GraphPtr g = new_graph();
    const Value p = g->input({DType::Bool, {}}, "p"), x = g->input(f64({2}), "x"),
                y = g->input(f64({2}), "y");
    const GraphValues result = trace_cond(
        *g, p,
        [&](Graph& r, const GraphValues&) -> GraphValues {
          r.assign(taken, r.op("add", {r.read(taken), r.constant(1.0, DType::Float64)}));
          return {r.op("mul", {r.capture(*g, x), r.capture(*g, x)})};
        },
        [&](Graph& r, const GraphValues&) -> GraphValues {
          r.assign(other, r.op("add", {r.read(other), r.read(taken)}));
          return {r.op("mul", {r.capture(*g, y), r.capture(*g, x)})};
        });
    g->outputs = result;
    for (Value grad : gradients(*g, {sum_all(*g, result[0])}, {x, y}, {}))
      g->outputs.push_back(grad);
    Executable executable(*g, find_backend(backend), "");
    for (const bool truth : {true, false}) {
      Values all;
      for (const Tensor& t : executable.run({make(DType::Bool, {}, {truth ? 1.0 : 0.0}),
                                             tensor64({2}, {2, 3}), tensor64({2}, {5, 7})})) {
        for (double value : values_of(t)) all.push_back(value);
      }
      check_values(all, truth ? Values{4, 9, 4, 6, 0, 0} : Values{10, 21, 5, 7, 2, 3}, 0, backend);
    }
    CHECK_EQ(taken->snapshot().item_as_double(), 1.0);
    CHECK_EQ(other->snapshot().item_as_double(), 1.0);
  }
}

TEST(derivatives_of_cond) {
  for (const double sign : {1.0, -1.0}) {
    check_differences(
        "cond",
        {random_tensor(DType::Float64, {3}, 1, .5, 1), random_tensor(DType::Float64, {3}, 2)},
        [&](Graph& g, const GraphValues& x) {
          const Value p =
              g.op("gt", {times(g, sum_all(g, x[0]), sign), g.constant(0.0, DType::Float64)});
          const GraphValues y = trace_cond(
              g, p,
              [&](Graph& r, const GraphValues&) -> GraphValues {
                return {r.op("exp", {r.op("mul", {r.capture(g, x[0]), r.capture(g, x[1])})})};
              },
              [&](Graph& r, const GraphValues&) -> GraphValues {
                return {r.op("sin", {r.op("mul", {r.capture(g, x[0]), r.capture(g, x[0])})})};
              });
          return sum_all(g, y[0]);
        });
  }
}

TEST(while_runs_until_its_condition_fails) {
  for (const char* backend : kBackends) {
    const VariablePtr turns = variable(tensor64({}, {0}), "turns");
    GraphPtr g = new_graph();
    const Value x = g->input(f64({}), "x"), limit = g->input(f64({}), "limit");
    g->outputs = trace_while(
        *g, {x, x},
        [&](Graph& r, const GraphValues& in) -> GraphValues {
          return {r.op("lt", {in[0], r.capture(*g, limit)})};
        },
        [&](Graph& r, const GraphValues& in) -> GraphValues {
          r.assign(turns, r.op("add", {r.read(turns), r.constant(1.0, DType::Float64)}));
          return {times(r, in[0], 2), in[0]};
        });
    Executable executable(*g, find_backend(backend), "");
    const Values starts = {1, 3, 200}, last = {128, 192, 200}, before = {64, 96, 200},
                 count = {7, 13, 13};
    for (size_t i = 0; i < starts.size(); ++i) {
      const auto result = executable.run({tensor64({}, {starts[i]}), tensor64({}, {100})});
      CHECK_EQ(result[0].item_as_double(), last[i]);
      CHECK_EQ(result[1].item_as_double(), before[i]);
      CHECK_EQ(turns->snapshot().item_as_double(), count[i]);
    }
    CHECK_THROWS(ValueError, "no gradient", gradients(*g, {g->outputs[0]}, {x}, {}));
  }
}

// The condition may look at a Variable that the body writes.
TEST(while_waits_for_a_variable) {
  for (const char* backend : kBackends) {
    const VariablePtr left = variable(tensor64({}, {5}), "left");
    GraphPtr g = new_graph();
    const Value zero = g->constant(0.0, DType::Float64);
    g->outputs = trace_while(
        *g, {zero},
        [&](Graph& r, const GraphValues&) -> GraphValues {
          return {r.op("gt", {r.read(left), r.constant(0.0, DType::Float64)})};
        },
        [&](Graph& r, const GraphValues& in) -> GraphValues {
          const Value now = r.read(left);
          r.assign(left, r.op("sub", {now, r.constant(1.0, DType::Float64)}));
          return {r.op("add", {in[0], now})};
        });
    check_values(run_values(*g, backend, {}), {15}, 0, backend);
    CHECK_EQ(left->snapshot().item_as_double(), 0.0);
  }
}

TEST(a_loop_without_end_can_be_stopped) {
  const VariablePtr turns = variable(tensor64({}, {0}), "turns");
  GraphPtr g = new_graph();
  g->outputs = trace_while(
      *g, {g->constant(0.0, DType::Float64)},
      [&](Graph& r, const GraphValues& in) -> GraphValues {
        return {r.op("ge", {in[0], r.constant(0.0, DType::Float64)})};
      },
      [&](Graph& r, const GraphValues& in) -> GraphValues {
        r.assign(turns, r.op("add", {r.read(turns), r.constant(1.0, DType::Float64)}));
        return {in[0]};
      });
  int64_t asked = 0;
  Executable executable(*g, find_backend("cpu"), "");
  CHECK_THROWS(Interrupted, "",
               executable.run(
                   {}, [](void* count) { return ++*static_cast<int64_t*>(count) == 20; }, &asked));
  CHECK_EQ(turns->snapshot().item_as_double(), 0.0);
}

TEST(failures_inside_regions_change_nothing) {
  for (const char* backend : kBackends) {
    const VariablePtr sum = variable(tensor64({}, {1}), "sum");
    GraphPtr g = new_graph();
    const Value table = g->input(f64({4}), "table"),
                index = g->input({DType::Int32, {kTime}}, "index");
    trace_scan(*g, {}, {index}, {}, false, [&](Graph& r, const GraphValues& in) -> GraphValues {
      r.assign(sum, r.op("add", {r.read(sum), r.op("gather", {r.capture(*g, table), in[0]},
                                                   {{"axis", int64_t{0}}})}));
      return {};
    });
    Executable executable(*g, find_backend(backend), "");
    const Tensor values = tensor64({4}, {1, 2, 3, 4});
    CHECK_THROWS(ValueError, "index 9",
                 executable.run({values, make(DType::Int32, {3}, {0, 9, 1})}));
    CHECK_EQ(sum->snapshot().item_as_double(), 1.0);
    executable.run({values, make(DType::Int32, {3}, {0, 3, 1})});
    CHECK_EQ(sum->snapshot().item_as_double(), 8.0);
  }
}

TEST(regions_are_checked) {
  GraphPtr g = new_graph();
  const Value x = g->input(f64({3, 2}), "x"), y = g->input(f64({4, 2}), "y"),
              h = g->input(f64({2}), "h");
  const Value p = g->input({DType::Bool, {}}, "p");
  const Body same = [](Graph&, const GraphValues& in) -> GraphValues { return {in[0]}; };
  const Body grown = [](Graph& r, const GraphValues& in) -> GraphValues {
    return {r.op("reshape", {in[0]}, {{"shape", Shape{2, 1}}})};
  };
  CHECK_THROWS(ValueError, "leading axes", trace_scan(*g, {h}, {x, y}, {}, false, same));
  CHECK_THROWS(ValueError, "carry 0", trace_scan(*g, {h}, {x}, {}, false, grown));
  CHECK_THROWS(ValueError, "Received neither", trace_scan(*g, {h}, {}, {}, false, same));
  CHECK_THROWS(ValueError, "scalar", trace_scan(*g, {}, {sum_all(*g, h)}, {}, false, same));
  const auto branch = [&](Value value) -> Body {
    return
        [&g, value](Graph& r, const GraphValues&) -> GraphValues { return {r.capture(*g, value)}; };
  };
  CHECK_THROWS(ValueError, "branches", trace_cond(*g, p, branch(x), branch(y)));
  CHECK_THROWS(TypeError, "bool", trace_cond(*g, h, branch(x), branch(x)));
  const Body truth = [&](Graph& r, const GraphValues&) -> GraphValues {
    return {r.capture(*g, p)};
  };
  const Body twice = [&](Graph& r, const GraphValues&) -> GraphValues {
    return {r.capture(*g, p), r.capture(*g, p)};
  };
  CHECK_THROWS(ValueError, "before and after", trace_while(*g, {h}, truth, grown));
  CHECK_THROWS(TypeError, "bool", trace_while(*g, {h}, same, same));
  CHECK_THROWS(ValueError, "one value", trace_while(*g, {h}, twice, same));
}

}  // namespace
}  // namespace nacre
