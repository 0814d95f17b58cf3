#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/executable.h"
#include "graph/graph.h"

namespace nacre::bindings {

namespace py = pybind11;

// What Python calls Tensor: a host array, or a value of a graph that is being traced.
struct PyTensor {
  Tensor array;
  std::shared_ptr<Graph> graph;  // set for a symbolic tensor
  Value value;

  bool is_symbolic() const { return graph != nullptr; }
  TensorType type() const;
};

// The base class of nacre.Variable.
struct PyVariable {
  VariablePtr variable;
};

// Wrappers that say which kind of attribute a Python value is.
struct PyShape {
  Shape dims;
};
struct PyDType {
  DType dtype;
};

// ---- conversions (convert.cpp) ----

DType dtype_of(const py::dtype& dtype);
py::dtype numpy_dtype(DType dtype);
// An array that shares no memory with the tensor.
py::array to_numpy(const Tensor& tensor);
// Copies; a dtype that Nacre has not raises TypeError, a ragged list ValueError.
Tensor from_python(py::handle object);
// The same without a copy where the array's memory serves; valid while `object` lives.
Tensor view_of(py::handle object);
Dim dim_of(py::handle object);
py::object dim_to_python(const Dim& dim);
Shape shape_of(py::handle sequence);
Attrs attrs_of(const py::object& dict);

// ---- tracing (trace.cpp) ----

// The graph that ops record into; null when they run at once.
Graph* current_graph();
// The name that prefixes errors; empty outside layers.
std::string current_scope();
// A Python scalar (or np.float64), which takes the dtype of what it meets.
bool is_weak(py::handle object);
Value value_in(Graph& graph, py::handle object, std::optional<DType> weak_dtype = {});
py::object wrap(Graph& graph, Value value);
py::object wrap(Tensor tensor);
// The current value of a Variable: of the trace inside one, a copy outside.
py::object read_variable(const py::object& variable);
// Concrete tensor for an eager op.
Tensor tensor_of(py::handle object, std::optional<DType> weak_dtype = {});
Tensor cast_tensor(const Tensor& tensor, DType dtype);
const BackendTable& default_backend();

// Looks for signals, with the lock on the interpreter, at most every 20 ms. Keeps the exception
// that a signal handler raised, to be raised again once the core has given up its run.
class SignalPoller {
 public:
  bool poll();
  static bool poll_static(void* self) { return static_cast<SignalPoller*>(self)->poll(); }
  // Raises the kept exception; call it with the interpreter's lock held.
  void rethrow();

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::optional<py::error_already_set> error_;
};

void bind_tensor(py::module_& m);
void bind_variable(py::module_& m);
void bind_trace(py::module_& m);
void bind_regions(py::module_& m);
void bind_tape(py::module_& m);
void bind_executable(py::module_& m);
void bind_training(py::module_& m);
void bind_image(py::module_& m);
void bind_system(py::module_& m);

}  // namespace nacre::bindings
