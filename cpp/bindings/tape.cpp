#include "bindings/tape.h"

#include <algorithm>

#include "bindings/scopes.h"
#include "core/error.h"
#include "graph/autodiff.h"

namespace nacre::bindings {
namespace {

TensorType type_of(const Tensor& tensor) {
  return {tensor.dtype(), Shape(tensor.shape().begin(), tensor.shape().end())};
}

}  // namespace

std::vector<Tape*>& Tape::recording() {
  thread_local std::vector<Tape*> tapes;
  return tapes;
}

bool Tape::active() { return !recording().empty(); }

void Tape::start() { recording().push_back(this); }

void Tape::stop() {
  std::vector<Tape*>& tapes = recording();
  tapes.erase(std::remove(tapes.begin(), tapes.end(), this), tapes.end());
}

Value Tape::add_input(const Tensor& tensor) {
  inputs_.push_back(tensor);
  return graph_->input(type_of(tensor), {});
}

void Tape::keep(const py::object& result, Value value) {
  auto tensor = result.cast<std::shared_ptr<PyTensor>>();
  values_[tensor.get()] = value;
  kept_.push_back(std::move(tensor));
}

Value Tape::value_of(const VariablePtr& variable) {
  std::vector<Read>& reads = reads_[variable.get()];
  const uint64_t version = variable->version();
  if (reads.empty() || reads.back().version != version) {
    Tensor value;
    {
      py::gil_scoped_release unlocked;  // a step that holds the Variable may want the lock
      value = variable->snapshot();
    }
    reads.push_back({version, add_input(std::move(value))});
  }
  return reads.back().value;
}

Value Tape::value_of(py::handle object, std::optional<DType> weak_dtype) {
  if (py::isinstance<PyVariable>(object)) return value_of(object.cast<PyVariable&>().variable);
  // The recording outlives the arrays that it meets.
  if (py::isinstance<py::array>(object)) return graph_->constant(from_python(object));
  const Tensor tensor = tensor_of(object, weak_dtype);
  if (!py::isinstance<PyTensor>(object)) return graph_->constant(tensor);
  auto it = values_.find(object.cast<std::shared_ptr<PyTensor>>().get());
  if (it != values_.end()) return it->second;
  const Value value = add_input(tensor);
  keep(py::reinterpret_borrow<py::object>(object), value);
  return value;
}

void Tape::record_op(const OpDef& op, const std::vector<py::object>& inputs, const Attrs& attrs,
                     std::optional<DType> weak_dtype, const std::vector<py::object>& outputs) {
  for (Tape* tape : recording()) {
    std::vector<Value> values;
    for (const py::object& input : inputs) values.push_back(tape->value_of(input, weak_dtype));
    values = tape->graph_->emit(op, values, attrs);
    for (size_t i = 0; i < outputs.size(); ++i) tape->keep(outputs[i], values[i]);
  }
}

void Tape::record_read(const VariablePtr& variable, const py::object& result) {
  for (Tape* tape : recording()) tape->keep(result, tape->value_of(variable));
}

std::optional<Value> Tape::value_in(Graph& graph, py::handle object,
                                    std::optional<DType> weak_dtype) {
  if (!active() || is_weak(object)) return std::nullopt;
  if (py::isinstance<PyTensor>(object) && object.cast<PyTensor&>().is_symbolic())
    return std::nullopt;
  Graph* root = &graph;
  while (root->parent) root = root->parent;
  for (Tape* tape : recording()) {
    if (tape->graph_.get() != root) continue;
    if (py::isinstance<PyVariable>(object)) {
      // What the region itself has written is not the value on the tape.
      const VariablePtr& variable = object.cast<PyVariable&>().variable;
      for (const Graph* g = &graph; g; g = g->parent) {
        const std::vector<VariablePtr> written = g->written();
        if (std::find(written.begin(), written.end(), variable) != written.end())
          return std::nullopt;
      }
    }
    const Value value = tape->value_of(object, weak_dtype);
    return root == &graph ? value : graph.capture(*root, value);
  }
  return std::nullopt;
}

std::vector<Tensor> Tape::run(const std::vector<Value>& wanted) {
  graph_->outputs = wanted;
  Executable executable(*graph_, default_backend(), "");
  SignalPoller poller;
  try {
    py::gil_scoped_release unlocked;
    return executable.run(inputs_, &SignalPoller::poll_static, &poller);
  } catch (const Interrupted&) {
    poller.rethrow();
    throw;
  }
}

std::vector<Value> Tape::gradient_values(const py::list& ys, const py::list& xs,
                                         const py::object& seeds) {
  std::vector<Value> targets, sources, weights;
  std::vector<size_t> owner;  // which x a source belongs to: a Variable may have been read often
  for (py::handle y : ys) targets.push_back(value_of(y));
  if (!seeds.is_none()) {
    for (py::handle seed : seeds.cast<py::list>()) {
      weights.push_back(seed.is_none() ? Value{} : value_of(seed));
    }
  }
  for (size_t i = 0; i < xs.size(); ++i) {
    if (py::isinstance<PyVariable>(xs[i])) {
      const VariablePtr& variable = xs[i].cast<PyVariable&>().variable;
      for (const Read& read : reads_[variable.get()]) {
        sources.push_back(read.value);
        owner.push_back(i);
      }
    } else {
      sources.push_back(value_of(xs[i]));
      owner.push_back(i);
    }
  }
  const std::vector<Value> found = nacre::gradients(*graph_, targets, sources, weights);
  std::vector<Value> results(xs.size());
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i].valid()) continue;
    Value& sum = results[owner[i]];
    sum = sum.valid() ? graph_->op("add", {sum, found[i]}) : found[i];
  }
  return results;
}

py::list Tape::gradients(const py::list& ys, const py::list& xs, const py::object& seeds) {
  const std::vector<Value> values = gradient_values(ys, xs, seeds);
  std::vector<Value> wanted;
  for (Value value : values) {
    if (value.valid()) wanted.push_back(value);
  }
  std::vector<Tensor> computed;
  if (!wanted.empty()) computed = run(wanted);
  py::list results;
  size_t next = 0;
  for (Value value : values) {
    results.append(value.valid() ? wrap(std::move(computed[next++])) : py::none());
  }
  // Other tapes saw the same ops: for them the gradient is one more function of their values.
  for (Tape* tape : recording()) {
    const std::vector<Value> theirs = tape == this ? values : tape->gradient_values(ys, xs, seeds);
    for (size_t i = 0; i < theirs.size(); ++i) {
      if (theirs[i].valid() && !results[i].is_none()) tape->keep(results[i], theirs[i]);
    }
  }
  return results;
}

void bind_tape(py::module_& m) {
  py::class_<Tape>(m, "Tape", "Records ops that run at once, to differentiate them afterwards.")
      .def(py::init<>())
      .def("start", &Tape::start)
      .def("stop", &Tape::stop)
      .def("gradients", &Tape::gradients, py::arg("ys"), py::arg("xs"),
           py::arg("seeds") = py::none());
  m.def("tape_active", [] { return Tape::active() && !current_graph(); });
}

}  // namespace nacre::bindings
