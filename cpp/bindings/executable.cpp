#include "bindings/common.h"
#include "bindings/run.h"
#include "core/error.h"

namespace nacre::bindings {

ArraySource source_of(const py::array& array) {
  if (array.ndim() == 0) throw ValueError("Expected an array of samples. Received a scalar.");
  ArraySource source;
  source.data = static_cast<const char*>(array.data());
  source.dtype = dtype_of(array.dtype());
  source.shape.assign(array.shape(), array.shape() + array.ndim());
  source.strides.assign(array.strides(), array.strides() + array.ndim());
  return source;
}

namespace {

// One call over whole arrays, each converted to the dtype of its input.
py::tuple call_executable(Executable& executable, const py::args& arguments) {
  const std::vector<TensorType> types = executable.input_types();
  if (arguments.size() != types.size()) {
    throw ValueError(executable.name() + ": expected " + std::to_string(types.size()) +
                     " inputs. Received " + std::to_string(arguments.size()) + ".");
  }
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < types.size(); ++i) {
    inputs.push_back(cast_tensor(tensor_of(arguments[i], types[i].dtype), types[i].dtype));
  }
  std::vector<Tensor> outputs;
  SignalPoller poller;
  try {
    py::gil_scoped_release unlocked;
    outputs = executable.run(inputs, &SignalPoller::poll_static, &poller);
  } catch (const Interrupted&) {
    poller.rethrow();
    throw;
  }
  py::tuple result(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) result[i] = wrap(std::move(outputs[i]));
  return result;
}

// Runs the executable over the samples batch by batch and puts the results one behind the other.
class BatchRunner {
 public:
  BatchRunner(Executable& executable, const py::sequence& arrays, int64_t batch_size)
      : executable_(executable),
        batch_size_(batch_size),
        session_(executable, &SignalPoller::poll_static, &poller_) {
    if (batch_size <= 0) {
      throw ValueError("batch_size: expected a positive integer. Received " +
                       std::to_string(batch_size) + ".");
    }
    types_ = executable.input_types();
    if (arrays.size() != types_.size()) {
      throw ValueError(executable.name() + ": expected " + std::to_string(types_.size()) +
                       " arrays. Received " + std::to_string(arrays.size()) + ".");
    }
    sources_.reserve(arrays.size());
    for (py::handle item : arrays)
      sources_.push_back(source_of(py::reinterpret_borrow<py::array>(item)));
    for (size_t i = 0; i < sources_.size(); ++i) {
      gathers_.emplace_back(sources_[i], types_[i].dtype);
      if (sources_[i].samples() != sources_[0].samples()) {
        throw ValueError(
            "Arrays differ in their number of samples: " + std::to_string(sources_[0].samples()) +
            " and " + std::to_string(sources_[i].samples()) + ".");
      }
    }
    samples_ = sources_.empty() ? 0 : sources_[0].samples();
    batches_.resize(types_.size());
    context_ = make_context(&status_, &offender_, nullptr);
  }

  py::list run(const py::object& on_batch) {
    const int64_t steps = (samples_ + batch_size_ - 1) / batch_size_;
    for (int64_t step = 0; step < steps; ++step) {
      const int64_t first = step * batch_size_, rows = std::min(batch_size_, samples_ - first);
      bind(rows);
      point_outputs(first, rows);
      try {
        py::gil_scoped_release unlocked;
        feed(first, rows);
        session_.run();
      } catch (const Interrupted&) {
        poller_.rethrow();
        throw;
      }
      keep_pieces();
      if (!on_batch.is_none()) on_batch(step + 1, steps);
    }
    return results(steps);
  }

 private:
  void bind(int64_t rows) {
    if (rows == bound_rows_) return;
    std::vector<std::vector<int64_t>> shapes;
    for (const ArraySource& source : sources_) shapes.push_back(source.batch_shape(rows));
    session_.bind(executable_.bind(shapes));
    for (size_t i = 0; i < types_.size(); ++i) {
      const TensorSpec& spec = session_.program().inputs()[i];
      if (gathers_[i].in_place(0)) continue;
      if (!batches_[i].defined() || batches_[i].bytes() < spec.bytes())
        batches_[i] = Tensor::empty(spec.dtype, spec.shape);
    }
    bound_rows_ = rows;
  }

  void feed(int64_t first, int64_t rows) {
    for (size_t i = 0; i < gathers_.size(); ++i) {
      const void* direct = gathers_[i].in_place(first);
      if (!direct) {
        gathers_[i].rows(nullptr, first, rows, batches_[i].mutable_data(), context_);
        direct = batches_[i].data();
      }
      session_.set_input(i, direct);
    }
  }

  // An output with one row per sample goes straight to its place in the whole result; any other is
  // kept as a piece, and the pieces are concatenated.
  void point_outputs(int64_t first, int64_t rows) {
    const std::vector<TensorSpec>& specs = session_.program().outputs();
    if (whole_.empty()) {
      for (size_t i = 0; i < specs.size(); ++i) {
        const TensorSpec& spec = specs[i];
        const bool per_sample = has_row_per_sample(i);
        std::vector<py::ssize_t> shape(spec.shape.begin(), spec.shape.end());
        if (per_sample) shape[0] = samples_;
        whole_.push_back(per_sample ? py::array(numpy_dtype(spec.dtype), shape) : py::array());
        per_sample_.push_back(per_sample);
      }
      pieces_.resize(specs.size());
      current_.resize(specs.size());
    }
    for (size_t i = 0; i < specs.size(); ++i) {
      if (per_sample_[i]) {
        const size_t row_bytes = specs[i].bytes() / static_cast<size_t>(std::max<int64_t>(rows, 1));
        session_.set_output(i, static_cast<char*>(whole_[i].mutable_data()) +
                                   static_cast<size_t>(first) * row_bytes);
      } else {
        std::vector<py::ssize_t> shape(specs[i].shape.begin(), specs[i].shape.end());
        current_[i] = py::array(numpy_dtype(specs[i].dtype), shape);
        session_.set_output(i, current_[i].mutable_data());
      }
    }
  }

  // By the types, not by this batch's sizes: a result of fixed size may happen to have as many
  // rows.
  bool has_row_per_sample(size_t output) const {
    const Graph& graph = executable_.graph();
    const Shape& shape = graph.type(graph.outputs[output]).shape;
    return !shape.empty() && !types_[0].shape.empty() && shape[0] == types_[0].shape[0];
  }

  void keep_pieces() {
    for (size_t i = 0; i < current_.size(); ++i) {
      if (!per_sample_[i]) pieces_[i].append(current_[i]);
    }
  }

  py::list results(int64_t steps) {
    py::list list;
    for (size_t i = 0; i < whole_.size(); ++i) {
      if (per_sample_[i]) {
        list.append(whole_[i]);
      } else if (steps == 1) {
        list.append(pieces_[i][0]);
      } else {
        list.append(py::module_::import("numpy").attr(
            current_[i].ndim() == 0 ? "stack" : "concatenate")(pieces_[i]));
      }
    }
    return list;
  }

  Executable& executable_;
  int64_t batch_size_, samples_ = 0, bound_rows_ = -1;
  SignalPoller poller_;
  Session session_;
  std::vector<TensorType> types_;
  std::vector<ArraySource> sources_;
  std::vector<Gather> gathers_;
  std::vector<Tensor> batches_;
  std::vector<py::array> whole_, current_;
  std::vector<py::list> pieces_;
  std::vector<bool> per_sample_;
  uint32_t status_ = 0;
  int64_t offender_ = 0;
  KernelContext context_;
};

py::list variables_where(const Executable& executable, bool written) {
  py::list list;
  for (size_t i = 0; i < executable.variables().size(); ++i) {
    if (executable.writes(i) == written) list.append(executable.variables()[i]->name());
  }
  return list;
}

std::vector<std::string> step_names(Executable& executable,
                                    const std::vector<std::vector<int64_t>>& shapes) {
  return executable.program(executable.bind(shapes))->step_names();
}

// Seconds that each step of the program takes, best of `repeats` runs, for finding what is slow.
py::list profile(Executable& executable, const py::sequence& arguments, int repeats) {
  const std::vector<TensorType> types = executable.input_types();
  std::vector<Tensor> inputs;
  std::vector<std::vector<int64_t>> shapes;
  for (size_t i = 0; i < types.size(); ++i) {
    inputs.push_back(
        cast_tensor(tensor_of(py::object(arguments[i]), types[i].dtype), types[i].dtype));
    shapes.push_back(inputs.back().shape());
  }
  Session session(executable);
  session.bind(executable.bind(shapes));
  std::vector<Tensor> outputs;
  for (size_t i = 0; i < inputs.size(); ++i) session.set_input(i, inputs[i].data());
  for (const TensorSpec& spec : session.program().outputs()) {
    outputs.push_back(Tensor::empty(spec.dtype, spec.shape));
    session.set_output(outputs.size() - 1, outputs.back().mutable_data());
  }
  const size_t steps = session.program().num_steps();
  std::vector<double> best(steps, 1e9), now(steps);
  {
    py::gil_scoped_release unlocked;
    for (int i = 0; i < repeats; ++i) {
      session.run(now.data());
      for (size_t k = 0; k < steps; ++k) best[k] = std::min(best[k], now[k]);
    }
  }
  py::list list;
  for (size_t k = 0; k < steps; ++k) {
    list.append(py::make_tuple(session.program().step_label(static_cast<int32_t>(k)), best[k]));
  }
  return list;
}

}  // namespace

bool SignalPoller::poll() {
  if (error_) return true;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(20)) return false;
  last_ = now;
  py::gil_scoped_acquire locked;
  if (PyErr_CheckSignals() == 0) return false;
  error_.emplace();
  return true;
}

void SignalPoller::rethrow() {
  if (!error_) return;
  py::error_already_set error = std::move(*error_);
  error_.reset();
  throw error;
}

void bind_executable(py::module_& m) {
  py::class_<Executable, std::shared_ptr<Executable>>(
      m, "Executable", "A traced graph, ready to run for any sizes of its symbols.")
      .def("__call__", &call_executable)
      .def_property_readonly("num_programs", &Executable::num_programs)
      .def_property_readonly("num_outputs", &Executable::num_outputs)
      .def_property_readonly("name", &Executable::name)
      .def_property_readonly("backend",
                             [](const Executable& e) { return std::string(e.backend().name); })
      .def_property_readonly(
          "input_types",
          [](const Executable& e) {
            py::list list;
            for (const TensorType& type : e.input_types()) {
              py::list dims;
              for (const Dim& dim : type.shape) dims.append(dim_to_python(dim));
              list.append(py::make_tuple(std::string(dtype_name(type.dtype)), py::tuple(dims)));
            }
            return list;
          })
      .def_property_readonly("variables_written",
                             [](const Executable& e) { return variables_where(e, true); })
      .def_property_readonly("variables_read",
                             [](const Executable& e) { return variables_where(e, false); })
      .def_property_readonly("memory",
                             [](const Executable& e) {
                               py::dict memory;
                               memory["arena"] = e.arena_bytes();
                               return memory;
                             })
      .def("graph_text", [](const Executable& e) { return e.graph().str(); })
      .def("step_names", &step_names)
      .def("profile", &profile, py::arg("inputs"), py::arg("repeats") = 100);
  m.def(
      "compile",
      [](const std::shared_ptr<Graph>& graph, const py::object& backend, const std::string& name) {
        const BackendTable& table =
            backend.is_none() ? default_backend() : find_backend(backend.cast<std::string>());
        return std::make_shared<Executable>(*graph, table, name);
      },
      py::arg("graph"), py::arg("backend") = py::none(), py::arg("name") = "");
  m.def(
      "run_batches",
      [](Executable& executable, const py::sequence& arrays, int64_t batch_size,
         const py::object& on_batch) {
        return BatchRunner(executable, arrays, batch_size).run(on_batch);
      },
      py::arg("executable"), py::arg("sources"), py::arg("batch_size"),
      py::arg("on_batch") = py::none());
}

}  // namespace nacre::bindings
