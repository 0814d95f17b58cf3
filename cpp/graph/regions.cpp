#include "graph/regions.h"

#include <algorithm>

#include "core/error.h"
#include "graph/autodiff.h"

namespace nacre {
namespace {

GraphPtr open_region(Graph& outer) {
  auto region = std::make_shared<Graph>();
  region->parent = &outer;
  return region;
}

void close_region(Graph& region) {
  region.parent = nullptr;
  region.captures.clear();
  region.capture_inputs.clear();
  region.assignments.clear();
}

Shape without_first(const Shape& shape) { return Shape(shape.begin() + 1, shape.end()); }

TensorType with_first(const Dim& length, const TensorType& type) {
  Shape shape{length};
  shape.insert(shape.end(), type.shape.begin(), type.shape.end());
  return {type.dtype, shape};
}

// Two types that must agree; sizes unknown while tracing are checked when they are known.
void require_same(Graph& graph, const TensorType& a, const TensorType& b, const std::string& what) {
  bool same = a.dtype == b.dtype && a.shape.size() == b.shape.size();
  const Attrs none;
  InferContext context{what, {}, none, graph.constraints};
  for (size_t i = 0; same && i < a.shape.size(); ++i) {
    same = context.require_equal(a.shape[i], b.shape[i], what);
  }
  if (!same) throw ValueError(what + ": " + type_str(a) + " and " + type_str(b) + " differ.");
}

// Moves the capture that stands for a Variable out of the list, and returns its outer value.
Value take_state(Graph& region, Value inner) {
  for (size_t i = 0; i < region.capture_inputs.size(); ++i) {
    if (region.capture_inputs[i] == inner) {
      const Value outer = region.captures[i];
      region.captures.erase(region.captures.begin() + static_cast<ptrdiff_t>(i));
      region.capture_inputs.erase(region.capture_inputs.begin() + static_cast<ptrdiff_t>(i));
      return outer;
    }
  }
  throw InternalError("a region's state has no input");
}

// The captures of two regions in one order; each gets an input for every one of them.
std::vector<Value> join_captures(Graph& outer, Graph& a, Graph& b) {
  std::vector<Value> all = a.captures;
  for (Value value : b.captures) {
    if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(value);
  }
  for (Graph* region : {&a, &b}) {
    for (Value value : all) {
      auto it = std::find(region->captures.begin(), region->captures.end(), value);
      region->inputs.push_back(it == region->captures.end()
                                   ? region->detached_input(outer.type(value))
                                   : region->capture_inputs[it - region->captures.begin()]);
    }
  }
  return all;
}

Value zeros(Graph& graph, const TensorType& type) {
  const Value zero = graph.constant(0.0, type.dtype);
  if (type.shape.empty()) return zero;
  return graph.op("broadcast_to", {zero}, {{"shape", type.shape}});
}

Value or_zeros(Graph& graph, Value value, const TensorType& type) {
  return value.valid() ? value : zeros(graph, type);
}

bool floating(const Graph& graph, Value value) { return is_floating(graph.type(value).dtype); }

}  // namespace

ScanResult trace_scan(Graph& outer, const std::vector<Value>& init, const std::vector<Value>& xs,
                      std::optional<Dim> length, bool reverse, const Body& body) {
  GraphPtr region = open_region(outer);
  std::vector<Value> arguments;
  for (Value value : init) arguments.push_back(region->input(outer.type(value), "carry"));
  for (Value value : xs) {
    const TensorType& type = outer.type(value);
    if (type.shape.empty())
      throw ValueError("scan: expected xs with a leading axis to step over. Received a scalar.");
    if (!length) length = type.shape[0];
    const Attrs none;
    InferContext context{"scan", {}, none, outer.constraints};
    if (!context.require_equal(*length, type.shape[0], "scan: leading axes of xs")) {
      throw ValueError("scan: leading axes of xs differ: " + length->str() + " and " +
                       type.shape[0].str() + ".");
    }
    arguments.push_back(region->input({type.dtype, without_first(type.shape)}, "x"));
  }
  if (!length) throw ValueError("scan: expected xs or length. Received neither.");
  std::vector<Value> results = body(*region, arguments);
  const size_t carries = init.size();
  if (results.size() < carries) throw ValueError("scan: the body returned too few carries.");
  for (size_t i = 0; i < carries; ++i) {
    require_same(outer, outer.type(init[i]), region->type(results[i]),
                 "scan: carry " + std::to_string(i) + " before and after a step");
  }

  const std::vector<VariablePtr> states = region->written();
  std::vector<Value> operands = init, inputs(arguments.begin(), arguments.begin() + carries),
                     outputs(results.begin(), results.begin() + carries);
  for (const VariablePtr& variable : states) {
    const Value inner = region->state_input(variable);
    operands.push_back(take_state(*region, inner));
    inputs.push_back(inner);
    outputs.push_back(region->read(variable));
  }
  operands.insert(operands.end(), xs.begin(), xs.end());
  inputs.insert(inputs.end(), arguments.begin() + carries, arguments.end());
  outputs.insert(outputs.end(), results.begin() + carries, results.end());
  operands.insert(operands.end(), region->captures.begin(), region->captures.end());
  inputs.insert(inputs.end(), region->capture_inputs.begin(), region->capture_inputs.end());
  region->inputs = inputs;
  region->outputs = outputs;
  close_region(*region);

  const size_t all_carries = carries + states.size();
  std::vector<TensorType> types;
  for (size_t i = 0; i < outputs.size(); ++i) {
    types.push_back(i < all_carries ? outer.type(operands[i])
                                    : with_first(*length, region->type(outputs[i])));
  }
  Attrs attrs{{"carries", static_cast<int64_t>(all_carries)},
              {"scanned", static_cast<int64_t>(xs.size())},
              {"reverse", reverse},
              {"length", Shape{*length}}};
  std::vector<Value> values =
      outer.emit_region(get_op("scan"), operands, attrs, {region}, std::move(types));
  for (size_t i = 0; i < states.size(); ++i) outer.assign(states[i], values[carries + i]);
  return {{values.begin(), values.begin() + carries}, {values.begin() + all_carries, values.end()}};
}

std::vector<Value> trace_cond(Graph& outer, Value predicate, const Body& then_body,
                              const Body& else_body) {
  const TensorType& type = outer.type(predicate);
  if (type.dtype != DType::Bool || !type.shape.empty()) {
    throw TypeError("cond: expected a scalar bool predicate. Received " + type_str(type) + ".");
  }
  GraphPtr regions[2] = {open_region(outer), open_region(outer)};
  regions[0]->outputs = then_body(*regions[0], {});
  regions[1]->outputs = else_body(*regions[1], {});
  const size_t results = regions[0]->outputs.size();
  if (regions[1]->outputs.size() != results) {
    throw ValueError("cond: the branches return " + std::to_string(results) + " and " +
                     std::to_string(regions[1]->outputs.size()) + " values.");
  }
  std::vector<VariablePtr> states = regions[0]->written();
  for (const VariablePtr& variable : regions[1]->written()) {
    if (std::find(states.begin(), states.end(), variable) == states.end())
      states.push_back(variable);
  }
  for (const GraphPtr& region : regions) {
    for (const VariablePtr& variable : states) region->outputs.push_back(region->read(variable));
  }
  std::vector<TensorType> types;
  for (size_t i = 0; i < regions[0]->outputs.size(); ++i) {
    const TensorType& left = regions[0]->type(regions[0]->outputs[i]);
    const TensorType& right = regions[1]->type(regions[1]->outputs[i]);
    require_same(outer, left, right, "cond: result " + std::to_string(i) + " of the branches");
    types.push_back(left);
  }
  std::vector<Value> operands{predicate};
  const std::vector<Value> captures = join_captures(outer, *regions[0], *regions[1]);
  operands.insert(operands.end(), captures.begin(), captures.end());
  for (const GraphPtr& region : regions) close_region(*region);
  std::vector<Value> values =
      outer.emit_region(get_op("cond"), operands, {}, {regions[0], regions[1]}, std::move(types));
  for (size_t i = 0; i < states.size(); ++i) outer.assign(states[i], values[results + i]);
  values.resize(results);
  return values;
}

std::vector<Value> trace_while(Graph& outer, const std::vector<Value>& init, const Body& condition,
                               const Body& body) {
  GraphPtr test = open_region(outer), step = open_region(outer);
  std::vector<Value> test_arguments, step_arguments;
  for (Value value : init) {
    test_arguments.push_back(test->input(outer.type(value), "carry"));
    step_arguments.push_back(step->input(outer.type(value), "carry"));
  }
  test->outputs = condition(*test, test_arguments);
  step->outputs = body(*step, step_arguments);
  if (!test->written().empty()) throw ValueError("while: the condition must not write variables.");
  if (test->outputs.size() != 1) {
    throw ValueError("while: expected one value from the condition. Received " +
                     std::to_string(test->outputs.size()) + ".");
  }
  const TensorType& type = test->type(test->outputs[0]);
  if (type.dtype != DType::Bool || !type.shape.empty()) {
    throw TypeError("while: expected a condition that returns a scalar bool. Received " +
                    type_str(type) + ".");
  }
  if (step->outputs.size() != init.size()) {
    throw ValueError("while: expected " + std::to_string(init.size()) +
                     " values from the body. Received " + std::to_string(step->outputs.size()) +
                     ".");
  }
  for (size_t i = 0; i < init.size(); ++i) {
    require_same(outer, outer.type(init[i]), step->type(step->outputs[i]),
                 "while: variable " + std::to_string(i) + " before and after a step");
  }
  std::vector<Value> operands = init;
  const std::vector<VariablePtr> states = step->written();
  for (const VariablePtr& variable : states) {
    const Value inner = step->state_input(variable);
    operands.push_back(take_state(*step, inner));
    step->inputs.push_back(inner);
    step->outputs.push_back(step->read(variable));
    const Value seen = test->state_input(variable);
    take_state(*test, seen);
    test->inputs.push_back(seen);
  }
  const size_t carries = operands.size();
  const std::vector<Value> captures = join_captures(outer, *test, *step);
  operands.insert(operands.end(), captures.begin(), captures.end());
  close_region(*test);
  close_region(*step);
  std::vector<TensorType> types;
  for (size_t i = 0; i < carries; ++i) types.push_back(outer.type(operands[i]));
  std::vector<Value> values =
      outer.emit_region(get_op("while"), operands, {{"carries", static_cast<int64_t>(carries)}},
                        {test, step}, std::move(types));
  for (size_t i = 0; i < states.size(); ++i) outer.assign(states[i], values[init.size() + i]);
  values.resize(init.size());
  return values;
}

namespace {

// Makes a scan keep the carries that each step started from, as extra results; returns the first.
int32_t save_carries(Graph& graph, int32_t id) {
  Node& node = graph.nodes[id];
  if (node.attrs.has("saved")) return static_cast<int32_t>(node.attrs.integer("saved"));
  const int32_t first = static_cast<int32_t>(node.types.size());
  auto region = std::make_shared<Graph>(*node.regions[0]);
  const Dim length = node.attrs.shape("length")[0];
  for (int64_t i = 0; i < node.attrs.integer("carries"); ++i) {
    region->outputs.push_back(region->inputs[i]);
    node.types.push_back(with_first(length, node.types[i]));
  }
  node.regions[0] = region;
  node.attrs.set("saved", static_cast<int64_t>(first));
  return first;
}

// The backward pass is a scan the other way. Each step runs the forward body again from its saved
// carry and differentiates it, which keeps memory at the carries alone.
std::vector<Value> scan_gradient(Graph& graph, int32_t id, const std::vector<Value>& grads) {
  const int32_t saved = save_carries(graph, id);
  const Node node = graph.nodes[id];
  const size_t carries = node.attrs.integer("carries"), scanned = node.attrs.integer("scanned");
  const size_t captured = node.inputs.size() - carries - scanned;
  const GraphPtr forward = node.regions[0];
  // The saved carries are results too: a second derivative flows back through them.
  const std::vector<Value>& kept = forward->outputs;

  std::vector<Value> init, xs;
  std::vector<size_t> float_carries, float_captures, grad_ys;
  for (size_t i = 0; i < carries; ++i) {
    if (!floating(graph, node.inputs[i])) continue;
    float_carries.push_back(i);
    init.push_back(or_zeros(graph, grads[i], graph.type(node.inputs[i])));
  }
  for (size_t i = 0; i < captured; ++i) {
    const Value value = node.inputs[carries + scanned + i];
    if (!floating(graph, value)) continue;
    float_captures.push_back(i);
    init.push_back(zeros(graph, graph.type(value)));
  }
  for (size_t i = 0; i < carries; ++i) xs.push_back({id, saved + static_cast<int32_t>(i)});
  for (size_t i = 0; i < scanned; ++i) xs.push_back(node.inputs[carries + i]);
  for (size_t i = carries; i < grads.size(); ++i) {
    if (!grads[i].valid()) continue;
    grad_ys.push_back(i);
    xs.push_back(grads[i]);
  }

  const Body body = [&](Graph& region, const std::vector<Value>& arguments) {
    const auto xs_begin = arguments.begin() + static_cast<ptrdiff_t>(init.size());
    std::vector<Value> operands(xs_begin, xs_begin + static_cast<ptrdiff_t>(carries + scanned));
    for (size_t i = 0; i < captured; ++i) {
      operands.push_back(region.capture(graph, node.inputs[carries + scanned + i]));
    }
    const std::vector<Value> results = region.inline_graph(*forward, operands, kept);
    std::vector<Value> ys, seeds;
    for (size_t i = 0; i < float_carries.size(); ++i) {
      ys.push_back(results[float_carries[i]]);
      seeds.push_back(arguments[i]);
    }
    for (size_t i = 0; i < grad_ys.size(); ++i) {
      ys.push_back(results[grad_ys[i]]);
      seeds.push_back(arguments[init.size() + carries + scanned + i]);
    }
    const std::vector<Value> found = gradients(region, ys, operands, seeds);
    std::vector<Value> outputs;
    for (size_t i : float_carries) {
      outputs.push_back(or_zeros(region, found[i], region.type(operands[i])));
    }
    for (size_t i = 0; i < float_captures.size(); ++i) {
      const Value total = arguments[float_carries.size() + i];
      const Value share = found[carries + scanned + float_captures[i]];
      outputs.push_back(share.valid() ? region.op("add", {total, share}) : total);
    }
    for (size_t i = carries; i < carries + scanned; ++i) {
      if (floating(region, operands[i])) {
        outputs.push_back(or_zeros(region, found[i], region.type(operands[i])));
      }
    }
    return outputs;
  };
  const ScanResult result =
      trace_scan(graph, init, xs, node.attrs.shape("length")[0], !node.attrs.flag("reverse"), body);

  std::vector<Value> input_grads(node.inputs.size());
  for (size_t i = 0; i < float_carries.size(); ++i)
    input_grads[float_carries[i]] = result.carries[i];
  for (size_t i = 0; i < float_captures.size(); ++i) {
    input_grads[carries + scanned + float_captures[i]] = result.carries[float_carries.size() + i];
  }
  size_t next = 0;
  for (size_t i = carries; i < carries + scanned; ++i) {
    if (floating(graph, node.inputs[i])) input_grads[i] = result.ys[next++];
  }
  return input_grads;
}

std::vector<Value> cond_gradient(Graph& graph, int32_t id, const std::vector<Value>& grads) {
  const Node node = graph.nodes[id];
  std::vector<size_t> wanted;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (floating(graph, node.inputs[i])) wanted.push_back(i);
  }
  auto branch = [&](size_t which) -> Body {
    return [&, which](Graph& region, const std::vector<Value>&) {
      std::vector<Value> operands, ys, seeds, outputs;
      for (size_t i = 1; i < node.inputs.size(); ++i) {
        operands.push_back(region.capture(graph, node.inputs[i]));
      }
      const Graph& forward = *node.regions[which];
      const std::vector<Value> results = region.inline_graph(forward, operands, forward.outputs);
      for (size_t i = 0; i < results.size(); ++i) {
        if (!grads[i].valid()) continue;
        ys.push_back(results[i]);
        seeds.push_back(region.capture(graph, grads[i]));
      }
      const std::vector<Value> found = gradients(region, ys, operands, seeds);
      for (size_t i : wanted) {
        outputs.push_back(or_zeros(region, found[i - 1], region.type(operands[i - 1])));
      }
      return outputs;
    };
  };
  const std::vector<Value> values = trace_cond(graph, node.inputs[0], branch(0), branch(1));
  std::vector<Value> input_grads(node.inputs.size());
  for (size_t i = 0; i < wanted.size(); ++i) input_grads[wanted[i]] = values[i];
  return input_grads;
}

}  // namespace

std::vector<Value> region_gradient(Graph& graph, int32_t id, const std::vector<Value>& grads) {
  const std::string_view name = graph.nodes[id].op->name;
  if (name == "scan") return scan_gradient(graph, id, grads);
  if (name == "cond") return cond_gradient(graph, id, grads);
  throw ValueError(
      "while_loop has no gradient: the number of its steps is not known. Use scan or fori_loop "
      "with "
      "a fixed number of steps.");
}

}  // namespace nacre
