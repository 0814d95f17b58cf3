#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/program.h"

namespace nacre {

// A traced graph made ready for one backend, with a bounded cache of programs, one per set of
// sizes. Safe to use from many threads: each run takes a frame (arena and table) of its own.
class Executable {
 public:
  // Programs kept; the least recently used goes first.
  static constexpr size_t kMaxPrograms = 32;

  Executable(const Graph& graph, const BackendTable& backend, std::string name);

  const std::string& name() const { return name_; }
  const BackendTable& backend() const { return backend_; }
  const Graph& graph() const { return *graph_; }
  std::vector<TensorType> input_types() const;
  const std::vector<std::string>& input_names() const { return input_names_; }
  size_t num_outputs() const { return graph_->outputs.size(); }
  const std::vector<VariablePtr>& variables() const { return variables_; }
  bool writes(size_t variable) const { return writes_[variable]; }

  // Finds the symbols' values from the shapes of the inputs. Throws ValueError when they do not
  // fit.
  Bindings bind(const std::vector<std::vector<int64_t>>& shapes) const;
  std::shared_ptr<const Program> program(const Bindings& bindings);
  size_t num_programs() const;
  size_t arena_bytes() const;  // of idle frames

  // Runs once over host tensors of the inputs' exact dtypes.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, bool (*stop)(void*) = nullptr,
                          void* asker = nullptr);

 private:
  friend class Session;
  struct Frame {
    explicit Frame(const BackendTable& b) : backend(b) {}
    ~Frame();
    const BackendTable& backend;
    void* arena = nullptr;
    size_t arena_bytes = 0;
    std::vector<void*> table;
    std::shared_ptr<const Program> prepared;  // the program the table was filled for
  };
  static constexpr size_t kMaxIdleFrames = 4;

  std::unique_ptr<Frame> take_frame();
  void return_frame(std::unique_ptr<Frame> frame);

  std::string name_;
  const BackendTable& backend_;
  std::shared_ptr<Graph> graph_;
  std::vector<std::string> input_names_;
  std::vector<VariablePtr> variables_;
  std::vector<char> writes_;
  std::vector<size_t> lock_order_;
  mutable std::mutex mutex_;
  uint64_t generation_ = 0;  // of the choice of kernels that programs_ were bound with
  std::list<std::pair<Bindings, std::shared_ptr<const Program>>> programs_;
  std::vector<std::unique_ptr<Frame>> idle_;
};

// Makes every executable bind its programs anew, because other kernels were chosen.
void forget_programs();

// A sequence of runs from one thread: a frame, and the pointers for the next run.
class Session {
 public:
  explicit Session(Executable& executable, bool (*stop)(void*) = nullptr, void* asker = nullptr);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Chooses the program for these sizes.
  void bind(const Bindings& bindings);
  const Program& program() const { return *program_; }
  // Host memory that the next runs read from and write to; sizes as program().inputs()/outputs().
  void set_input(size_t index, const void* host) { inputs_[index] = host; }
  void set_output(size_t index, void* host) { outputs_[index] = host; }
  // Whether runs look for NaN and infinity in every result and stop at the first.
  void check_finite(bool check) { check_finite_ = check; }
  // Runs one step. Throws ValueError for bad labels and indices, Interrupted when asked to stop; no
  // Variable has changed then. `seconds`, if given, gets the time of each of the program's steps.
  void run(double* seconds = nullptr);

 private:
  class Locks;
  void grow_frame();
  void stage_inputs();
  [[noreturn]] void fail(uint32_t status, int64_t offender, int32_t step) const;

  Executable& executable_;
  std::unique_ptr<Executable::Frame> frame_;
  std::shared_ptr<const Program> program_;
  std::vector<const void*> inputs_;
  std::vector<void*> outputs_;
  std::vector<void*> variables_;
  // Only for backends whose memory the host cannot touch.
  std::vector<void*> device_inputs_, device_outputs_;
  std::vector<size_t> device_input_bytes_, device_output_bytes_;
  bool (*stop_)(void*);
  void* asker_;
  bool check_finite_ = false;
};

}  // namespace nacre
