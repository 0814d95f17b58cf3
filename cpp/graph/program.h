#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/shape.h"
#include "graph/graph.h"
#include "kernels/backend.h"

namespace nacre {

// What one run needs besides the program: the machine's threads, the status word, and somebody to
// ask whether to stop.
struct RunContext {
  KernelContext kernel;  // its parallel loops may be cut short when the user asks to stop
  // For the commit tail, where nothing stops and denormal numbers are flushed.
  KernelContext tail_kernel;
  bool (*stop)(void* asker) = nullptr;
  void* asker = nullptr;
  bool check_finite = false;       // look at every result for NaN and infinity, before the commit
  double* seconds = nullptr;       // where to write how long each step took; null: nowhere
  int32_t* failed_step = nullptr;  // the step after which the status word was found set
};

// Operands of a program that change from call to call. Each points at dense memory of the size and
// dtype that the program was bound to, in the backend's memory.
struct RunOperands {
  const void* const* inputs = nullptr;
  void* const* outputs = nullptr;
  void* const* variables = nullptr;
};

// A graph bound to sizes: a flat list of kernel calls over one arena. Immutable, so that any number
// of threads may run it at once, each with an arena and a table of its own.
//
// The steps before `tail` compute; those from `tail` on write Variables. A run that is stopped, or
// whose status word is set, before the tail has changed nothing.
class Program {
 public:
  static std::shared_ptr<const Program> bind(const Graph& lowered, const BackendTable& backend,
                                             const Bindings& bindings);
  ~Program();

  size_t arena_bytes() const { return arena_bytes_; }
  size_t table_size() const { return table_size_; }
  size_t num_steps() const { return steps_.size(); }
  const std::vector<TensorSpec>& inputs() const { return inputs_; }
  const std::vector<TensorSpec>& outputs() const { return outputs_; }
  // Names of the steps in order, for tests and for people.
  std::vector<std::string> step_names() const;
  // "layer: op" of a step, for messages.
  std::string step_label(int32_t step) const;
  // Bytes of constants that the program keeps in the backend's memory.
  size_t constant_bytes() const { return constant_bytes_; }

  // Fills the pointers that do not change from run to run. `table` has table_size() entries.
  void prepare(void** table, char* arena) const;
  // Runs once; `table` was prepared for `arena`. Returns the status word.
  uint32_t run(void** table, char* arena, const RunOperands& operands,
               const RunContext& context) const;

 private:
  friend class ProgramBuilder;

  enum class Place : uint8_t { Input, Output, Variable, Constant, Arena };
  struct Location {
    Place place = Place::Arena;
    size_t index = 0;  // of the input, output, variable or constant; bytes into the arena
  };
  struct Region;
  struct Step {
    Kernel kernel;          // fn is null for regions and copies
    size_t copy_bytes = 0;  // a copy when kernel and region are null
    std::unique_ptr<Region> region;
    uint32_t table = 0;  // first operand in the table: inputs, then outputs
    uint32_t num_inputs = 0;
    size_t workspace = 0;                            // bytes into the arena
    bool poll = false;                               // ask whether to stop after this step
    std::vector<std::pair<DType, int64_t>> results;  // dtype and count of each
    std::string name, scope;
  };
  struct Patch {
    uint32_t slot;
    Location location;
  };

  Program() = default;
  bool results_finite(const Step& step, void** table) const;
  void run_timed(size_t index, void** table, char* arena, const RunContext& context) const;
  void run_step(const Step& step, void** table, char* arena, const RunContext& context) const;
  void run_scan(const Region& region, void** operands, size_t num_inputs, void** table, char* arena,
                const RunContext& context) const;
  void run_cond(const Region& region, void** operands, size_t num_inputs, void** table, char* arena,
                const RunContext& context) const;
  void run_while(const Region& region, void** operands, size_t num_inputs, void** table,
                 char* arena, const RunContext& context) const;
  static bool stopped(const RunContext& context) {
    return __atomic_load_n(context.kernel.status, __ATOMIC_RELAXED) != 0;
  }

  const BackendTable* backend_ = nullptr;
  std::vector<Step> steps_;
  size_t tail_ = 0;
  bool writes_ = false;                 // Variables
  std::vector<Patch> fixed_, patches_;  // filled once, filled at every run
  std::vector<void*> constants_;
  std::vector<size_t> constant_sizes_;
  std::vector<TensorSpec> inputs_, outputs_;
  size_t arena_bytes_ = 0, table_size_ = 0, constant_bytes_ = 0;
};

// The Variables of a graph, in the order of RunOperands::variables.
std::vector<VariablePtr> program_variables(const Graph& graph);

}  // namespace nacre
