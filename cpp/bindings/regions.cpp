#include "graph/regions.h"
#include "bindings/common.h"
#include "bindings/scopes.h"
#include "bindings/tape.h"
#include "core/error.h"

namespace nacre::bindings {
namespace {

std::vector<Value> values_of(Graph& graph, py::handle sequence) {
  std::vector<Value> values;
  for (py::handle item : sequence) values.push_back(value_in(graph, item));
  return values;
}

py::list wrap_all(Graph& graph, const std::vector<Value>& values) {
  py::list list;
  for (Value value : values) list.append(wrap(graph, value));
  return list;
}

// A Python function as the body of a region. Its results are flattened in order.
Body body_of(py::function fn, size_t first_count, bool two_lists) {
  return [=](Graph& region, const std::vector<Value>& arguments) {
    GraphScope scope(region.shared_from_this());
    if (!two_lists) return values_of(region, fn(wrap_all(region, arguments)));
    const std::vector<Value> carries(arguments.begin(), arguments.begin() + first_count);
    const std::vector<Value> xs(arguments.begin() + first_count, arguments.end());
    const py::tuple result = fn(wrap_all(region, carries), wrap_all(region, xs));
    std::vector<Value> values = values_of(region, result[0]);
    if (values.size() != first_count) {
      throw ValueError("scan: expected " + std::to_string(first_count) +
                       " carries from the body. Received " + std::to_string(values.size()) + ".");
    }
    const std::vector<Value> ys = values_of(region, result[1]);
    values.insert(values.end(), ys.begin(), ys.end());
    return values;
  };
}

// Inside a trace `build` adds to the graph. Outside, a graph is made for this one call and run.
template <class Build>
py::list traced_or_run(Build&& build) {
  return with_scope([&]() -> py::list {
    if (Graph* graph = current_graph()) return wrap_all(*graph, build(*graph));
    if (Tape::active()) return Tape::record_region(build);
    auto graph = std::make_shared<Graph>();
    {
      GraphScope scope(graph);
      graph->outputs = build(*graph);
    }
    Executable executable(*graph, default_backend(), "");
    SignalPoller poller;
    std::vector<Tensor> results;
    try {
      py::gil_scoped_release unlocked;
      results = executable.run({}, &SignalPoller::poll_static, &poller);
    } catch (const Interrupted&) {
      poller.rethrow();
      throw;
    }
    py::list list;
    for (Tensor& tensor : results) list.append(wrap(std::move(tensor)));
    return list;
  });
}

py::tuple scan(const py::function& body, const py::list& init, const py::list& xs,
               const py::object& length, bool reverse) {
  const size_t carries = init.size();
  const py::list all = traced_or_run([&](Graph& graph) {
    std::optional<Dim> steps;
    if (!length.is_none()) steps = dim_of(length);
    ScanResult result = trace_scan(graph, values_of(graph, init), values_of(graph, xs), steps,
                                   reverse, body_of(body, carries, true));
    result.carries.insert(result.carries.end(), result.ys.begin(), result.ys.end());
    return result.carries;
  });
  py::list first, second;
  for (size_t i = 0; i < all.size(); ++i) (i < carries ? first : second).append(all[i]);
  return py::make_tuple(first, second);
}

Body branch_of(const py::function& fn) {
  return [=](Graph& region, const std::vector<Value>&) {
    GraphScope scope(region.shared_from_this());
    return values_of(region, fn());
  };
}

}  // namespace

void bind_regions(py::module_& m) {
  m.def("scan", &scan, py::arg("body"), py::arg("init"), py::arg("xs"),
        py::arg("length") = py::none(), py::arg("reverse") = false);
  m.def("cond", [](const py::object& predicate, const py::function& then_fn,
                   const py::function& else_fn) {
    return traced_or_run([&](Graph& graph) {
      return trace_cond(graph, value_in(graph, predicate), branch_of(then_fn), branch_of(else_fn));
    });
  });
  m.def("while_loop",
        [](const py::function& condition, const py::function& body, const py::list& init) {
          return traced_or_run([&](Graph& graph) {
            return trace_while(graph, values_of(graph, init), body_of(condition, 0, false),
                               body_of(body, 0, false));
          });
        });
}

}  // namespace nacre::bindings
