#include "kernels/cpu/fusion.h"

#include <algorithm>
#include <numeric>
#include <queue>
#include <set>
#include <unordered_map>

#include "graph/graph.h"
#include "kernels/cpu/norm_fusion.h"
#include "kernels/cpu/pool_fusion.h"

namespace nacre::cpu {
namespace {

const OpDef kFused{"cpu.fused", nullptr, nullptr, nullptr, kElementwise};
const OpDef kFusedMayFail{"cpu.fused", nullptr, nullptr, nullptr, kElementwise | kMayFail};
const OpDef kMatmul{"cpu.matmul", nullptr, nullptr, nullptr, 0};
const OpDef kConv{"cpu.conv", nullptr, nullptr, nullptr, 0};

// Elementwise work on so few elements is all call overhead: such nodes are put together even when
// they have nothing in common.
constexpr int64_t kTinyCount = 16;
// A chain longer than this would need more tile registers than L1 holds.
constexpr size_t kMaxChain = 48;

// ---- products ----

// The bias of add(product, bias): a vector along the last axis of the product.
Value bias_operand(const Graph& graph, const Node& add, Value product) {
  for (int i = 0; i < 2; ++i) {
    if (!(add.inputs[i] == product)) continue;
    const Value other = add.inputs[1 - i];
    const TensorType& type = graph.type(other);
    const TensorType& whole = graph.type(product);
    if (type.shape.size() == 1 && type.dtype == whole.dtype &&
        type.shape[0] == whole.shape.back()) {
      return other;
    }
  }
  return {};
}

// What a product becomes when it takes in a bias; null for other ops.
const OpDef* with_epilogue(const Node& node) {
  if (is_op(node, "matmul")) return &kMatmul;
  return is_op(node, "conv") ? &kConv : nullptr;
}

// Absorbs an add of a bias, and then an activation, into the product or convolution that only they
// use. Gradients of these activations use their results, so nothing else needs the values between.
void fuse_products(Graph& graph) {
  const std::vector<int32_t> uses = count_uses(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (is_op(node, "add")) {
      for (Value operand : std::vector<Value>(node.inputs)) {
        const Node& product = graph.nodes[operand.node];
        const OpDef* fused = with_epilogue(product);
        if (fused == nullptr || uses[operand.node] != 1) continue;
        if (!(product.types[0] == node.types[0]) || !is_floating(node.types[0].dtype)) continue;
        const Value bias = bias_operand(graph, node, operand);
        if (!bias.valid()) continue;
        node.op = fused;
        node.attrs = product.attrs;
        node.attrs.set("has_bias", true);
        node.attrs.set("activation", std::string("none"));
        node.inputs = {product.inputs[0], product.inputs[1], bias};
        break;
      }
    } else if (is_op(node, "relu") || is_op(node, "sigmoid") || is_op(node, "tanh")) {
      const Value operand = node.inputs[0];
      const Node& product = graph.nodes[operand.node];
      if (product.op != &kMatmul && product.op != &kConv) continue;
      if (uses[operand.node] != 1 || product.attrs.text("activation") != "none") continue;
      const std::string activation = node.op->name;
      node.op = product.op;
      node.attrs = product.attrs;
      node.attrs.set("activation", activation);
      node.inputs = product.inputs;
    }
  }
}

// A maximum whose place nobody asks for: no index.
void drop_unused_indices(Graph& graph) {
  std::vector<char> wanted(graph.nodes.size(), 0);
  const auto note = [&](Value value) { wanted[value.node] |= value.out == 1; };
  for (const Node& node : graph.nodes) {
    for (Value value : node.inputs) note(value);
  }
  for (Value value : graph.outputs) note(value);
  for (const Assignment& a : graph.assignments) note(a.value);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (is_op(node, "max_pool") && !wanted[i]) node.types.resize(1);
  }
}

// ---- elementwise chains ----

class Chains {
 public:
  explicit Chains(Graph& graph) : graph_(graph), size_(graph.nodes.size()), leader_(size_) {
    std::iota(leader_.begin(), leader_.end(), 0);
  }

  void run() {
    find_levels();
    unite();
    std::vector<std::vector<int32_t>> members(size_);
    for (size_t i = 0; i < size_; ++i)
      members[find(static_cast<int32_t>(i))].push_back(static_cast<int32_t>(i));
    const std::vector<int32_t> order = sorted(members);
    if (order.empty()) return;  // a cycle: leave the graph as it is
    rebuild(members, order);
  }

 private:
  bool fusable(int32_t id) const {
    const Node& node = graph_.nodes[id];
    return node.op->is(kElementwise) && node.types.size() == 1;
  }
  const Shape& shape(int32_t id) const { return graph_.nodes[id].types[0].shape; }

  int32_t find(int32_t id) {
    while (leader_[id] != id) id = leader_[id] = leader_[leader_[id]];
    return id;
  }

  void merge(int32_t a, int32_t b) {
    a = find(a);
    b = find(b);
    if (a == b || count_[a] + count_[b] > kMaxChain) return;
    if (a > b) std::swap(a, b);
    leader_[b] = a;
    count_[a] += count_[b];
  }

  // A level counts the other ops on the longest path to a node. Elementwise nodes of one level have
  // no other op between them, so putting them together can make no cycle. A node that only
  // elementwise nodes of its own shape use moves up to the first of their levels, to join them.
  void find_levels() {
    level_.assign(size_, 0);
    for (size_t i = 0; i < size_; ++i) {
      int32_t level = 0;
      for (Value value : graph_.nodes[i].inputs) level = std::max(level, level_[value.node]);
      level_[i] = fusable(static_cast<int32_t>(i)) ? level : level + 1;
      if (graph_.nodes[i].inputs.empty()) level_[i] = 0;
    }
    std::vector<int32_t> latest(size_, INT32_MAX);
    std::vector<char> pinned(size_, 0);
    for (Value value : graph_.outputs) pinned[value.node] = 1;
    for (size_t i = size_; i-- > 0;) {
      if (fusable(static_cast<int32_t>(i)) && !pinned[i] && latest[i] != INT32_MAX)
        level_[i] = latest[i];
      for (Value value : graph_.nodes[i].inputs) {
        const int32_t source = value.node;
        if (fusable(static_cast<int32_t>(i)) && shape(static_cast<int32_t>(i)) == shape(source)) {
          latest[source] = std::min(latest[source], level_[i]);
        } else {
          pinned[source] = 1;
        }
      }
    }
  }

  void unite() {
    count_.assign(size_, 1);
    std::unordered_map<int32_t, std::vector<int32_t>> tiny;  // by level
    for (size_t i = 0; i < size_; ++i) {
      const int32_t id = static_cast<int32_t>(i);
      if (!fusable(id)) continue;
      for (Value value : graph_.nodes[i].inputs) {
        if (fusable(value.node) && level_[value.node] == level_[i] &&
            shape(value.node) == shape(id)) {
          merge(value.node, id);
        }
      }
      const Dim count = element_count(shape(id));
      if (!count.is_static() || count.value() > kTinyCount) continue;
      auto& peers = tiny[level_[i]];
      for (int32_t peer : peers) {
        if (shape(peer) == shape(id)) {
          merge(peer, id);
          break;
        }
      }
      peers.push_back(id);
    }
  }

  // Kahn's algorithm over groups, earliest first; empty when there is a cycle.
  std::vector<int32_t> sorted(const std::vector<std::vector<int32_t>>& members) {
    std::vector<std::set<int32_t>> users(size_);
    std::vector<int32_t> waiting(size_, 0);
    for (size_t i = 0; i < size_; ++i) {
      const int32_t group = find(static_cast<int32_t>(i));
      for (Value value : graph_.nodes[i].inputs) {
        const int32_t source = find(value.node);
        if (source != group && users[source].insert(group).second) ++waiting[group];
      }
    }
    std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
    size_t groups = 0;
    for (size_t i = 0; i < size_; ++i) {
      if (members[i].empty()) continue;
      ++groups;
      if (waiting[i] == 0) ready.push(static_cast<int32_t>(i));
    }
    std::vector<int32_t> order;
    while (!ready.empty()) {
      const int32_t group = ready.top();
      ready.pop();
      order.push_back(group);
      for (int32_t user : users[group]) {
        if (--waiting[user] == 0) ready.push(user);
      }
    }
    return order.size() == groups ? order : std::vector<int32_t>();
  }

  void rebuild(const std::vector<std::vector<int32_t>>& members,
               const std::vector<int32_t>& order) {
    mark_escaping();
    std::vector<Node> old = std::move(graph_.nodes);
    graph_.nodes.clear();
    place_.assign(size_, {});
    for (int32_t group : order) {
      const std::vector<int32_t>& ids = members[group];
      if (ids.size() == 1) {
        Node node = std::move(old[ids[0]]);
        for (Value& value : node.inputs) value = mapped(value);
        for (size_t i = 0; i < node.types.size(); ++i) {
          place_[ids[0]].push_back(
              {static_cast<int32_t>(graph_.nodes.size()), static_cast<int32_t>(i)});
        }
        graph_.nodes.push_back(std::move(node));
      } else {
        add_chain(old, ids);
      }
    }
    for (auto* values : {&graph_.inputs, &graph_.outputs}) {
      for (Value& value : *values) value = mapped(value);
    }
    for (Assignment& a : graph_.assignments) a.value = mapped(a.value);
  }

  Value mapped(Value value) const { return place_[value.node].at(value.out); }

  // Nodes whose value is used outside their group.
  void mark_escaping() {
    escapes_.assign(size_, 0);
    for (size_t i = 0; i < size_; ++i) {
      for (Value value : graph_.nodes[i].inputs) {
        if (find(value.node) != find(static_cast<int32_t>(i))) escapes_[value.node] = 1;
      }
    }
    for (Value value : graph_.outputs) escapes_[value.node] = 1;
    for (const Assignment& a : graph_.assignments) escapes_[a.value.node] = 1;
  }

  void add_chain(const std::vector<Node>& old, const std::vector<int32_t>& ids) {
    Node fused;
    fused.op = &kFused;
    fused.scope = old[ids.back()].scope;
    std::unordered_map<int32_t, int32_t> inside;  // member -> register
    for (int32_t id : ids) inside[id] = -1;
    std::vector<Value> operands;  // old names
    for (int32_t id : ids) {
      for (Value value : old[id].inputs) {
        if (!inside.count(value.node) &&
            std::find(operands.begin(), operands.end(), value) == operands.end()) {
          operands.push_back(value);
        }
      }
    }
    std::string code, dtypes;
    auto add_dtype = [&](DType dtype) {
      dtypes += (dtypes.empty() ? "" : ",") + std::string(dtype_name(dtype));
    };
    for (Value value : operands) {
      const Value fresh = mapped(value);
      fused.inputs.push_back(broadcast_source(fresh));
      add_dtype(graph_.type(fresh).dtype);
    }
    int32_t next = static_cast<int32_t>(operands.size());
    std::vector<int64_t> outs;
    const int32_t self = static_cast<int32_t>(graph_.nodes.size());
    for (int32_t id : ids) {
      const Node& node = old[id];
      if (node.op->is(kMayFail)) fused.op = &kFusedMayFail;
      code += (code.empty() ? "" : ";") + std::string(node.op->name) + ":";
      for (size_t j = 0; j < node.inputs.size(); ++j) {
        const Value value = node.inputs[j];
        auto it = inside.find(value.node);
        const int64_t reg =
            it != inside.end()
                ? it->second
                : std::find(operands.begin(), operands.end(), value) - operands.begin();
        code += (j ? "," : "") + std::to_string(reg);
      }
      add_dtype(node.types[0].dtype);
      inside[id] = next;
      if (escapes_[id]) {
        place_[id] = {{self, static_cast<int32_t>(outs.size())}};
        outs.push_back(next);
        fused.types.push_back(node.types[0]);
      }
      ++next;
    }
    fused.attrs = {{"code", code}, {"dtypes", dtypes}, {"outs", outs}};
    graph_.nodes.push_back(std::move(fused));
  }

  // A chain broadcasts its operands by itself, so an explicit broadcast before it is not needed.
  Value broadcast_source(Value value) const {
    const Node& node = graph_.nodes[value.node];
    return is_op(node, "broadcast_to") ? node.inputs[0] : value;
  }

  Graph& graph_;
  size_t size_;
  std::vector<int32_t> leader_;
  std::vector<size_t> count_ = {};
  std::vector<int32_t> level_ = {};
  std::vector<char> escapes_ = {};
  std::vector<std::vector<Value>> place_ = {};
};

}  // namespace

void fuse(Graph& graph) {
  gate_pooled(graph);
  fuse_norms(graph);
  fuse_products(graph);
  drop_unused_indices(graph);
  fuse_pools(graph);
  Chains(graph).run();
}

}  // namespace nacre::cpu
