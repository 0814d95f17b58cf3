#include "kernels/cpu/pool_fusion.h"

#include <algorithm>
#include <vector>

#include "graph/graph.h"
#include "graph/lower.h"
#include "kernels/cpu/pool.h"

namespace nacre::cpu {
namespace {

const OpDef kConvPool{"cpu.conv_pool", nullptr, nullptr, nullptr, 0};
const OpDef kInputGradientPool{"cpu.conv_input_gradient_pool", nullptr, nullptr, nullptr, 0};
const OpDef kKernelGradientPool{"cpu.conv_kernel_gradient_pool", nullptr, nullptr, nullptr, 0};

// Copies a graph node by node, putting something else in the place of some.
class Gating {
 public:
  explicit Gating(Graph& graph) : graph_(graph), uses_(count_uses(graph)) {}

  void run() {
    if (std::none_of(graph_.nodes.begin(), graph_.nodes.end(),
                     [](const Node& node) { return is_op(node, "max_pool_gradient"); })) {
      return;
    }
    std::vector<Node> old = graph_.nodes;
    graph_.nodes.clear();
    old_ = &old;
    for (size_t i = 0; i < old.size(); ++i) place_.push_back(placed(old[i]));
    for (auto* values : {&graph_.inputs, &graph_.outputs}) {
      for (Value& value : *values) value = mapped(value);
    }
    for (Assignment& a : graph_.assignments) a.value = mapped(a.value);
    drop_dead_nodes(graph_);
  }

 private:
  struct Place {
    int32_t node;
    int32_t source = -1;  // of a rewritten gradient of pooling: what spreads, in the new graph
  };

  const Node& node(Value value) const { return (*old_)[value.node]; }
  Value mapped(Value value) const { return {place_[value.node].node, value.out}; }

  int32_t push(Node fresh) {
    graph_.nodes.push_back(std::move(fresh));
    return static_cast<int32_t>(graph_.nodes.size()) - 1;
  }

  Place copy(const Node& source) {
    Node fresh = source;
    for (Value& value : fresh.inputs) value = mapped(value);
    return {push(std::move(fresh))};
  }

  // where(x > 0, max_pool_gradient(dy, index), 0) with index of max_pool(x).
  bool is_gate(const Node& where) const {
    if (!is_op(where, "where") || !is_zero_old(where.inputs[2])) return false;
    const Node& test = node(where.inputs[0]);
    const Node& gradient = node(where.inputs[1]);
    if (!is_op(test, "gt") || !is_zero_old(test.inputs[1])) return false;
    if (!is_op(gradient, "max_pool_gradient") || uses_[where.inputs[1].node] != 1) return false;
    const Value index = gradient.inputs[1];
    return is_op(node(index), "max_pool") && index.out == 1 &&
           node(index).inputs[0] == test.inputs[0] &&
           gradient.types[0].shape == where.types[0].shape;
  }
  bool is_zero_old(Value value) const {
    const Node& source = node(value);
    return source.constant.defined() && source.constant.count() == 1 &&
           source.constant.item_as_double() == 0;
  }

  Place gated(const Node& where) {
    const Node& test = node(where.inputs[0]);
    const Node& gradient = node(where.inputs[1]);
    const Value dy = mapped(gradient.inputs[0]), index = mapped(gradient.inputs[1]);
    const TensorType type = graph_.type(dy);
    Node positive = test;  // the maximum itself, result 0 of the pooling
    positive.inputs = {{index.node, 0}, mapped(test.inputs[1])};
    positive.types = {{DType::Bool, type.shape}};
    const int32_t tested = push(std::move(positive));
    Node chosen = where;
    chosen.inputs = {{tested, 0}, dy, mapped(where.inputs[2])};
    chosen.types = {type};
    const int32_t source = push(std::move(chosen));
    Node spread = gradient;
    spread.inputs = {{source, 0}, index};
    return {push(std::move(spread)), source};
  }

  // The sum over all pixels of a gradient of pooling: of what was spread.
  bool is_pixel_sum(const Node& sum) const {
    if (!is_op(sum, "reduce_sum") || place_[sum.inputs[0].node].source < 0) return false;
    const auto& axes = sum.attrs.ints("axes");
    const size_t rank = graph_.type(mapped(sum.inputs[0])).shape.size();
    if (axes.size() != rank - 1) return false;
    return std::find(axes.begin(), axes.end(), static_cast<int64_t>(rank) - 1) == axes.end();
  }

  Place placed(const Node& source) {
    if (is_gate(source)) return gated(source);
    if (is_pixel_sum(source)) {
      Node fresh = source;
      fresh.inputs = {{place_[source.inputs[0].node].source, 0}};
      return {push(std::move(fresh))};
    }
    return copy(source);
  }

  Graph& graph_;
  std::vector<int32_t> uses_;
  const std::vector<Node>* old_ = nullptr;
  std::vector<Place> place_ = {};
};

// Windows side by side inside the image `full`, with few enough places for a byte.
bool windows_apart(const Node& pool, const Shape& full, const Shape& pooled) {
  const std::vector<int64_t>& window = pool.attrs.ints("window");
  const Shape& low = pool.attrs.shape("low");
  if (window != pool.attrs.ints("strides")) return false;
  int64_t places = 1;
  for (size_t i = 0; i < window.size(); ++i) {
    const Dim &in = full[i + 1], &out = pooled[i + 1];
    if (!(low[i] == Dim(0)) || !in.is_static() || !out.is_static()) return false;
    if (out.value() * window[i] > in.value()) return false;
    places *= window[i];
  }
  return places <= kByteWindow;
}

// The attributes of a convolution and of the windows over its result `full`.
Attrs joined_attrs(const Node& conv, const Node& pool, const Shape& full) {
  Attrs attrs = conv.attrs;
  attrs.set("window", pool.attrs.ints("window"));
  attrs.set("full", Shape(full.begin() + 1, full.end() - 1));
  return attrs;
}

// Which operand of a convolution's gradient is dy; -1 for other ops.
int dy_operand(const Node& node) {
  if (is_op(node, "conv_input_gradient")) return 0;
  return is_op(node, "conv_kernel_gradient") ? 1 : -1;
}

// Gradients of convolutions read a gradient of pooling that nothing else reads in its small form.
void fuse_spreads(Graph& graph) {
  std::vector<char> others(graph.nodes.size(), 0);
  for (const Node& node : graph.nodes) {
    const int dy = dy_operand(node);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (static_cast<int>(i) != dy) others[node.inputs[i].node] = 1;
    }
  }
  for (Value value : graph.outputs) others[value.node] = 1;
  for (const Assignment& a : graph.assignments) others[a.value.node] = 1;
  for (Node& node : graph.nodes) {
    const int dy = dy_operand(node);
    if (dy < 0 || others[node.inputs[dy].node]) continue;
    const Node& spread = graph.nodes[node.inputs[dy].node];
    if (!is_op(spread, "max_pool_gradient")) continue;
    const Shape& full = spread.types[0].shape;
    if (!windows_apart(spread, full, graph.type(spread.inputs[0]).shape)) continue;
    node.attrs = joined_attrs(node, spread, full);
    node.op = dy == 0 ? &kInputGradientPool : &kKernelGradientPool;
    node.inputs[dy] = spread.inputs[0];
    node.inputs.push_back(spread.inputs[1]);
  }
}

}  // namespace

void gate_pooled(Graph& graph) { Gating(graph).run(); }

void fuse_pools(Graph& graph) {
  const std::vector<int32_t> uses = count_uses(graph);
  for (Node& node : graph.nodes) {
    if (!is_op(node, "max_pool")) continue;
    const Node& conv = graph.nodes[node.inputs[0].node];
    if ((!is_op(conv, "conv") && !is_op(conv, "cpu.conv")) || uses[node.inputs[0].node] != 1) {
      continue;
    }
    const Shape& full = conv.types[0].shape;
    if (!windows_apart(node, full, node.types[0].shape)) continue;
    node.attrs = joined_attrs(conv, node, full);
    node.op = &kConvPool;
    node.inputs = conv.inputs;
  }
  fuse_spreads(graph);
  drop_dead_nodes(graph);
}

}  // namespace nacre::cpu
