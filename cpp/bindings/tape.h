#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bindings/common.h"
#include "bindings/scopes.h"

namespace nacre::bindings {

// Records ops that run eagerly, as nodes of a graph whose inputs are the concrete tensors met, so
// that they can be differentiated afterwards.
class Tape {
 public:
  Tape() = default;
  ~Tape() { stop(); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  void start();
  void stop();

  // Whether some tape of this thread is recording.
  static bool active();
  static void record_op(const OpDef& op, const std::vector<py::object>& inputs, const Attrs& attrs,
                        std::optional<DType> weak_dtype, const std::vector<py::object>& outputs);
  static void record_read(const VariablePtr& variable, const py::object& result);
  // The value of a concrete object inside a graph that belongs to a recording tape, or lies in a
  // region of such a graph.
  static std::optional<Value> value_in(Graph& graph, py::handle object,
                                       std::optional<DType> weak_dtype);
  // Runs a scan, a branch or a loop: traced once for every tape, run for the first.
  template <class Build>
  static py::list record_region(Build&& build);

  py::list gradients(const py::list& ys, const py::list& xs, const py::object& seeds);

 private:
  Value value_of(py::handle object, std::optional<DType> weak_dtype = {});
  Value value_of(const VariablePtr& variable);
  Value add_input(const Tensor& tensor);
  void keep(const py::object& result, Value value);
  std::vector<Value> gradient_values(const py::list& ys, const py::list& xs,
                                     const py::object& seeds);
  std::vector<Tensor> run(const std::vector<Value>& wanted);

  GraphPtr graph_ = std::make_shared<Graph>();
  std::vector<Tensor> inputs_;
  // Tensors are kept alive, since they are known by their addresses.
  std::vector<std::shared_ptr<PyTensor>> kept_;
  std::unordered_map<const PyTensor*, Value> values_;
  struct Read {
    uint64_t version;
    Value value;
  };
  std::unordered_map<const Variable*, std::vector<Read>> reads_;

  static std::vector<Tape*>& recording();
};

template <class Build>
py::list Tape::record_region(Build&& build) {
  py::list results;
  const std::vector<Tape*> tapes = recording();
  for (Tape* tape : tapes) {
    std::vector<Value> values;
    {
      GraphScope scope(tape->graph_);
      values = build(*tape->graph_);
    }
    if (tape == tapes.front()) {
      for (Tensor& tensor : tape->run(values)) results.append(wrap(std::move(tensor)));
    }
    tape->graph_->assignments.clear();  // done once, by the run
    for (size_t i = 0; i < values.size(); ++i) tape->keep(results[i], values[i]);
  }
  return results;
}

}  // namespace nacre::bindings
