#include "graph/lower.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "graph/canonicalise.h"

namespace nacre {
namespace {

// A size for every symbol, only to ask a backend whether it supports a case: support depends on
// dtypes, ranks and attributes, never on how large a symbol turns out to be.
constexpr int64_t kNominalSize = 64;

std::vector<int64_t> nominal(const Shape& shape) {
  std::vector<int64_t> sizes;
  for (const Dim& dim : shape) sizes.push_back(dim.is_static() ? dim.value() : kNominalSize);
  return sizes;
}

Attrs nominal(const Attrs& attrs) {
  Attrs result;
  for (const auto& [key, value] : attrs.items()) {
    if (const Shape* shape = std::get_if<Shape>(&value)) {
      result.set(key, nominal(*shape));
    } else {
      result.set(key, value);
    }
  }
  return result;
}

// Empty when the backend runs the node as it stands.
std::string refusal(const BackendTable& backend, const OpDef& op, const Attrs& attrs,
                    const std::vector<TensorType>& operands, const std::vector<TensorType>& types) {
  const OpEntry* entry = find_entry(backend, op.name);
  if (!entry) return std::string(op.name) + ": no " + backend.name + " kernel";
  std::vector<TensorSpec> inputs, outputs;
  for (const TensorType& type : operands) inputs.push_back({type.dtype, nominal(type.shape)});
  for (const TensorType& type : types) outputs.push_back({type.dtype, nominal(type.shape)});
  const Attrs bound = nominal(attrs);
  return entry->refuse ? entry->refuse({op.name, bound, inputs, outputs}) : std::string();
}

// The dtype that stands in for one that a backend has no kernels for. It holds every value of it,
// and integers wrap around alike on the way back.
DType wider(DType dtype) {
  switch (dtype) {
    case DType::Float16:
    case DType::BFloat16:
      return DType::Float32;
    case DType::Int8:
    case DType::Int16:
    case DType::UInt16:
      return DType::Int32;
    default:
      return dtype;
  }
}

// Copies live nodes one by one into a fresh graph, merging equal ones.
class Lowering {
 public:
  Lowering(const Graph& source, const BackendTable& backend)
      : source_(source), backend_(backend), result_(std::make_shared<Graph>()) {}

  GraphPtr run() {
    result_->scopes = source_.scopes;
    result_->constraints = source_.constraints;
    std::set<const Variable*> seen;
    for (auto it = source_.assignments.rbegin(); it != source_.assignments.rend(); ++it) {
      if (seen.insert(it->variable.get()).second) final_.push_back(*it);
    }
    std::reverse(final_.begin(), final_.end());
    mark_live();
    for (Value value : source_.inputs) {
      map_[value.node] = {result_->input(source_.type(value), {})};
    }
    for (size_t i = 0; i < source_.nodes.size(); ++i) {
      if (live_[i] && !map_.count(static_cast<int32_t>(i))) copy(static_cast<int32_t>(i));
    }
    for (Value value : source_.outputs) result_->outputs.push_back(mapped(value));
    for (const Assignment& a : final_)
      result_->assignments.push_back({a.variable, mapped(a.value)});
    drop_dead_nodes(*result_);  // decompositions may leave some
    return result_;
  }

 private:
  void mark_live() {
    live_.assign(source_.nodes.size(), 0);
    for (Value value : source_.outputs) live_[value.node] = 1;
    for (const Assignment& a : final_) live_[a.value.node] = 1;
    for (size_t i = source_.nodes.size(); i-- > 0;) {
      if (!live_[i]) continue;
      for (Value value : source_.nodes[i].inputs) live_[value.node] = 1;
    }
  }

  Value mapped(Value value) const { return map_.at(value.node).at(value.out); }

  void copy(int32_t id) {
    const Node& node = source_.nodes[id];
    Node fresh = node;
    for (Value& value : fresh.inputs) value = mapped(value);
    const std::string_view name = node.op->name;
    if (name == "identity" || name == "stop_gradient") {
      map_[id] = {fresh.inputs[0]};
      return;
    }
    for (auto& region : fresh.regions) {
      // A region is lowered on its own: its state was turned into operands when it was traced.
      region = lower(*region, backend_);
    }
    map_[id] = add(std::move(fresh));
  }

  std::vector<Value> add(Node node) {
    // A dimension's size is known when a program is bound, so it needs no kernel.
    const bool computed = !node.op->is(kLeaf) && !node.op->is(kAlias) && !node.op->is(kRegion) &&
                          std::string_view(node.op->name) != "dim_size";
    if (computed) {
      std::vector<TensorType> operands;
      for (Value value : node.inputs) operands.push_back(result_->type(value));
      const std::string why = refusal(backend_, *node.op, node.attrs, operands, node.types);
      if (!why.empty()) {
        if (runs_wider(node, operands)) return expand(node, widen);
        if (!node.op->decompose) {
          const std::string scope = scope_name(node);
          throw ValueError((scope.empty() ? "" : scope + ": ") + why + ".");
        }
        return expand(node, [](Graph& scratch, const std::vector<Value>& arguments, const Node& n) {
          return n.op->decompose(scratch, arguments, n.attrs);
        });
      }
    }
    const std::string key = node.regions.empty() ? key_of(node) : std::string();
    if (!key.empty()) {
      if (auto it = known_.find(key); it != known_.end()) return it->second;
    }
    const size_t results = node.types.size();
    const int32_t id = static_cast<int32_t>(result_->nodes.size());
    result_->nodes.push_back(std::move(node));
    std::vector<Value> values(results);
    for (size_t i = 0; i < results; ++i) values[i] = {id, static_cast<int32_t>(i)};
    if (!key.empty()) known_[key] = values;
    return values;
  }

  static Attrs wider_attrs(const Attrs& attrs) {
    Attrs result = attrs;
    if (attrs.has("dtype")) result.set("dtype", wider(attrs.dtype("dtype")));
    return result;
  }

  // Whether the backend runs the node once its narrow dtypes are wider ones.
  bool runs_wider(const Node& node, const std::vector<TensorType>& operands) const {
    std::vector<TensorType> inputs = operands, outputs = node.types;
    for (TensorType& type : inputs) type.dtype = wider(type.dtype);
    for (TensorType& type : outputs) type.dtype = wider(type.dtype);
    if (inputs == operands && outputs == node.types) return false;
    if (std::string_view(node.op->name) == "cast") return false;
    return refusal(backend_, *node.op, wider_attrs(node.attrs), inputs, outputs).empty();
  }

  static std::vector<Value> widen(Graph& scratch, const std::vector<Value>& arguments,
                                  const Node& node) {
    auto as = [&](Value value, DType dtype) {
      if (scratch.type(value).dtype == dtype) return value;
      return scratch.op("cast", {value}, {{"dtype", dtype}});
    };
    std::vector<Value> operands;
    for (Value value : arguments) operands.push_back(as(value, wider(scratch.type(value).dtype)));
    std::vector<Value> results = scratch.emit(*node.op, operands, wider_attrs(node.attrs));
    for (size_t i = 0; i < results.size(); ++i) results[i] = as(results[i], node.types[i].dtype);
    return results;
  }

  // Emits what stands for the node into a scratch graph and adds those nodes, which may need the
  // same in their turn.
  template <class Emit>
  std::vector<Value> expand(const Node& node, Emit&& emit) {
    Graph scratch;
    std::vector<Value> arguments;
    for (Value value : node.inputs) arguments.push_back(scratch.input(result_->type(value), {}));
    const std::vector<Value> results = emit(scratch, arguments, node);
    result_->constraints.insert(result_->constraints.end(), scratch.constraints.begin(),
                                scratch.constraints.end());
    std::vector<std::vector<Value>> place(scratch.nodes.size());
    for (size_t i = 0; i < arguments.size(); ++i) place[arguments[i].node] = {node.inputs[i]};
    for (size_t i = 0; i < scratch.nodes.size(); ++i) {
      if (!place[i].empty()) continue;
      Node fresh = scratch.nodes[i];
      for (Value& value : fresh.inputs) value = place[value.node].at(value.out);
      fresh.scope = node.scope;
      const std::string_view name = fresh.op->name;
      if (name == "identity" || name == "stop_gradient") {
        place[i] = {fresh.inputs[0]};
      } else {
        place[i] = add(std::move(fresh));
      }
    }
    std::vector<Value> values;
    for (Value value : results) values.push_back(place[value.node].at(value.out));
    return values;
  }

  std::string scope_name(const Node& node) const {
    return node.scope < 0 ? std::string() : result_->scopes[node.scope];
  }

  static std::string key_of(const Node& node) {
    std::string key = node.op->name;
    if (node.variable)
      return key + std::to_string(reinterpret_cast<uintptr_t>(node.variable.get()));
    if (node.constant.defined()) {
      if (node.constant.count() != 1 || !node.constant.shape().empty()) return {};
      const char* bytes = node.constant.data_as<char>();
      return key + std::string(dtype_name(node.constant.dtype())) +
             std::string(bytes, node.constant.bytes());
    }
    for (Value value : node.inputs) {
      key += "," + std::to_string(value.node) + "." + std::to_string(value.out);
    }
    return key + "{" + node.attrs.key() + "}";
  }

  const Graph& source_;
  const BackendTable& backend_;
  GraphPtr result_;
  std::vector<Assignment> final_;
  std::vector<char> live_;
  std::unordered_map<int32_t, std::vector<Value>> map_;
  std::unordered_map<std::string, std::vector<Value>> known_;
};

}  // namespace

void drop_dead_nodes(Graph& graph) {
  std::vector<char> live(graph.nodes.size(), 0);
  for (Value value : graph.inputs) live[value.node] = 1;
  for (Value value : graph.outputs) live[value.node] = 1;
  for (const Assignment& a : graph.assignments) live[a.value.node] = 1;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    if (!live[i]) continue;
    for (Value value : graph.nodes[i].inputs) live[value.node] = 1;
  }
  std::vector<int32_t> place(graph.nodes.size(), -1);
  std::vector<Node> kept;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!live[i]) continue;
    place[i] = static_cast<int32_t>(kept.size());
    kept.push_back(std::move(graph.nodes[i]));
    for (Value& value : kept.back().inputs) value.node = place[value.node];
  }
  graph.nodes = std::move(kept);
  for (auto* values : {&graph.inputs, &graph.outputs}) {
    for (Value& value : *values) value.node = place[value.node];
  }
  for (Assignment& a : graph.assignments) a.value.node = place[a.value.node];
}

GraphPtr lower(const Graph& source, const BackendTable& backend) {
  Graph canonical = source;
  canonicalise(canonical);
  GraphPtr result = Lowering(canonical, backend).run();
  if (backend.rewrite) {
    backend.rewrite(*result);
    drop_dead_nodes(*result);
  }
  return result;
}

}  // namespace nacre
