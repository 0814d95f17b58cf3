#include "graph/program.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <shared_mutex>
#include <utility>

#include "core/denormals.h"
#include "graph/program_region.h"

namespace nacre {
namespace {

// Steps of a loop between two looks for a signal; a step takes at most a few milliseconds, or looks
// itself.
constexpr int64_t kPollSteps = 8;

}  // namespace

Program::~Program() {
  for (size_t i = 0; i < constants_.size(); ++i) {
    backend_->release(constants_[i], constant_sizes_[i]);
  }
}

std::vector<std::string> Program::step_names() const {
  std::vector<std::string> names;
  for (const Step& step : steps_) names.push_back(step.name);
  return names;
}

std::string Program::step_label(int32_t step) const {
  if (step < 0 || step >= static_cast<int32_t>(steps_.size())) return {};
  const Step& s = steps_[step];
  return s.scope.empty() ? s.name : s.scope + ": " + s.name;
}

void Program::prepare(void** table, char* arena) const {
  for (const Patch& patch : fixed_) {
    table[patch.slot] = patch.location.place == Place::Arena ? arena + patch.location.index
                                                             : constants_[patch.location.index];
  }
  for (const Step& step : steps_) {
    if (!step.region) continue;
    for (const Region::Part& part : step.region->parts) {
      part.program->prepare(table + part.table, arena + part.arena);
    }
  }
}

uint32_t Program::run(void** table, char* arena, const RunOperands& operands,
                      const RunContext& context) const {
  for (const Patch& patch : patches_) {
    const size_t index = patch.location.index;
    switch (patch.location.place) {
      case Place::Input:
        table[patch.slot] = const_cast<void*>(operands.inputs[index]);
        break;
      case Place::Output:
        table[patch.slot] = operands.outputs[index];
        break;
      default:
        table[patch.slot] = operands.variables[index];
    }
  }
  for (size_t i = 0; i < tail_; ++i) {
    run_timed(i, table, arena, context);
    if (steps_[i].poll && context.stop && context.stop(context.asker)) {
      set_status(context.kernel, kStatusInterrupted);
    }
    if (context.check_finite && !results_finite(steps_[i], table)) {
      set_status(context.kernel, kStatusNonFinite);
    }
    if (stopped(context)) {
      *context.failed_step = static_cast<int32_t>(i);
      return *context.kernel.status;
    }
  }
  // Nothing stops a run from here on: Variables are being written.
  RunContext tail = context;
  tail.kernel = context.tail_kernel;
  std::shared_lock commit(commit_lock(), std::defer_lock);
  if (writes_) commit.lock();
  const FlushDenormals flush;
  for (size_t i = tail_; i < steps_.size(); ++i) run_timed(i, table, arena, tail);
  return *context.kernel.status;
}

namespace {

template <class T>
bool all_finite(const void* memory, int64_t count) {
  const T* values = static_cast<const T*>(memory);
  return std::all_of(values, values + count, [](T value) { return std::isfinite(value); });
}

}  // namespace

// A debugging aid, so it reads every result once more; only on backends in host memory.
bool Program::results_finite(const Step& step, void** table) const {
  if (!backend_->host) return true;
  void** results = table + step.table + step.num_inputs;
  for (size_t i = 0; i < step.results.size(); ++i) {
    const auto [dtype, count] = step.results[i];
    if (dtype == DType::Float32 && !all_finite<float>(results[i], count)) return false;
    if (dtype == DType::Float64 && !all_finite<double>(results[i], count)) return false;
  }
  return true;
}

void Program::run_timed(size_t index, void** table, char* arena, const RunContext& context) const {
  if (!context.seconds) return run_step(steps_[index], table, arena, context);
  const auto start = std::chrono::steady_clock::now();
  run_step(steps_[index], table, arena, context);
  context.seconds[index] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void Program::run_step(const Step& step, void** table, char* arena,
                       const RunContext& context) const {
  void** operands = table + step.table;
  void** outputs = operands + step.num_inputs;
  if (step.kernel.fn) {
    KernelContext kernel = context.kernel;
    kernel.workspace = arena + step.workspace;
    step.kernel.fn(step.kernel.params.get(), operands, outputs, kernel);
  } else if (!step.region) {
    backend_->copy(outputs[0], operands[0], step.copy_bytes);
  } else if (step.region->kind == Region::Kind::Scan) {
    run_scan(*step.region, operands, step.num_inputs, table, arena, context);
  } else if (step.region->kind == Region::Kind::Cond) {
    run_cond(*step.region, operands, step.num_inputs, table, arena, context);
  } else {
    run_while(*step.region, operands, step.num_inputs, table, arena, context);
  }
}

void Program::run_scan(const Region& region, void** operands, size_t num_inputs, void** table,
                       char* arena, const RunContext& context) const {
  const Region::Part& part = region.parts[0];
  void** results = operands + num_inputs;
  std::vector<const void*> inputs(operands, operands + num_inputs);
  std::vector<void*> outputs(region.carries + region.y_bytes.size());
  for (int64_t step = 0; step < region.length; ++step) {
    const int64_t t = region.reverse ? region.length - 1 - step : step;
    // Carries alternate between two places so that the last step writes the result itself.
    const bool into_result = (region.length - 1 - step) % 2 == 0;
    for (size_t i = 0; i < region.carries; ++i) {
      outputs[i] = into_result ? results[i] : arena + region.spare[i];
    }
    for (size_t i = 0; i < region.scanned; ++i) {
      inputs[region.carries + i] =
          static_cast<const char*>(operands[region.carries + i]) + t * region.x_bytes[i];
    }
    for (size_t i = 0; i < region.y_bytes.size(); ++i) {
      outputs[region.carries + i] =
          static_cast<char*>(results[region.carries + i]) + t * region.y_bytes[i];
    }
    const RunOperands call{inputs.data(), outputs.data(), nullptr};
    part.program->run(table + part.table, arena + part.arena, call, context);
    for (size_t i = 0; i < region.carries; ++i) inputs[i] = outputs[i];
    if (stopped(context)) return;
    if (step % kPollSteps == kPollSteps - 1 && context.stop && context.stop(context.asker)) {
      set_status(context.kernel, kStatusInterrupted);
      return;
    }
  }
  if (region.length == 0) {
    for (size_t i = 0; i < region.carries; ++i) {
      backend_->copy(results[i], operands[i], region.carry_bytes[i]);
    }
  }
}

void Program::run_cond(const Region& region, void** operands, size_t num_inputs, void** table,
                       char* arena, const RunContext& context) const {
  bool taken = false;
  backend_->copy_out(&taken, operands[0], sizeof(bool));
  const Region::Part& part = region.parts[taken ? 0 : 1];
  const RunOperands call{const_cast<const void* const*>(operands + 1), operands + num_inputs,
                         nullptr};
  part.program->run(table + part.table, arena + part.arena, call, context);
}

void Program::run_while(const Region& region, void** operands, size_t num_inputs, void** table,
                        char* arena, const RunContext& context) const {
  std::vector<const void*> inputs(operands, operands + num_inputs);
  std::vector<void*> outputs(region.carries);
  void* predicate = arena + region.predicate;
  for (int64_t step = 0;; ++step) {
    const RunOperands test{inputs.data(), &predicate, nullptr};
    const Region::Part& condition = region.parts[0];
    condition.program->run(table + condition.table, arena + condition.arena, test, context);
    if (stopped(context)) return;
    bool more = false;
    backend_->copy_out(&more, predicate, sizeof(bool));
    if (!more) break;
    for (size_t i = 0; i < region.carries; ++i) {
      outputs[i] = arena + (step % 2 == 0 ? region.spare[i] : region.second_spare[i]);
    }
    const RunOperands call{inputs.data(), outputs.data(), nullptr};
    const Region::Part& body = region.parts[1];
    body.program->run(table + body.table, arena + body.arena, call, context);
    for (size_t i = 0; i < region.carries; ++i) inputs[i] = outputs[i];
    if (stopped(context)) return;
    if (step % kPollSteps == kPollSteps - 1 && context.stop && context.stop(context.asker)) {
      set_status(context.kernel, kStatusInterrupted);
      return;
    }
  }
  void** results = operands + num_inputs;
  for (size_t i = 0; i < region.carries; ++i) {
    backend_->copy(results[i], inputs[i], region.carry_bytes[i]);
  }
}

}  // namespace nacre
