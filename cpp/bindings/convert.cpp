#include <cstring>

#include "bindings/common.h"
#include "core/error.h"

namespace nacre::bindings {

TensorType PyTensor::type() const {
  if (graph) return graph->type(value);
  return {array.dtype(), Shape(array.shape().begin(), array.shape().end())};
}

DType dtype_of(const py::dtype& dtype) {
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  if (dtype.byteorder() == '>')
    throw TypeError("Expected data in native byte order. Received big-endian data.");
  if (kind == 'b') return DType::Bool;
  if (kind == 'f') {
    if (size == 2) return DType::Float16;
    if (size == 4) return DType::Float32;
    if (size == 8) return DType::Float64;
  }
  if (kind == 'i' || kind == 'u') {
    const bool u = kind == 'u';
    if (size == 1) return u ? DType::UInt8 : DType::Int8;
    if (size == 2) return u ? DType::UInt16 : DType::Int16;
    if (size == 4) return u ? DType::UInt32 : DType::Int32;
    if (size == 8) return u ? DType::UInt64 : DType::Int64;
  }
  throw TypeError("Expected numbers or booleans. Received an array of dtype " +
                  py::str(dtype).cast<std::string>() + ".");
}

py::dtype numpy_dtype(DType dtype) {
  if (dtype == DType::BFloat16) {
    throw TypeError("NumPy has no bfloat16; cast the tensor to float32 first.");
  }
  return py::dtype(std::string(dtype_name(dtype)));
}

py::array to_numpy(const Tensor& tensor) {
  std::vector<py::ssize_t> shape(tensor.shape().begin(), tensor.shape().end());
  py::array result(numpy_dtype(tensor.dtype()), shape);
  if (tensor.bytes() > 0) std::memcpy(result.mutable_data(), tensor.data(), tensor.bytes());
  return result;
}

namespace {

py::array as_array(py::handle object) {
  if (py::isinstance<py::array>(object)) return py::reinterpret_borrow<py::array>(object);
  static const py::handle asarray =
      py::object(py::module_::import("numpy").attr("asarray")).release();
  py::object result;
  try {
    result = asarray(object);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw ValueError("Expected data that forms a rectangular array. Received ragged data: " +
                     std::string(py::str(error.value())) + ".");
  }
  py::array array = py::reinterpret_borrow<py::array>(result);
  if (array.dtype().kind() == 'O') {
    throw ValueError(
        "Expected numbers. Received data of dtype object: a ragged list, None, or other Python "
        "objects.");
  }
  return array;
}

std::vector<int64_t> array_shape(const py::array& array) {
  return {array.shape(), array.shape() + array.ndim()};
}

}  // namespace

Tensor from_python(py::handle object) {
  py::array array = as_array(object);
  const DType dtype = dtype_of(array.dtype());
  if (!(array.flags() & py::array::c_style)) {
    array = py::module_::import("numpy").attr("ascontiguousarray")(array);
  }
  return Tensor::from_bytes(array.data(), dtype, array_shape(as_array(object)));
}

Tensor view_of(py::handle object) {
  py::array array = as_array(object);
  const DType dtype = dtype_of(array.dtype());
  const bool aligned = reinterpret_cast<uintptr_t>(array.data()) % dtype_size(dtype) == 0;
  if (array.ptr() != object.ptr() || !(array.flags() & py::array::c_style) || !aligned) {
    return from_python(array);
  }
  return Tensor::external(static_cast<const void*>(array.data()), dtype, array_shape(array),
                          std::shared_ptr<void>());
}

Dim dim_of(py::handle object) {
  if (py::isinstance<Dim>(object)) return object.cast<Dim>();
  if (PyLong_Check(object.ptr()) || py::hasattr(object, "__index__")) {
    const py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    if (!index) throw py::error_already_set();
    return Dim(index.cast<int64_t>());
  }
  throw TypeError("Expected an integer dimension. Received " +
                  py::repr(object).cast<std::string>() + ".");
}

py::object dim_to_python(const Dim& dim) {
  if (dim.is_static()) return py::int_(dim.value());
  return py::cast(dim);
}

Shape shape_of(py::handle sequence) {
  Shape shape;
  for (py::handle item : sequence) shape.push_back(dim_of(item));
  return shape;
}

Attrs attrs_of(const py::object& object) {
  Attrs attrs;
  if (object.is_none()) return attrs;
  for (auto [key, value] : object.cast<py::dict>()) {
    const std::string name = key.cast<std::string>();
    PyObject* raw = value.ptr();
    if (PyBool_Check(raw)) {
      attrs.set(name, raw == Py_True);
    } else if (PyLong_Check(raw)) {
      attrs.set(name, value.cast<int64_t>());
    } else if (PyFloat_Check(raw)) {
      attrs.set(name, PyFloat_AsDouble(raw));
    } else if (PyUnicode_Check(raw)) {
      attrs.set(name, value.cast<std::string>());
    } else if (py::isinstance<PyShape>(value)) {
      attrs.set(name, value.cast<PyShape&>().dims);
    } else if (py::isinstance<PyDType>(value)) {
      attrs.set(name, value.cast<PyDType&>().dtype);
    } else if (PyList_Check(raw) || PyTuple_Check(raw)) {
      std::vector<int64_t> list;
      for (py::handle item : value) list.push_back(dim_of(item).value());
      attrs.set(name, std::move(list));
    } else if (py::hasattr(value, "__index__")) {
      attrs.set(name, dim_of(value).value());
    } else {
      throw TypeError("Attribute " + name + ": unexpected " + py::repr(value).cast<std::string>() +
                      ".");
    }
  }
  return attrs;
}

}  // namespace nacre::bindings
