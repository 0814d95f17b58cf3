#include "graph/autodiff.h"

#include <unordered_map>

#include "core/error.h"
#include "graph/canonicalise.h"
#include "graph/regions.h"

namespace nacre {
namespace {

uint64_t key_of(Value value) {
  return static_cast<uint64_t>(value.node) << 32 | static_cast<uint32_t>(value.out);
}

// A scalar one is broadcast, so that a mean's gradient starts from one number.
Value ones_like(Graph& graph, Value value) {
  const TensorType type = graph.type(value);
  const Value one = graph.constant(1.0, type.dtype);
  if (type.shape.empty()) return one;
  return graph.op("broadcast_to", {one}, {{"shape", type.shape}});
}

class Reverse {
 public:
  Reverse(Graph& graph, const std::vector<Value>& xs) : graph_(graph) {
    for (Value x : xs) {
      if (x.valid()) sources_.insert({key_of(x), true});
    }
  }

  void seed(Value y, Value grad) {
    if (!is_floating(graph_.type(y).dtype)) {
      throw TypeError("gradients: expected a floating-point target. Received " +
                      type_str(graph_.type(y)) + ".");
    }
    accumulate(y, grad.valid() ? grad : ones_like(graph_, y));
  }

  // Walks nodes [begin, end) backwards.
  void run(int32_t begin, int32_t end) {
    mark_dependent(begin, end);
    for (int32_t id = end - 1; id >= begin; --id) {
      if (depends_[id - begin]) visit(id);
    }
  }

  Value gradient(Value x) const {
    auto it = grads_.find(key_of(x));
    return it == grads_.end() ? Value{} : it->second;
  }

 private:
  void accumulate(Value value, Value grad) {
    if (!grad.valid()) return;
    auto [it, fresh] = grads_.try_emplace(key_of(value), grad);
    if (!fresh) it->second = graph_.op("add", {it->second, grad});
  }

  // A node is worth visiting when one of the sources can reach it.
  void mark_dependent(int32_t begin, int32_t end) {
    depends_.assign(end - begin, 0);
    for (int32_t id = begin; id < end; ++id) {
      const Node& node = graph_.nodes[id];
      if (node.op->is(kLeaf) || node.op->is(kNonDifferentiable)) continue;
      for (Value input : node.inputs) {
        const bool inside = input.node >= begin && depends_[input.node - begin];
        if (inside || sources_.count(key_of(input))) {
          depends_[id - begin] = 1;
          break;
        }
      }
    }
  }

  void visit(int32_t id) {
    const size_t results = graph_.nodes[id].types.size();
    std::vector<Value> outputs(results), grads(results);
    bool any = false;
    for (size_t i = 0; i < results; ++i) {
      outputs[i] = {id, static_cast<int32_t>(i)};
      // A source cuts the walk: its own gradient is final once its consumers were visited.
      grads[i] = gradient(outputs[i]);
      any = any || grads[i].valid();
    }
    if (!any) return;
    // Copies: emitting nodes may move the node list.
    const OpDef& op = *graph_.nodes[id].op;
    const std::vector<Value> inputs = graph_.nodes[id].inputs;
    const Attrs attrs = graph_.nodes[id].attrs;
    graph_.push_scope(graph_.scope_of(id));
    std::vector<Value> input_grads;
    if (op.is(kRegion)) {
      input_grads = region_gradient(graph_, id, grads);
    } else if (op.gradient) {
      input_grads = op.gradient({graph_, inputs, outputs, grads, attrs});
    } else if (op.decompose) {
      input_grads = through_decomposition(op, inputs, grads, attrs);
    } else {
      throw InternalError(std::string(op.name) + " has neither gradient nor decomposition");
    }
    graph_.pop_scope();
    for (size_t i = 0; i < inputs.size() && i < input_grads.size(); ++i) {
      if (is_floating(graph_.type(inputs[i]).dtype)) accumulate(inputs[i], input_grads[i]);
    }
  }

  std::vector<Value> through_decomposition(const OpDef& op, const std::vector<Value>& inputs,
                                           const std::vector<Value>& grads, const Attrs& attrs) {
    const int32_t begin = static_cast<int32_t>(graph_.nodes.size());
    const std::vector<Value> results = op.decompose(graph_, inputs, attrs);
    const int32_t end = static_cast<int32_t>(graph_.nodes.size());
    Reverse inner(graph_, inputs);
    for (size_t i = 0; i < results.size(); ++i) {
      if (grads[i].valid()) inner.seed(results[i], grads[i]);
    }
    inner.run(begin, end);
    std::vector<Value> input_grads;
    for (Value input : inputs) input_grads.push_back(inner.gradient(input));
    // The same value given twice gets its whole gradient once.
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (inputs[j] == inputs[i]) input_grads[i] = Value{};
      }
    }
    return input_grads;
  }

  Graph& graph_;
  std::unordered_map<uint64_t, Value> grads_;
  std::unordered_map<uint64_t, bool> sources_;
  std::vector<char> depends_;
};

}  // namespace

std::vector<Value> gradients(Graph& graph, const std::vector<Value>& ys,
                             const std::vector<Value>& xs, const std::vector<Value>& grad_ys,
                             int32_t begin) {
  canonicalise(graph);
  const int32_t end = static_cast<int32_t>(graph.nodes.size());
  Reverse reverse(graph, xs);
  for (size_t i = 0; i < ys.size(); ++i) {
    reverse.seed(ys[i], i < grad_ys.size() ? grad_ys[i] : Value{});
  }
  reverse.run(begin, end);
  std::vector<Value> results;
  for (Value x : xs) results.push_back(reverse.gradient(x));
  return results;
}

}  // namespace nacre
