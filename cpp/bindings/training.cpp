#include <cstring>

#include "bindings/common.h"
#include "bindings/run.h"
#include "core/error.h"
#include "training/epoch_loop.h"

namespace nacre::bindings {
namespace {

// A phase, and the arrays that keep its memory alive.
struct PyPhase {
  Phase phase;
  py::list arrays;
};

// NumPy's global generator.
bool load_numpy_generator(NumpyGenerator& generator) {
  const py::tuple state = py::module_::import("numpy.random").attr("get_state")();
  if (state[0].cast<std::string>() != "MT19937") return false;
  const auto key =
      state[1].cast<py::array_t<uint32_t, py::array::c_style | py::array::forcecast>>();
  std::memcpy(generator.key.data(), key.data(), sizeof(generator.key));
  generator.position = state[2].cast<int32_t>();
  return true;
}

void store_numpy_generator(const NumpyGenerator& generator) {
  const py::module_ random = py::module_::import("numpy.random");
  const py::tuple before = random.attr("get_state")();
  py::array_t<uint32_t> key(624);
  std::memcpy(key.mutable_data(), generator.key.data(), sizeof(generator.key));
  random.attr("set_state")(
      py::make_tuple(before[0], key, generator.position, before[3], before[4]));
}

py::list list_of(const Logs& logs) {
  py::list list;
  for (double value : logs) list.append(value);
  return list;
}

// Calls the hooks of a Python object. The loop runs without the interpreter's lock.
class PyListener : public Listener {
 public:
  PyListener(const py::object& hooks, double interval) : hooks_(hooks) {
    progress_interval = interval;
    wants_epochs = has("on_epoch_begin") || has("on_epoch_end");
    wants_batches = has("on_batch_begin") || has("on_batch_end");
    wants_progress = has("on_progress");
    wants_validation = has("on_validation_begin") || has("on_validation_end");
    wants_validation_batches = has("on_validation_batch_begin") || has("on_validation_batch_end");
  }

  void epoch_begin(int64_t epoch) override { call("on_epoch_begin", epoch); }
  bool epoch_end(int64_t epoch, const Logs& logs, const Logs* validation) override {
    py::gil_scoped_acquire locked;
    if (!has("on_epoch_end")) return false;
    const py::object val = validation ? py::object(list_of(*validation)) : py::none();
    return truthy(hooks_.attr("on_epoch_end")(epoch, list_of(logs), val));
  }
  void batch_begin(int64_t step) override { call("on_batch_begin", step); }
  bool batch_end(int64_t step, const Logs& logs) override {
    py::gil_scoped_acquire locked;
    return has("on_batch_end") && truthy(hooks_.attr("on_batch_end")(step, list_of(logs)));
  }
  void progress(int64_t step, int64_t steps, const Logs& logs) override {
    py::gil_scoped_acquire locked;
    hooks_.attr("on_progress")(step, steps, list_of(logs));
  }
  void validation_begin() override { call("on_validation_begin"); }
  void validation_end(const Logs& logs) override {
    py::gil_scoped_acquire locked;
    if (has("on_validation_end")) hooks_.attr("on_validation_end")(list_of(logs));
  }
  void validation_batch_begin(int64_t step) override { call("on_validation_batch_begin", step); }
  void validation_batch_end(int64_t step, const Logs& logs) override {
    py::gil_scoped_acquire locked;
    if (has("on_validation_batch_end")) hooks_.attr("on_validation_batch_end")(step, list_of(logs));
  }
  void nonfinite(int64_t epoch, int64_t step) override { call("on_nonfinite", epoch, step); }
  bool interrupted() override { return poller_.poll(); }
  void load_generator(NumpyGenerator& generator) override {
    py::gil_scoped_acquire locked;
    if (!load_numpy_generator(generator)) {
      throw ValueError("shuffle: expected NumPy's global generator to be MT19937, its default.");
    }
  }
  void store_generator(const NumpyGenerator& generator) override {
    py::gil_scoped_acquire locked;
    store_numpy_generator(generator);
  }
  SignalPoller& poller() { return poller_; }

 private:
  static bool truthy(const py::object& object) {
    const int result = PyObject_IsTrue(object.ptr());
    if (result < 0) throw py::error_already_set();
    return result == 1;
  }
  bool has(const char* name) const {
    return !hooks_.is_none() && !py::object(py::getattr(hooks_, name, py::none())).is_none();
  }
  template <class... Args>
  void call(const char* name, Args... args) {
    py::gil_scoped_acquire locked;
    if (has(name)) hooks_.attr(name)(args...);
  }

  py::object hooks_;
  SignalPoller poller_;
};

py::array log_array(const std::vector<Logs>& logs, size_t width) {
  py::array_t<double> result(
      {static_cast<py::ssize_t>(logs.size()), static_cast<py::ssize_t>(width)});
  for (size_t i = 0; i < logs.size(); ++i) {
    std::memcpy(result.mutable_data(static_cast<py::ssize_t>(i), 0), logs[i].data(),
                width * sizeof(double));
  }
  return result;
}

py::dict result_dict(const FitResult& result, const PyPhase& train, const PyPhase* validation) {
  py::dict dict;
  dict["logs"] = log_array(result.logs, train.phase.executable->num_outputs());
  dict["val_logs"] = validation ? py::object(log_array(result.validation_logs,
                                                       validation->phase.executable->num_outputs()))
                                : py::none();
  dict["val_epochs"] = py::cast(result.validation_epochs);
  return dict;
}

Shuffle shuffle_of(const std::string& name) {
  if (name == "none") return Shuffle::None;
  if (name == "global") return Shuffle::Global;
  if (name == "batch") return Shuffle::Batch;
  throw ValueError("shuffle: expected none, global or batch. Received " + name + ".");
}

py::dict fit(PyPhase& train, PyPhase* validation, int64_t initial_epoch, int64_t epochs,
             const std::string& shuffle, const py::object& validation_freq, const py::object& hooks,
             double progress_interval) {
  FitOptions options;
  options.initial_epoch = initial_epoch;
  options.epochs = epochs;
  options.shuffle = shuffle_of(shuffle);
  if (py::isinstance<py::int_>(validation_freq)) {
    options.validation_every = validation_freq.cast<int64_t>();
  } else if (!validation_freq.is_none()) {
    options.validation_epochs = validation_freq.cast<std::vector<int64_t>>();
  }
  PyListener listener(hooks, progress_interval);
  FitResult result;
  auto partial = [&](py::error_already_set& error) {
    py::object value = error.value();
    if (value.ptr()) value.attr("nacre_partial") = result_dict(result, train, validation);
  };
  try {
    {
      py::gil_scoped_release unlocked;
      run_epochs(train.phase, validation ? &validation->phase : nullptr, options, listener, result);
    }
    // Python would raise for a signal as soon as this returns, and the result would be lost.
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  } catch (const Interrupted&) {
    try {
      listener.poller().rethrow();
    } catch (py::error_already_set& error) {
      partial(error);
      throw;
    }
    throw;
  } catch (const ValueError& problem) {  // a bad label, say: the epochs before it are kept
    PyErr_SetString(PyExc_ValueError, problem.what());
    py::error_already_set error;
    partial(error);
    throw error;
  } catch (py::error_already_set& error) {
    partial(error);
    throw;
  }
  return result_dict(result, train, validation);
}

py::list run_once(PyPhase& phase, const py::object& hooks, double progress_interval) {
  PyListener listener(hooks, progress_interval);
  Logs logs;
  try {
    py::gil_scoped_release unlocked;
    logs = run_phase(phase.phase, listener);
  } catch (const Interrupted&) {
    listener.poller().rethrow();
    throw;
  }
  return list_of(logs);
}

}  // namespace

void bind_training(py::module_& m) {
  py::class_<PyPhase>(m, "Phase",
                      "An executable that returns scalar logs, and the arrays that feed it.")
      .def(py::init([](std::shared_ptr<Executable> executable, const py::list& sources,
                       int64_t batch_size, const py::list& reset, const py::object& steps,
                       int64_t loss_output, bool check_finite) {
             PyPhase self;
             self.phase.executable = std::move(executable);
             self.arrays = sources;
             for (py::handle array : sources) {
               self.phase.sources.push_back(source_of(py::reinterpret_borrow<py::array>(array)));
             }
             self.phase.batch_size = batch_size;
             self.phase.steps = steps.is_none() ? 0 : steps.cast<int64_t>();
             for (py::handle variable : reset)
               self.phase.reset.push_back(variable.cast<PyVariable&>().variable);
             self.phase.loss_output = loss_output;
             self.phase.check_finite = check_finite;
             return self;
           }),
           py::arg("executable"), py::arg("sources"), py::arg("batch_size"),
           py::arg("reset") = py::list(), py::arg("steps") = py::none(),
           py::arg("loss_output") = -1, py::arg("check_finite") = false);
  m.def("run_epochs", &fit, py::arg("train"), py::arg("validation") = nullptr,
        py::arg("initial_epoch") = 0, py::arg("epochs") = 1, py::arg("shuffle") = "none",
        py::arg("validation_freq") = py::none(), py::arg("hooks") = py::none(),
        py::arg("progress_interval") = 0.05);
  m.def("run_phase", &run_once, py::arg("phase"), py::arg("hooks") = py::none(),
        py::arg("progress_interval") = 0.05);
  m.def("numpy_permutation", [](int64_t n) {
    NumpyGenerator generator;
    if (!load_numpy_generator(generator))
      throw ValueError("NumPy's global generator is not MT19937.");
    py::array_t<int64_t> order(n);
    generator.permutation(0, n, order.mutable_data());
    store_numpy_generator(generator);
    return order;
  });
}

}  // namespace nacre::bindings
