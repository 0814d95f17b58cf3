#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tensor.h"
#include "graph/variable.h"
#include "ops/op.h"

namespace nacre {

class Graph;

struct Node {
  const OpDef* op = nullptr;
  std::vector<Value> inputs;
  Attrs attrs;
  std::vector<TensorType> types;                // of the results
  std::vector<std::shared_ptr<Graph>> regions;  // scan, cond, while
  VariablePtr variable;                         // op "variable"
  Tensor constant;                              // op "constant"
  int32_t scope = -1;                           // index into Graph::scopes
};

// A write of a Variable: reads traced before it see the old value, reads after it the new one.
struct Assignment {
  VariablePtr variable;
  Value value;
};

// Pure values in SSA form; nodes stand in topological order. Variables are read once at the start
// (op "variable") and written at the end (the last Assignment of each).
class Graph : public Builder, public std::enable_shared_from_this<Graph> {
 public:
  std::vector<Node> nodes;
  std::vector<Value> inputs;
  std::vector<std::string> input_names;
  std::vector<Value> outputs;
  std::vector<Assignment> assignments;
  std::vector<Constraint> constraints;
  std::vector<std::string> scopes;
  uint64_t serial = next_serial();  // no two graphs of a process have the same

  // A region's enclosing graph while it is being traced, and the outer values it uses: capture i is
  // fed to region input `capture_inputs[i]`.
  Graph* parent = nullptr;
  std::vector<Value> captures;
  std::vector<Value> capture_inputs;

  std::vector<Value> emit(const OpDef& op, std::vector<Value> inputs, Attrs attrs) override;
  const TensorType& type(Value value) const override { return nodes[value.node].types[value.out]; }
  Value constant(double value, DType dtype) override;

  Value input(TensorType type, std::string name);
  Value constant(Tensor tensor);
  // The value that a Variable has after what was traced so far, or had after the first `mark`
  // assignments.
  Value read(const VariablePtr& variable, size_t mark = SIZE_MAX);
  void assign(const VariablePtr& variable, Value value);
  // The value inside this region for a value of an enclosing graph.
  Value capture(Graph& owner, Value value);
  // The region input that stands for a Variable's value at the region's start.
  Value state_input(const VariablePtr& variable) { return read(variable, 0); }
  // Variables written so far, each once, in order of their first write.
  std::vector<VariablePtr> written() const;
  // An input node that is not in `inputs` yet; regions put theirs in order when they are closed.
  Value detached_input(TensorType type);
  // Adds a node with regions whose result types are known.
  std::vector<Value> emit_region(const OpDef& op, std::vector<Value> inputs, Attrs attrs,
                                 std::vector<std::shared_ptr<Graph>> regions,
                                 std::vector<TensorType> types);
  // Copies the nodes of `source` that its `wanted` values need; its inputs become `inputs`.
  std::vector<Value> inline_graph(const Graph& source, const std::vector<Value>& inputs,
                                  const std::vector<Value>& wanted);

  void push_scope(std::string name);
  void pop_scope();
  // Layer name of a node for messages; empty when it has none.
  std::string scope_of(int32_t node) const;
  std::string str() const;  // a listing for people

 private:
  static uint64_t next_serial() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }
  Value add_node(Node node);
  std::unordered_map<const Variable*, Value> reads_;
  std::unordered_map<uint64_t, Value> scalars_;  // constants already made, by bits and dtype
  std::vector<int32_t> scope_stack_;
};

using GraphPtr = std::shared_ptr<Graph>;

inline bool is_op(const Node& node, std::string_view name) { return node.op->name == name; }
// How often each node's results are operands, outputs or assigned to a Variable, all together.
std::vector<int32_t> count_uses(const Graph& graph);

}  // namespace nacre
