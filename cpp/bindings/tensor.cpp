#include "bindings/common.h"
#include "core/error.h"

namespace nacre::bindings {
namespace {

py::tuple keras_shape(const TensorType& type) {
  py::tuple shape(type.shape.size());
  for (size_t i = 0; i < type.shape.size(); ++i) {
    shape[i] = type.shape[i].is_static() ? py::object(py::int_(type.shape[i].value())) : py::none();
  }
  return shape;
}

py::tuple dims_tuple(const TensorType& type) {
  py::tuple dims(type.shape.size());
  for (size_t i = 0; i < type.shape.size(); ++i) dims[i] = dim_to_python(type.shape[i]);
  return dims;
}

py::array numpy_of(const PyTensor& tensor) {
  if (tensor.is_symbolic()) {
    throw TypeError(
        "NumPy called on a symbolic tensor: its value does not exist while a function is being "
        "traced. Use nacre.ops, or run_eagerly=True to debug.");
  }
  return to_numpy(tensor.array);
}

void bind_dims(py::module_& m) {
  auto binary = [](auto op) {
    return [op](const Dim& a, py::handle b) { return dim_to_python(op(a, dim_of(b))); };
  };
  auto reflected = [](auto op) {
    return [op](const Dim& a, py::handle b) { return dim_to_python(op(dim_of(b), a)); };
  };
  auto add = [](const Dim& a, const Dim& b) { return a + b; };
  auto sub = [](const Dim& a, const Dim& b) { return a - b; };
  auto mul = [](const Dim& a, const Dim& b) { return a * b; };
  auto divide = [](const Dim& a, const Dim& b) {
    Dim quotient;
    if (divide_exactly(a, b, &quotient)) return quotient;
    if (b.is_static() && b.value() > 0) return floor_divide(a, b.value());
    throw ValueError("Cannot divide dimension " + a.str() + " by " + b.str() + ".");
  };
  auto same = [](const Dim& a, py::handle b) {
    const bool comparable = py::isinstance<Dim>(b) || PyLong_Check(b.ptr());
    return comparable && a == dim_of(b);
  };
  py::class_<Dim>(m, "Dim",
                  "A dimension that is not known while tracing: an expression of symbols.")
      .def_static("symbol", [](const std::string& name) { return Dim::symbol(name); })
      .def("__add__", binary(add))
      .def("__radd__", reflected(add))
      .def("__sub__", binary(sub))
      .def("__rsub__", reflected(sub))
      .def("__mul__", binary(mul))
      .def("__rmul__", reflected(mul))
      .def("__floordiv__", binary(divide))
      .def("__rfloordiv__", reflected(divide))
      .def("__neg__", [](const Dim& a) { return dim_to_python(Dim(0) - a); })
      .def("__eq__", same)
      .def("__ne__", [same](const Dim& a, py::handle b) { return !same(a, b); })
      .def("__hash__", [](const Dim& a) { return std::hash<uint32_t>()(a.expr_id()); })
      .def("__bool__", [](const Dim&) { return true; })
      .def("__str__", &Dim::str)
      .def("__repr__", &Dim::str);
  m.def("dim_max",
        [](py::handle a, py::handle b) { return dim_to_python(dim_max(dim_of(a), dim_of(b))); });
  m.def("dim_min",
        [](py::handle a, py::handle b) { return dim_to_python(dim_min(dim_of(a), dim_of(b))); });
  m.def("ceil_divide",
        [](py::handle a, int64_t b) { return dim_to_python(ceil_divide(dim_of(a), b)); });
}

}  // namespace

void bind_tensor(py::module_& m) {
  bind_dims(m);
  py::class_<PyShape>(m, "Shape").def(py::init([](py::handle dims) {
    return PyShape{shape_of(dims)};
  }));
  py::class_<PyDType>(m, "DType").def(py::init([](const std::string& name) {
    return PyDType{dtype_from_name(name)};
  }));
  py::class_<PyTensor, std::shared_ptr<PyTensor>>(
      m, "Tensor", py::dynamic_attr(), "An array, or a value of the function being traced.")
      .def(py::init([](py::handle value, py::object dtype) {
             // A copy: the tensor may outlive the array, or the caller may go on to change it.
             Tensor tensor =
                 py::isinstance<py::array>(value) ? from_python(value) : tensor_of(value);
             if (!dtype.is_none())
               tensor = cast_tensor(tensor, dtype_from_name(dtype.cast<std::string>()));
             return std::make_shared<PyTensor>(PyTensor{std::move(tensor), nullptr, {}});
           }),
           py::arg("value"), py::arg("dtype") = py::none())
      .def_property_readonly("shape", [](const PyTensor& t) { return keras_shape(t.type()); })
      .def_property_readonly("dims", [](const PyTensor& t) { return dims_tuple(t.type()); })
      .def_property_readonly(
          "dtype", [](const PyTensor& t) { return std::string(dtype_name(t.type().dtype)); })
      .def_property_readonly("ndim", [](const PyTensor& t) { return t.type().shape.size(); })
      .def_property_readonly("is_symbolic", &PyTensor::is_symbolic)
      .def("numpy", &numpy_of);
}

void bind_variable(py::module_& m) {
  auto write = [](PyVariable& self, py::handle value) {
    const TensorSpec& spec = self.variable->spec();
    if (Graph* graph = current_graph()) {
      Value next = value_in(*graph, value, spec.dtype);
      if (graph->type(next).dtype != spec.dtype)
        next = graph->op("cast", {next}, {{"dtype", spec.dtype}});
      graph->assign(self.variable, next);
      return;
    }
    const Tensor tensor = cast_tensor(tensor_of(value, spec.dtype), spec.dtype);
    py::gil_scoped_release unlocked;
    self.variable->assign(tensor);
  };
  py::class_<PyVariable, std::shared_ptr<PyVariable>>(m, "Variable", py::dynamic_attr())
      .def(py::init([](py::handle value, const std::string& name) {
             // A copy: the caller may go on to change the array.
             Tensor tensor =
                 py::isinstance<PyTensor>(value) ? tensor_of(value) : from_python(value);
             return std::make_shared<PyVariable>(
                 PyVariable{std::make_shared<Variable>(tensor, name)});
           }),
           py::arg("value"), py::arg("name") = "variable")
      .def_property_readonly("name", [](const PyVariable& v) { return v.variable->name(); })
      .def_property_readonly("shape",
                             [](const PyVariable& v) {
                               const auto& shape = v.variable->spec().shape;
                               py::tuple result(shape.size());
                               for (size_t i = 0; i < shape.size(); ++i) result[i] = shape[i];
                               return result;
                             })
      .def_property_readonly(
          "dtype",
          [](const PyVariable& v) { return std::string(dtype_name(v.variable->spec().dtype)); })
      .def_property_readonly("version", [](const PyVariable& v) { return v.variable->version(); })
      .def("numpy",
           [](PyVariable& v) {
             Tensor value;
             {
               py::gil_scoped_release unlocked;
               value = v.variable->snapshot();
             }
             return to_numpy(value);
           })
      .def("read", &read_variable)
      .def("write", write);
}

}  // namespace nacre::bindings
