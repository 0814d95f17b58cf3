#include "graph/canonicalise.h"

namespace nacre {
namespace {

// The node that makes a value, looking through ops that only rename it.
const Node& producer(const Graph& graph, Value value) {
  const Node* node = &graph.nodes[value.node];
  while (is_op(*node, "identity")) node = &graph.nodes[node->inputs[0].node];
  return *node;
}

// Whether the producer of the probabilities is a softmax over the last axis.
bool is_last_axis_softmax(const Graph& graph, const Node& node) {
  if (!is_op(node, "softmax")) return false;
  return node.attrs.integer("axis") + 1 ==
         static_cast<int64_t>(graph.type(node.inputs[0]).shape.size());
}

}  // namespace

void canonicalise(Graph& graph) {
  for (Node& node : graph.nodes) {
    if (is_op(node, "categorical_crossentropy") || is_op(node, "sparse_categorical_crossentropy")) {
      const Node& source = producer(graph, node.inputs[0]);
      if (!is_last_axis_softmax(graph, source)) continue;
      node.op = &get_op(is_op(node, "categorical_crossentropy") ? "softmax_cross_entropy"
                                                                : "sparse_softmax_cross_entropy");
      node.inputs[0] = source.inputs[0];
    } else if (is_op(node, "binary_crossentropy")) {
      const Node& source = producer(graph, node.inputs[0]);
      if (!is_op(source, "sigmoid")) continue;
      node.op = &get_op("sigmoid_cross_entropy");
      node.inputs[0] = source.inputs[0];
    }
  }
}

}  // namespace nacre
