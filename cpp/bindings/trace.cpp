#include <list>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "bindings/common.h"
#include "bindings/scopes.h"
#include "bindings/tape.h"
#include "core/env.h"
#include "core/error.h"
#include "graph/autodiff.h"

namespace nacre::bindings {
namespace {

thread_local std::vector<std::shared_ptr<Graph>> g_graphs;  // null: eager inside a trace
thread_local std::vector<std::string> g_scopes;
DType g_floatx = DType::Float32;

const BackendTable*& backend_slot() {
  static const BackendTable* backend = &find_backend(env_backend());
  return backend;
}

bool is_numpy_scalar(py::handle object) {
  static const py::handle generic =
      py::object(py::module_::import("numpy").attr("generic")).release();
  return PyObject_IsInstance(object.ptr(), generic.ptr()) == 1;
}

DType weak_default(py::handle object) {
  if (PyBool_Check(object.ptr())) return DType::Bool;
  return PyLong_Check(object.ptr()) ? DType::Int32 : g_floatx;
}

Tensor weak_scalar(py::handle object, DType dtype) {
  if (PyLong_Check(object.ptr()) && dtype != DType::Bool && !is_floating(dtype)) {
    // Through NumPy, so that a value that does not fit is an OverflowError, not a wrapped number.
    return from_python(py::module_::import("numpy").attr("array")(object, numpy_dtype(dtype)));
  }
  const double value = PyFloat_AsDouble(object.ptr());
  if (value == -1.0 && PyErr_Occurred()) throw py::error_already_set();
  return Tensor::scalar(value, dtype);
}

[[noreturn]] void foreign_tensor() {
  throw ValueError(
      "A symbolic tensor was used outside the function whose trace it belongs to. Return it from "
      "the function instead of keeping it.");
}

// Graphs of one op each, ready to run on arrays of the same types.
class EagerCache {
 public:
  static EagerCache& instance() {
    static EagerCache& cache = *new EagerCache;  // outlives the interpreter's other objects
    return cache;
  }

  std::shared_ptr<Executable> find(const std::string& key) {
    std::lock_guard guard(mutex_);
    auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    items_.splice(items_.begin(), items_, it->second);
    return it->second->second;
  }

  void add(const std::string& key, std::shared_ptr<Executable> executable) {
    std::lock_guard guard(mutex_);
    if (index_.count(key)) return;
    items_.emplace_front(key, std::move(executable));
    index_[key] = items_.begin();
    if (items_.size() > kCapacity) {
      index_.erase(items_.back().first);
      items_.pop_back();
    }
  }

 private:
  static constexpr size_t kCapacity = 512;
  using Items = std::list<std::pair<std::string, std::shared_ptr<Executable>>>;
  std::mutex mutex_;
  Items items_;
  std::unordered_map<std::string, Items::iterator> index_;
};

Shape static_shape(const Tensor& tensor) {
  return Shape(tensor.shape().begin(), tensor.shape().end());
}

std::vector<Tensor> run_eagerly(const OpDef& op, const std::vector<Tensor>& inputs,
                                const Attrs& attrs) {
  const BackendTable& backend = default_backend();
  std::string key = std::string(backend.name) + "|" + op.name + "|" + attrs.key();
  for (const Tensor& tensor : inputs) {
    key += "|" + std::string(dtype_name(tensor.dtype())) + shape_str(tensor.shape());
  }
  std::shared_ptr<Executable> executable = EagerCache::instance().find(key);
  if (!executable) {
    auto graph = std::make_shared<Graph>();
    std::vector<Value> values;
    for (const Tensor& tensor : inputs)
      values.push_back(graph->input({tensor.dtype(), static_shape(tensor)}, {}));
    graph->outputs = graph->emit(op, values, attrs);
    executable = std::make_shared<Executable>(*graph, backend, "");
    EagerCache::instance().add(key, executable);
  }
  SignalPoller poller;
  try {
    py::gil_scoped_release unlocked;
    return executable->run(inputs, &SignalPoller::poll_static, &poller);
  } catch (const Interrupted&) {
    poller.rethrow();
    throw;
  }
}

py::object results_of(std::vector<py::object> results) {
  if (results.size() == 1) return results[0];
  py::tuple tuple(results.size());
  for (size_t i = 0; i < results.size(); ++i) tuple[i] = results[i];
  return py::object(tuple);
}

py::object call_op(const OpDef& op, const std::vector<py::object>& inputs, const Attrs& attrs,
                   std::optional<DType> weak_dtype) {
  std::vector<py::object> results;
  if (Graph* graph = current_graph()) {
    std::vector<Value> values;
    for (const py::object& input : inputs) values.push_back(value_in(*graph, input, weak_dtype));
    for (Value value : graph->emit(op, values, attrs)) results.push_back(wrap(*graph, value));
  } else {
    std::vector<Tensor> tensors;
    for (const py::object& input : inputs) tensors.push_back(tensor_of(input, weak_dtype));
    for (Tensor& tensor : run_eagerly(op, tensors, attrs))
      results.push_back(wrap(std::move(tensor)));
    if (Tape::active()) Tape::record_op(op, inputs, attrs, weak_dtype, results);
  }
  return results_of(std::move(results));
}

const OpDef& op_named(const std::string& name) {
  if (const OpDef* op = find_op(name); op && op->infer) return *op;
  throw ValueError("Unknown op \"" + name + "\".");
}

std::vector<py::object> objects_of(const py::sequence& sequence) {
  std::vector<py::object> objects;
  for (py::handle item : sequence) objects.push_back(py::reinterpret_borrow<py::object>(item));
  return objects;
}

py::object call(const std::string& name, const py::sequence& inputs, const py::object& attrs) {
  const std::vector<py::object> operands = objects_of(inputs);
  return with_scope([&] { return call_op(op_named(name), operands, attrs_of(attrs), {}); });
}

// dtype of an operand that has one.
DType strong_dtype(py::handle object) {
  if (py::isinstance<PyTensor>(object)) return object.cast<PyTensor&>().type().dtype;
  if (py::isinstance<PyVariable>(object)) return object.cast<PyVariable&>().variable->spec().dtype;
  if (py::isinstance<py::array>(object))
    return dtype_of(py::reinterpret_borrow<py::array>(object).dtype());
  return tensor_of(object).dtype();
}

DType result_type(const std::vector<py::object>& inputs) {
  std::optional<DType> strong;
  bool weak_float = false, weak_int = false;
  for (const py::object& input : inputs) {
    if (is_weak(input)) {
      weak_float = weak_float || PyFloat_Check(input.ptr());
      weak_int = weak_int || (PyLong_Check(input.ptr()) && !PyBool_Check(input.ptr()));
    } else {
      const DType dtype = strong_dtype(input);
      strong = strong ? promote(*strong, dtype) : dtype;
    }
  }
  if (weak_float && (!strong || !is_floating(*strong))) return g_floatx;
  if (weak_int && (!strong || *strong == DType::Bool)) return DType::Int32;
  return strong.value_or(DType::Bool);
}

py::object cast_object(const py::object& object, DType dtype) {
  if (is_weak(object)) {
    if (Graph* graph = current_graph()) return wrap(*graph, value_in(*graph, object, dtype));
    return wrap(weak_scalar(object, dtype));
  }
  if (py::isinstance<PyTensor>(object) && object.cast<PyTensor&>().type().dtype == dtype)
    return object;
  if (strong_dtype(object) == dtype) {
    if (py::isinstance<PyVariable>(object)) return read_variable(object);
    if (Graph* graph = current_graph()) return wrap(*graph, value_in(*graph, object));
    return wrap(from_python(object));
  }
  return call_op(get_op("cast"), {object}, {{"dtype", dtype}}, {});
}

py::object binary(const std::string& name, const py::object& a, const py::object& b) {
  return with_scope([&] {
    const DType dtype = result_type({a, b});
    auto operand = [&](const py::object& x) {
      return is_weak(x) || strong_dtype(x) == dtype ? x : cast_object(x, dtype);
    };
    return call_op(op_named(name), {operand(a), operand(b)}, {}, dtype);
  });
}

py::object convert(const py::object& object, const py::object& dtype) {
  if (!dtype.is_none()) return cast_object(object, dtype_from_name(dtype.cast<std::string>()));
  if (py::isinstance<PyTensor>(object)) return object;
  if (py::isinstance<PyVariable>(object)) return read_variable(object);
  if (is_weak(object)) return wrap(weak_scalar(object, weak_default(object)));
  return wrap(from_python(object));
}

py::list gradients_of(const py::object& ys, const py::list& xs, const py::object& grad_ys,
                      const py::object& mark) {
  Graph* graph = current_graph();
  if (!graph) throw ValueError("gradients: expected a traced function. Received eager tensors.");
  std::vector<Value> targets, sources, seeds;
  py::list targets_list;
  if (py::isinstance<py::list>(ys)) {
    targets_list = ys.cast<py::list>();
  } else {
    targets_list.append(ys);
  }
  for (py::handle y : targets_list) targets.push_back(value_in(*graph, y));
  if (!grad_ys.is_none()) {
    for (py::handle g : grad_ys.cast<py::list>())
      seeds.push_back(g.is_none() ? Value{} : value_in(*graph, g));
  }
  // A mark is where a tape started: so many assignments, and so many nodes, had been traced.
  size_t at = SIZE_MAX;
  int32_t begin = 0;
  if (!mark.is_none()) std::tie(at, begin) = mark.cast<std::pair<size_t, int32_t>>();
  for (py::handle x : xs) {
    sources.push_back(py::isinstance<PyVariable>(x)
                          ? graph->read(x.cast<PyVariable&>().variable, at)
                          : value_in(*graph, x));
  }
  py::list results;
  for (Value value : gradients(*graph, targets, sources, seeds, begin)) {
    results.append(value.valid() ? wrap(*graph, value) : py::none());
  }
  return results;
}

// A trace in progress, used as a context manager.
struct Trace {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
};

struct InitScope {};

void bind_contexts(py::module_& m) {
  py::class_<Graph, std::shared_ptr<Graph>>(m, "Graph")
      .def("__str__", &Graph::str)
      .def_property_readonly("num_nodes", [](const Graph& g) { return g.nodes.size(); });
  py::class_<Trace>(m, "Trace", "Ops called inside the context become nodes of a graph.")
      .def(py::init<>())
      .def("__enter__",
           [](py::object self) {
             g_graphs.push_back(self.cast<Trace&>().graph);
             return self;
           })
      .def("__exit__", [](Trace&, const py::args&) { g_graphs.pop_back(); })
      .def(
          "input",
          [](Trace& self, const std::string& dtype, py::handle dims, const std::string& name) {
            const Value value = self.graph->input({dtype_from_name(dtype), shape_of(dims)}, name);
            return wrap(*self.graph, value);
          },
          py::arg("dtype"), py::arg("dims"), py::arg("name") = "")
      .def("finish", [](Trace& self, const py::sequence& outputs) {
        self.graph->outputs.clear();
        for (py::handle output : outputs)
          self.graph->outputs.push_back(value_in(*self.graph, output));
        return self.graph;
      });
  py::class_<InitScope>(
      m, "init_scope",
      "Ops called inside the context run at once, although a function is being traced.")
      .def(py::init<>())
      .def("__enter__",
           [](py::object self) {
             g_graphs.push_back(nullptr);
             return self;
           })
      .def("__exit__", [](InitScope&, const py::args&) { g_graphs.pop_back(); });
}

}  // namespace

GraphScope::GraphScope(std::shared_ptr<Graph> graph) { g_graphs.push_back(std::move(graph)); }
GraphScope::~GraphScope() { g_graphs.pop_back(); }

Graph* current_graph() { return g_graphs.empty() ? nullptr : g_graphs.back().get(); }
std::string current_scope() { return g_scopes.empty() ? std::string() : g_scopes.back(); }

const BackendTable& default_backend() { return *backend_slot(); }

bool is_weak(py::handle object) {
  return PyFloat_Check(object.ptr()) || PyLong_Check(object.ptr());
}

py::object wrap(Graph& graph, Value value) {
  auto tensor = std::make_shared<PyTensor>();
  tensor->graph = graph.shared_from_this();
  tensor->value = value;
  return py::cast(std::move(tensor));
}

py::object wrap(Tensor tensor) {
  return py::cast(std::make_shared<PyTensor>(PyTensor{std::move(tensor), nullptr, {}}));
}

py::object read_variable(const py::object& object) {
  if (Graph* graph = current_graph()) return wrap(*graph, value_in(*graph, object));
  const VariablePtr& variable = object.cast<PyVariable&>().variable;
  Tensor value;
  {
    py::gil_scoped_release unlocked;
    value = variable->snapshot();
  }
  py::object result = wrap(std::move(value));
  if (Tape::active()) Tape::record_read(variable, result);
  return result;
}

Value value_in(Graph& graph, py::handle object, std::optional<DType> weak_dtype) {
  if (auto value = Tape::value_in(graph, object, weak_dtype)) return *value;
  if (py::isinstance<PyTensor>(object)) {
    const PyTensor& tensor = object.cast<PyTensor&>();
    if (!tensor.is_symbolic()) return graph.constant(tensor.array);
    return graph.capture(*tensor.graph, tensor.value);
  }
  if (py::isinstance<PyVariable>(object)) return graph.read(object.cast<PyVariable&>().variable);
  if (is_weak(object)) {
    const Tensor scalar = weak_scalar(object, weak_dtype.value_or(weak_default(object)));
    if (is_floating(scalar.dtype())) return graph.constant(scalar.item_as_double(), scalar.dtype());
    return graph.constant(scalar);
  }
  return graph.constant(from_python(object));
}

Tensor tensor_of(py::handle object, std::optional<DType> weak_dtype) {
  if (py::isinstance<PyTensor>(object)) {
    const PyTensor& tensor = object.cast<PyTensor&>();
    if (tensor.is_symbolic()) foreign_tensor();
    return tensor.array;
  }
  if (py::isinstance<PyVariable>(object)) {
    // A step that holds the Variable may want the interpreter's lock, to look for signals.
    const VariablePtr variable = object.cast<PyVariable&>().variable;
    py::gil_scoped_release unlocked;
    return variable->snapshot();
  }
  if (is_weak(object) && !is_numpy_scalar(object)) {
    return weak_scalar(object, weak_dtype.value_or(weak_default(object)));
  }
  if (is_weak(object)) return weak_scalar(object, weak_dtype.value_or(DType::Float64));
  return py::isinstance<py::array>(object) ? view_of(object) : from_python(object);
}

Tensor cast_tensor(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  return run_eagerly(get_op("cast"), {tensor}, {{"dtype", dtype}}).at(0);
}

void bind_trace(py::module_& m) {
  bind_contexts(m);
  m.def("call", &call, py::arg("op"), py::arg("inputs"), py::arg("attrs") = py::none());
  m.def("binary", &binary);
  m.def("result_type", [](const py::args& inputs) {
    return std::string(dtype_name(result_type(objects_of(inputs))));
  });
  m.def("convert", &convert, py::arg("x"), py::arg("dtype") = py::none());
  m.def("cast", [](const py::object& x, const std::string& dtype) {
    return with_scope([&] { return cast_object(x, dtype_from_name(dtype)); });
  });
  m.def("is_tracing", [] { return current_graph() != nullptr; });
  m.def("trace_id", [] { return current_graph() ? current_graph()->serial : uint64_t{0}; });
  m.def("gradients", &gradients_of, py::arg("ys"), py::arg("xs"), py::arg("grad_ys") = py::none(),
        py::arg("mark") = py::none());
  m.def("trace_mark", [] {
    Graph* graph = current_graph();
    return graph ? std::pair(graph->assignments.size(), static_cast<int32_t>(graph->nodes.size()))
                 : std::pair(size_t{0}, int32_t{0});
  });
  m.def("push_scope", [](std::string name) {
    if (Graph* graph = current_graph()) graph->push_scope(name);
    g_scopes.push_back(std::move(name));
  });
  m.def("pop_scope", [] {
    if (Graph* graph = current_graph()) graph->pop_scope();
    if (!g_scopes.empty()) g_scopes.pop_back();
  });
  m.def("current_scope", &current_scope);
  m.def("set_floatx", [](const std::string& name) { g_floatx = dtype_from_name(name); });
  m.def("get_backend", [] { return std::string(default_backend().name); });
  m.def("set_backend", [](const std::string& name) { backend_slot() = &find_backend(name); });
}

}  // namespace nacre::bindings
