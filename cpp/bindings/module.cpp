#include "bindings/common.h"
#include "core/error.h"

namespace {

namespace py = pybind11;

// The core's errors as the Python exceptions of the same names.
void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const nacre::ValueError& e) {
    PyErr_SetString(PyExc_ValueError, e.what());
  } catch (const nacre::TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const nacre::MemoryError& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const nacre::Interrupted& e) {
    PyErr_SetString(PyExc_KeyboardInterrupt, e.what());
  }
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "The C++ core of Nacre.";
  py::register_exception_translator(&translate);
  nacre::bindings::bind_tensor(m);
  nacre::bindings::bind_variable(m);
  nacre::bindings::bind_trace(m);
  nacre::bindings::bind_regions(m);
  nacre::bindings::bind_tape(m);
  nacre::bindings::bind_executable(m);
  nacre::bindings::bind_training(m);
  nacre::bindings::bind_image(m);
  nacre::bindings::bind_system(m);
}
