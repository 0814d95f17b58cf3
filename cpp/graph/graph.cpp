#include "graph/graph.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace nacre {
namespace {

Shape static_shape(const std::vector<int64_t>& sizes) { return Shape(sizes.begin(), sizes.end()); }

}  // namespace

Value Graph::add_node(Node node) {
  node.scope = scope_stack_.empty() ? -1 : scope_stack_.back();
  nodes.push_back(std::move(node));
  return {static_cast<int32_t>(nodes.size() - 1), 0};
}

std::vector<Value> Graph::emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) {
  std::vector<TensorType> operands;
  operands.reserve(inputs.size());
  for (Value value : inputs) operands.push_back(type(value));
  InferContext context{op.name, operands, attrs, constraints};
  Node node;
  node.op = &op;
  const size_t before = constraints.size();
  node.types = op.infer(context);
  if (!scope_stack_.empty()) {  // what sizes turn out to be is the layer's affair
    for (size_t i = before; i < constraints.size(); ++i) {
      constraints[i].what = scopes[scope_stack_.back()] + ": " + constraints[i].what;
    }
  }
  node.inputs = std::move(inputs);
  node.attrs = std::move(attrs);
  const size_t results = node.types.size();
  const int32_t id = add_node(std::move(node)).node;
  std::vector<Value> values(results);
  for (size_t i = 0; i < results; ++i) values[i] = {id, static_cast<int32_t>(i)};
  return values;
}

Value Graph::constant(double value, DType dtype) {
  const uint64_t key = std::bit_cast<uint64_t>(value) * 31 + static_cast<uint64_t>(dtype);
  auto it = scalars_.find(key);
  if (it != scalars_.end()) {
    const Node& node = nodes[it->second.node];
    if (node.types[0].dtype == dtype &&
        std::bit_cast<uint64_t>(node.constant.item_as_double()) == std::bit_cast<uint64_t>(value)) {
      return it->second;
    }
  }
  const Value made = constant(Tensor::scalar(value, dtype));
  scalars_[key] = made;
  return made;
}

Value Graph::constant(Tensor tensor) {
  Node node;
  node.op = &get_op("constant");
  node.types = {{tensor.dtype(), static_shape(tensor.shape())}};
  node.constant = std::move(tensor);
  return add_node(std::move(node));
}

Value Graph::detached_input(TensorType type) {
  Node node;
  node.op = &get_op("input");
  node.types = {std::move(type)};
  return add_node(std::move(node));
}

std::vector<VariablePtr> Graph::written() const {
  std::vector<VariablePtr> variables;
  for (const Assignment& a : assignments) {
    if (std::find(variables.begin(), variables.end(), a.variable) == variables.end()) {
      variables.push_back(a.variable);
    }
  }
  return variables;
}

Value Graph::input(TensorType type, std::string name) {
  const Value value = detached_input(std::move(type));
  inputs.push_back(value);
  input_names.push_back(std::move(name));
  return value;
}

Value Graph::read(const VariablePtr& variable, size_t mark) {
  for (size_t i = std::min(mark, assignments.size()); i-- > 0;) {
    if (assignments[i].variable == variable) return assignments[i].value;
  }
  if (auto it = reads_.find(variable.get()); it != reads_.end()) return it->second;
  Value value;
  if (parent) {
    value = capture(*parent, parent->read(variable));
  } else {
    Node node;
    node.op = &get_op("variable");
    node.types = {{variable->spec().dtype, static_shape(variable->spec().shape)}};
    node.variable = variable;
    value = add_node(std::move(node));
  }
  reads_[variable.get()] = value;
  return value;
}

void Graph::assign(const VariablePtr& variable, Value value) {
  const TensorType expected{variable->spec().dtype, static_shape(variable->spec().shape)};
  const TensorType& received = type(value);
  if (received.dtype != expected.dtype || received.shape.size() != expected.shape.size()) {
    throw ValueError("Variable \"" + variable->name() + "\": expected a value of type " +
                     type_str(expected) + ". Received " + type_str(received) + ".");
  }
  InferContext context{"assign", {}, Attrs{}, constraints};
  for (size_t i = 0; i < expected.shape.size(); ++i) {
    if (!context.require_equal(expected.shape[i], received.shape[i],
                               "assign to " + variable->name())) {
      throw ValueError("Variable \"" + variable->name() + "\": expected a value of shape " +
                       shape_str(expected.shape) + ". Received shape " + shape_str(received.shape) +
                       ".");
    }
  }
  read(variable);  // so that a region knows it as state
  assignments.push_back({variable, value});
}

Value Graph::capture(Graph& owner, Value value) {
  if (&owner == this) return value;
  if (!parent) {
    throw ValueError(
        "A symbolic tensor was used outside the trace it belongs to. Return it from the function "
        "that was traced instead of keeping it.");
  }
  const Value outer = parent->capture(owner, value);
  for (size_t i = 0; i < captures.size(); ++i) {
    if (captures[i] == outer) return capture_inputs[i];
  }
  const Value inner = detached_input(parent->type(outer));
  captures.push_back(outer);
  capture_inputs.push_back(inner);
  return inner;
}

std::vector<Value> Graph::emit_region(const OpDef& op, std::vector<Value> inputs, Attrs attrs,
                                      std::vector<std::shared_ptr<Graph>> regions,
                                      std::vector<TensorType> types) {
  Node node;
  node.op = &op;
  node.inputs = std::move(inputs);
  node.attrs = std::move(attrs);
  node.regions = std::move(regions);
  node.types = std::move(types);
  const size_t results = node.types.size();
  const int32_t id = add_node(std::move(node)).node;
  std::vector<Value> values(results);
  for (size_t i = 0; i < results; ++i) values[i] = {id, static_cast<int32_t>(i)};
  return values;
}

std::vector<Value> Graph::inline_graph(const Graph& source, const std::vector<Value>& actual,
                                       const std::vector<Value>& wanted) {
  std::vector<char> live(source.nodes.size(), 0);
  for (Value value : wanted) live[value.node] = 1;
  for (int32_t i = static_cast<int32_t>(source.nodes.size()) - 1; i >= 0; --i) {
    if (!live[i]) continue;
    for (Value value : source.nodes[i].inputs) live[value.node] = 1;
  }
  std::vector<int32_t> place(source.nodes.size(), -1);
  std::unordered_map<int32_t, Value> input_of;
  for (size_t i = 0; i < source.inputs.size(); ++i) input_of[source.inputs[i].node] = actual[i];
  auto mapped = [&](Value value) {
    if (auto it = input_of.find(value.node); it != input_of.end()) return it->second;
    return Value{place[value.node], value.out};
  };
  for (size_t i = 0; i < source.nodes.size(); ++i) {
    if (!live[i] || input_of.count(static_cast<int32_t>(i))) continue;
    Node node = source.nodes[i];
    if (node.op->is(kLeaf) && node.variable)
      throw InternalError("a region reads a variable directly");
    for (Value& value : node.inputs) value = mapped(value);
    place[i] = add_node(std::move(node)).node;
  }
  constraints.insert(constraints.end(), source.constraints.begin(), source.constraints.end());
  std::vector<Value> results;
  for (Value value : wanted) results.push_back(mapped(value));
  return results;
}

void Graph::push_scope(std::string name) {
  // Scopes nest; only the innermost name matters for messages, so equal names share an entry.
  auto it = std::find(scopes.begin(), scopes.end(), name);
  if (it == scopes.end()) it = scopes.insert(scopes.end(), std::move(name));
  scope_stack_.push_back(static_cast<int32_t>(it - scopes.begin()));
}

void Graph::pop_scope() {
  if (!scope_stack_.empty()) scope_stack_.pop_back();
}

std::string Graph::scope_of(int32_t node) const {
  const int32_t scope = nodes[node].scope;
  return scope < 0 || scope >= static_cast<int32_t>(scopes.size()) ? std::string() : scopes[scope];
}

std::string Graph::str() const {
  std::string text;
  auto name = [](Value value) {
    return "%" + std::to_string(value.node) + (value.out ? "." + std::to_string(value.out) : "");
  };
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    text += "%" + std::to_string(i) + " = " + node.op->name + "(";
    for (size_t j = 0; j < node.inputs.size(); ++j) text += (j ? ", " : "") + name(node.inputs[j]);
    text += ")";
    if (const std::string attrs = node.attrs.key(); !attrs.empty()) text += " {" + attrs + "}";
    if (node.variable) text += " \"" + node.variable->name() + "\"";
    text += " :";
    for (const TensorType& type : node.types) text += " " + type_str(type);
    text += "\n";
    for (const auto& region : node.regions) text += "  region {\n" + region->str() + "  }\n";
  }
  text += "return";
  for (Value value : outputs) text += " " + name(value);
  text += "\n";
  for (const Assignment& a : assignments) {
    text += "assign \"" + a.variable->name() + "\" = " + name(a.value) + "\n";
  }
  return text;
}

std::vector<int32_t> count_uses(const Graph& graph) {
  std::vector<int32_t> uses(graph.nodes.size(), 0);
  for (const Node& node : graph.nodes) {
    for (Value value : node.inputs) ++uses[value.node];
  }
  for (Value value : graph.outputs) ++uses[value.node];
  for (const Assignment& a : graph.assignments) ++uses[a.value.node];
  return uses;
}

}  // namespace nacre
