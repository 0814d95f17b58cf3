#include "kernels/cpu/norm_fusion.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "graph/graph.h"
#include "graph/lower.h"

namespace nacre::cpu {
namespace {

const OpDef kBatchNorm{"cpu.batch_norm", nullptr, nullptr, nullptr, 0};
const OpDef kBatchNormGrad{"cpu.batch_norm_grad", nullptr, nullptr, nullptr, 0};

using Slot = std::pair<int32_t, int32_t>;  // a value as a key

class NormFusion {
 public:
  explicit NormFusion(Graph& graph) : graph_(graph) {}

  void run() {
    if (std::none_of(graph_.nodes.begin(), graph_.nodes.end(),
                     [](const Node& node) { return is_op(node, "batch_norm"); })) {
      return;
    }
    fuse_gates();
    drop_dead_nodes(graph_);  // the gates' tests: what they read has fewer readers now
    fuse_activations();
    drop_dead_nodes(graph_);
  }

 private:
  // ---- what values are ----

  const Node& node(Value value) const { return graph_.nodes[value.node]; }

  std::optional<double> scalar(Value value) const {
    const Tensor& constant = node(value).constant;
    if (!constant.defined() || constant.count() != 1) return std::nullopt;
    return constant.item_as_double();
  }
  bool is_scalar(Value value, double wanted) const { return scalar(value) == wanted; }

  void count() {
    uses_.clear();
    const auto use = [&](Value value) { ++uses_[{value.node, value.out}]; };
    for (const Node& user : graph_.nodes) {
      for (Value value : user.inputs) use(value);
    }
    for (Value value : graph_.outputs) use(value);
    for (const Assignment& a : graph_.assignments) use(a.value);
  }
  int32_t uses(Value value) const {
    const auto found = uses_.find({value.node, value.out});
    return found == uses_.end() ? 0 : found->second;
  }

  // ---- gates before gradients ----

  struct Gate {
    Value dy, result;             // result of ReLU
    std::optional<double> limit;  // of the minimum behind ReLU
  };

  // where(test(x, bound), yes, no) as its five values; false for other nodes.
  struct Choice {
    Value x, bound, yes, no;
  };
  std::optional<Choice> choice(Value value, std::string_view test) const {
    const Node& where = node(value);
    if (!is_op(where, "where") || !is_op(node(where.inputs[0]), test)) return std::nullopt;
    const Node& tested = node(where.inputs[0]);
    return Choice{tested.inputs[0], tested.inputs[1], where.inputs[1], where.inputs[2]};
  }

  // where(y > 0, dy, 0) of ReLU's result y; with a limit, dy is in its turn the gradient of
  // minimum(y, limit): where(y < limit, dy, where(y == limit, dy / 2, 0)).
  std::optional<Gate> gate(Value value) const {
    const std::optional<Choice> positive = choice(value, "gt");
    if (!positive || !is_scalar(positive->bound, 0) || !is_scalar(positive->no, 0)) return {};
    Gate found{positive->yes, positive->x, {}};
    const std::optional<Choice> below = choice(positive->yes, "lt");
    if (!below || !(below->x == found.result) || uses(positive->yes) != 1) return found;
    const std::optional<double> limit = scalar(below->bound);
    const std::optional<Choice> tie = choice(below->no, "eq");
    if (!limit || !tie || !(tie->x == found.result) || !is_scalar(tie->bound, *limit)) return found;
    const Node& half = node(tie->yes);
    if (!is_scalar(tie->no, 0) || !is_op(half, "mul")) return found;
    if (!(half.inputs[0] == below->yes) || !is_scalar(half.inputs[1], 0.5)) return found;
    return Gate{below->yes, found.result, limit};
  }

  // The batch_norm whose gradient a node is; null when there is none.
  const Node* normalisation(const Node& gradient, Value* result) const {
    *result = {gradient.inputs[2].node, 0};
    const Node& norm = node(*result);
    const bool same = is_op(norm, "batch_norm") && norm.inputs[0] == gradient.inputs[0] &&
                      norm.inputs[1] == gradient.inputs[1] && norm.attrs == gradient.attrs &&
                      gradient.inputs[2] == Value{result->node, 1} &&
                      gradient.inputs[3] == Value{result->node, 2};
    return same ? &norm : nullptr;
  }

  void fuse_gates() {
    count();
    for (Node& gradient : graph_.nodes) {
      if (!is_op(gradient, "batch_norm_grad")) continue;
      Value result;
      const Node* norm = normalisation(gradient, &result);
      if (norm == nullptr || uses(gradient.inputs[4]) != 1) continue;
      const std::optional<Gate> found = gate(gradient.inputs[4]);
      if (!found || !(graph_.type(found->dy) == norm->types[0])) continue;
      const Node& relu = node(found->result);
      if (!is_op(relu, "relu") || !(relu.inputs[0] == result)) continue;
      gradient.op = &kBatchNormGrad;
      gradient.attrs.set("activation", std::string("relu"));
      if (found->limit) gradient.attrs.set("limit", *found->limit);
      gradient.inputs[4] = found->dy;
      gradient.inputs.push_back(norm->inputs[2]);
    }
  }

  // ---- what stands behind normalisations ----

  // Gives a normalisation's first result the place of `value`, which was computed from it alone.
  void absorb(Value norm, Value value) {
    graph_.nodes[norm.node].op = &kBatchNorm;
    taken_[{value.node, value.out}] = norm;
    uses_[{norm.node, norm.out}] = uses(value);
  }

  // Whether a value is the result of a normalisation that only one node reads, and that ends with
  // `activation`.
  bool is_lone_norm(Value value, std::string_view activation) const {
    const Node& norm = node(value);
    if (value.out != 0 || uses(value) != 1) return false;
    if (is_op(norm, "batch_norm")) return activation == "none";
    return norm.op == &kBatchNorm && norm.attrs.text("activation") == activation;
  }

  // The operand of a sum that is a normalisation computed after the other operand; -1 for none.
  int summand(const Node& add) const {
    for (int i = 0; i < 2; ++i) {
      const Value value = add.inputs[i], other = add.inputs[1 - i];
      if (other.node < value.node && is_lone_norm(value, "none") &&
          node(value).inputs.size() == 3 && graph_.type(value) == add.types[0] &&
          graph_.type(other) == add.types[0]) {
        return i;
      }
    }
    return -1;
  }

  void fuse_activations() {
    count();
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      Node& user = graph_.nodes[i];
      for (Value& value : user.inputs) value = current(value);
      if (user.types.empty()) continue;
      const Value result{static_cast<int32_t>(i), 0};
      if (is_op(user, "add")) {
        const int operand = summand(user);
        if (operand < 0) continue;
        Node& norm = graph_.nodes[user.inputs[operand].node];
        norm.inputs.push_back(user.inputs[1 - operand]);
        norm.attrs.set("activation", std::string("none"));
        absorb(user.inputs[operand], result);
      } else if (is_op(user, "relu") && is_lone_norm(user.inputs[0], "none")) {
        graph_.nodes[user.inputs[0].node].attrs.set("activation", std::string("relu"));
        absorb(user.inputs[0], result);
      } else if (is_op(user, "minimum") && is_lone_norm(user.inputs[0], "relu")) {
        Node& norm = graph_.nodes[user.inputs[0].node];
        const std::optional<double> limit = scalar(user.inputs[1]);
        if (!limit || norm.attrs.has("limit") || !(norm.types[0] == user.types[0])) continue;
        norm.attrs.set("limit", *limit);
        absorb(user.inputs[0], result);
      }
    }
    for (Value& value : graph_.outputs) value = current(value);
    for (Assignment& a : graph_.assignments) a.value = current(a.value);
  }

  Value current(Value value) const {
    for (auto at = taken_.find({value.node, value.out}); at != taken_.end();
         at = taken_.find({value.node, value.out})) {
      value = at->second;
    }
    return value;
  }

  Graph& graph_;
  std::map<Slot, int32_t> uses_ = {};
  std::map<Slot, Value> taken_ = {};  // what stands for a value that a normalisation took in
};

}  // namespace

void fuse_norms(Graph& graph) { NormFusion(graph).run(); }

}  // namespace nacre::cpu
