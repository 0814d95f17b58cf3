#include "graph/executable.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/error.h"
#include "graph/lower.h"
#include "parallel/thread_pool.h"

namespace nacre {

namespace {
std::atomic<uint64_t> g_generation{0};
}  // namespace

void forget_programs() { g_generation.fetch_add(1); }

Executable::Executable(const Graph& graph, const BackendTable& backend, std::string name)
    : name_(std::move(name)), backend_(backend), input_names_(graph.input_names) {
  graph_ = lower(graph, backend);
  variables_ = program_variables(*graph_);
  writes_.assign(variables_.size(), 0);
  for (const Assignment& a : graph_->assignments) {
    auto it = std::find(variables_.begin(), variables_.end(), a.variable);
    writes_[it - variables_.begin()] = 1;
  }
  // One order for everybody, so that programs that share Variables cannot deadlock.
  for (size_t i = 0; i < variables_.size(); ++i) lock_order_.push_back(i);
  std::sort(lock_order_.begin(), lock_order_.end(),
            [&](size_t a, size_t b) { return variables_[a].get() < variables_[b].get(); });
}

std::vector<TensorType> Executable::input_types() const {
  std::vector<TensorType> types;
  for (Value value : graph_->inputs) types.push_back(graph_->type(value));
  return types;
}

Bindings Executable::bind(const std::vector<std::vector<int64_t>>& shapes) const {
  const std::string who = name_.empty() ? std::string("This function") : name_;
  if (shapes.size() != graph_->inputs.size()) {
    throw ValueError(who + ": expected " + std::to_string(graph_->inputs.size()) +
                     " inputs. Received " + std::to_string(shapes.size()) + ".");
  }
  Bindings bindings;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape& expected = graph_->type(graph_->inputs[i]).shape;
    bool fits = expected.size() == shapes[i].size();
    for (size_t axis = 0; fits && axis < expected.size(); ++axis) {
      fits = bindings.unify(expected[axis], shapes[i][axis]);
    }
    if (!fits) {
      const std::string name = i < input_names_.size() ? input_names_[i] : std::to_string(i);
      throw ValueError(who + ": expected input \"" + name + "\" of shape " + shape_str(expected) +
                       ". Received shape " + shape_str(shapes[i]) + ".");
    }
  }
  return bindings;
}

std::shared_ptr<const Program> Executable::program(const Bindings& bindings) {
  std::lock_guard guard(mutex_);
  if (const uint64_t current = g_generation.load(); generation_ != current) {
    programs_.clear();
    generation_ = current;
  }
  for (auto it = programs_.begin(); it != programs_.end(); ++it) {
    if (it->first == bindings) {
      programs_.splice(programs_.begin(), programs_, it);
      return it->second;
    }
  }
  std::shared_ptr<const Program> made = Program::bind(*graph_, backend_, bindings);
  programs_.emplace_front(bindings, made);
  if (programs_.size() > kMaxPrograms) programs_.pop_back();
  return made;
}

size_t Executable::num_programs() const {
  std::lock_guard guard(mutex_);
  return programs_.size();
}

size_t Executable::arena_bytes() const {
  std::lock_guard guard(mutex_);
  size_t bytes = 0;
  for (const auto& frame : idle_) bytes += frame->arena_bytes;
  return bytes;
}

Executable::Frame::~Frame() {
  if (arena) backend.release(arena, arena_bytes);
}

std::unique_ptr<Executable::Frame> Executable::take_frame() {
  std::lock_guard guard(mutex_);
  if (idle_.empty()) return std::make_unique<Frame>(backend_);
  std::unique_ptr<Frame> frame = std::move(idle_.back());
  idle_.pop_back();
  return frame;
}

void Executable::return_frame(std::unique_ptr<Frame> frame) {
  std::lock_guard guard(mutex_);
  if (idle_.size() < kMaxIdleFrames) idle_.push_back(std::move(frame));
}

std::vector<Tensor> Executable::run(const std::vector<Tensor>& inputs, bool (*stop)(void*),
                                    void* asker) {
  std::vector<std::vector<int64_t>> shapes;
  for (const Tensor& tensor : inputs) shapes.push_back(tensor.shape());
  Session session(*this, stop, asker);
  session.bind(bind(shapes));
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dtype() != session.program().inputs()[i].dtype) {
      throw TypeError(name_ + ": expected input " + std::to_string(i) + " of dtype " +
                      std::string(dtype_name(session.program().inputs()[i].dtype)) + ". Received " +
                      std::string(dtype_name(inputs[i].dtype())) + ".");
    }
    session.set_input(i, inputs[i].data());
  }
  std::vector<Tensor> outputs;
  for (const TensorSpec& spec : session.program().outputs()) {
    outputs.push_back(Tensor::empty(spec.dtype, spec.shape));
    session.set_output(outputs.size() - 1, outputs.back().mutable_data());
  }
  session.run();
  return outputs;
}

// Holds every Variable of an executable: shared for those it reads, exclusive for those it writes.
// A run that a signal handler starts in the middle of another one on the same thread finds some of
// them held: those it may read, as nothing is written before a step's end.
class Session::Locks {
 public:
  explicit Locks(const Executable& executable)
      : executable_(executable), nested_(HeldVariables::any()), held_(executable.variables_) {
    if (nested_) find_held();
    lock_all();
    if (all_at_home()) return;
    // Memory in another backend has to be moved, which only an exclusive holder may do.
    unlock_all();
    exclusive_ = true;
    lock_all();
    try {
      for (const VariablePtr& variable : executable_.variables_) {
        variable->move_to(executable_.backend_);
      }
    } catch (...) {
      unlock_all();
      throw;
    }
  }
  ~Locks() { unlock_all(); }
  Locks(const Locks&) = delete;
  Locks& operator=(const Locks&) = delete;

 private:
  void find_held() {
    skip_.resize(executable_.variables_.size());
    for (size_t i = 0; i < skip_.size(); ++i) {
      const Variable& variable = *executable_.variables_[i];
      skip_[i] = held_.held_outside(variable);
      if (skip_[i] && (executable_.writes_[i] || !variable.at_home(executable_.backend_))) {
        throw ValueError(
            "Variable \"" + variable.name() +
            "\": cannot be written in the middle of a step that uses it (by a signal handler).");
      }
    }
  }
  bool all_at_home() const {
    for (const VariablePtr& variable : executable_.variables_) {
      if (!variable->at_home(executable_.backend_)) return false;
    }
    return true;
  }
  void lock_all() {
    for (size_t i : executable_.lock_order_) {
      if (nested_ && skip_[i]) continue;
      RwLock& lock = executable_.variables_[i]->lock();
      exclusive_ || executable_.writes_[i] ? lock.lock() : lock.lock_shared();
    }
  }
  void unlock_all() {
    for (size_t i : executable_.lock_order_) {
      if (nested_ && skip_[i]) continue;
      RwLock& lock = executable_.variables_[i]->lock();
      exclusive_ || executable_.writes_[i] ? lock.unlock() : lock.unlock_shared();
    }
  }
  const Executable& executable_;
  bool exclusive_ = false;
  const bool nested_;
  std::vector<char> skip_;
  HeldVariables held_;
};

Session::Session(Executable& executable, bool (*stop)(void*), void* asker)
    : executable_(executable),
      frame_(executable.take_frame()),
      inputs_(executable.graph_->inputs.size()),
      outputs_(executable.graph_->outputs.size()),
      variables_(executable.variables_.size()),
      device_inputs_(inputs_.size()),
      device_outputs_(outputs_.size()),
      device_input_bytes_(inputs_.size()),
      device_output_bytes_(outputs_.size()),
      stop_(stop),
      asker_(asker) {}

Session::~Session() {
  const BackendTable& backend = executable_.backend_;
  for (size_t i = 0; i < device_inputs_.size(); ++i) {
    if (device_inputs_[i]) backend.release(device_inputs_[i], device_input_bytes_[i]);
  }
  for (size_t i = 0; i < device_outputs_.size(); ++i) {
    if (device_outputs_[i]) backend.release(device_outputs_[i], device_output_bytes_[i]);
  }
  executable_.return_frame(std::move(frame_));
}

void Session::bind(const Bindings& bindings) {
  program_ = executable_.program(bindings);
  if (frame_->prepared == program_) return;
  grow_frame();
  frame_->table.resize(program_->table_size());
  program_->prepare(frame_->table.data(), static_cast<char*>(frame_->arena));
  frame_->prepared = program_;
}

void Session::grow_frame() {
  const BackendTable& backend = executable_.backend_;
  const size_t bytes = std::max<size_t>(program_->arena_bytes(), 1);
  if (frame_->arena_bytes >= bytes) return;
  frame_->prepared = nullptr;
  if (frame_->arena) backend.release(frame_->arena, frame_->arena_bytes);
  frame_->arena = nullptr;
  frame_->arena_bytes = 0;
  frame_->arena = backend.allocate(bytes);
  frame_->arena_bytes = bytes;
}

void Session::stage_inputs() {
  const BackendTable& backend = executable_.backend_;
  auto ensure = [&](void*& memory, size_t& have, size_t want) {
    want = std::max<size_t>(want, 1);
    if (have == want) return;
    if (memory) backend.release(memory, have);
    memory = nullptr;
    memory = backend.allocate(want);
    have = want;
  };
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const size_t bytes = program_->inputs()[i].bytes();
    ensure(device_inputs_[i], device_input_bytes_[i], bytes);
    backend.copy_in(device_inputs_[i], inputs_[i], bytes);
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    ensure(device_outputs_[i], device_output_bytes_[i], program_->outputs()[i].bytes());
  }
}

namespace {

// Parallel loops that a signal can cut short: the calling thread asks between its chunks, and what
// is left is skipped. The run is then abandoned, so what the loop leaves behind does not matter.
struct StoppableLoops {
  bool (*stop)(void*);
  void* asker;
  uint32_t* status;
  std::thread::id caller;

  static void run(const KernelContext& context, int64_t chunks, void (*fn)(void*, int64_t),
                  void* arg) {
    struct Job {
      const StoppableLoops& loops;
      const KernelContext& context;
      void (*fn)(void*, int64_t);
      void* arg;
    } job{*static_cast<const StoppableLoops*>(context.pool), context, fn, arg};
    ThreadPool::instance().run(chunks, &StoppableLoops::chunk<Job>, &job);
  }

  template <class Job>
  static void chunk(void* opaque, int64_t index) {
    const Job& job = *static_cast<const Job*>(opaque);
    const StoppableLoops& loops = job.loops;
    if (__atomic_load_n(loops.status, __ATOMIC_RELAXED) & kStatusInterrupted) return;
    job.fn(job.arg, index);
    if (std::this_thread::get_id() == loops.caller && loops.stop(loops.asker)) {
      set_status(job.context, kStatusInterrupted);
    }
  }
};

}  // namespace

void Session::run(double* seconds) {
  const BackendTable& backend = executable_.backend_;
  if (!backend.host) stage_inputs();
  uint32_t status = 0;
  int64_t offender = 0;
  int32_t failed = -1;
  RunContext context;
  context.kernel = make_context(&status, &offender, nullptr);
  context.tail_kernel = make_flushing_context(&status, &offender, nullptr);
  StoppableLoops loops{stop_, asker_, &status, std::this_thread::get_id()};
  if (stop_) {
    context.kernel.parallel = &StoppableLoops::run;
    context.kernel.pool = &loops;
  }
  context.check_finite = check_finite_;
  context.seconds = seconds;
  context.stop = stop_;
  context.asker = asker_;
  context.failed_step = &failed;
  RunOperands operands;
  operands.inputs = backend.host ? inputs_.data() : const_cast<const void**>(device_inputs_.data());
  operands.outputs = (backend.host ? outputs_ : device_outputs_).data();
  operands.variables = variables_.data();
  {
    Locks locks(executable_);
    for (size_t i = 0; i < variables_.size(); ++i)
      variables_[i] = executable_.variables_[i]->data();
    program_->run(frame_->table.data(), static_cast<char*>(frame_->arena), operands, context);
    if (!status) {
      for (size_t i = 0; i < variables_.size(); ++i) {
        if (executable_.writes_[i]) executable_.variables_[i]->touched();
      }
    }
  }
  if (status) fail(status, offender, failed);
  if (backend.host) return;
  for (size_t i = 0; i < outputs_.size(); ++i) {
    backend.copy_out(outputs_[i], device_outputs_[i], program_->outputs()[i].bytes());
  }
}

void Session::fail(uint32_t status, int64_t offender, int32_t step) const {
  std::string where = program_->step_label(step);
  if (!executable_.name_.empty()) where = executable_.name_ + ": " + where;
  if (status & kStatusInterrupted) throw Interrupted("interrupted");
  if (status & kStatusBadLabel) {
    throw ValueError(where +
                     ": expected labels from 0 to the number of classes - 1. Received a label of " +
                     std::to_string(offender) + ".");
  }
  if (status & kStatusBadIndex) {
    throw ValueError(where + ": expected indices inside the axis that they index. Received index " +
                     std::to_string(offender) + ".");
  }
  if (status & kStatusNonFinite) {
    throw ValueError(where +
                     ": the first value that is not finite (NaN or infinity) appeared here.");
  }
  throw ValueError(where + ": integer division by zero.");
}

}  // namespace nacre
