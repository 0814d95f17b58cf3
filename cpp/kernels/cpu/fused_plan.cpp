#include "kernels/cpu/fused_plan.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/cpu/elementwise_generic.h"
#include "kernels/cpu/isa.h"

namespace nacre::cpu {
namespace {

// How an input of `shape` is read by a program of shape `full`.
PlanInput plan_input(const TensorSpec& spec, const std::vector<int64_t>& full, int reg) {
  PlanInput input{};
  input.size = static_cast<uint8_t>(dtype_size(spec.dtype));
  input.reg = static_cast<int16_t>(reg);
  const size_t offset = full.size() - spec.shape.size();
  std::vector<int64_t> dims, strides;  // innermost first
  int64_t stride = 1;
  for (size_t i = full.size(); i-- > 0;) {
    const int64_t size = full[i];
    const int64_t own = i >= offset ? spec.shape[i - offset] : 1;
    const int64_t step = own == 1 ? 0 : stride;
    stride *= own;
    if (size == 1) continue;
    const bool joins = !dims.empty() && step == strides.back() * (strides.back() ? dims.back() : 1);
    if (joins) {
      dims.back() *= size;
    } else {
      dims.push_back(size);
      strides.push_back(step);
    }
  }
  if (dims.empty() || (dims.size() == 1 && strides[0] == 0)) {
    input.access = Access::Uniform;
  } else if (dims.size() == 1) {
    input.access = Access::Contiguous;
  } else {
    input.access = Access::Gathered;
    input.dims.assign(dims.rbegin(), dims.rend());
    input.strides.assign(strides.rbegin(), strides.rend());
    if (dims.size() == 2 && strides[0] == 1 && dims[0] <= 256) {
      input.access = Access::Periodic;
      input.period = dims[0];
    }
  }
  return input;
}

template <class Fn>
void for_results(const PlanStep& step, Fn&& fn) {
  fn(step.dst);
  for (const int16_t reg : step.more) {
    if (reg >= 0) fn(reg);
  }
}

// Rough nanoseconds for one element.
double step_cost(const PlanStep& step, bool narrow) {
  if (step.pattern) return step.op == MicroOp::sub ? 0.3 : 0.1;
  switch (step.op) {
    case MicroOp::lgamma:
    case MicroOp::digamma:
      return 30;
    case MicroOp::floor:
    case MicroOp::ceil:
    case MicroOp::round:
    case MicroOp::trunc:
      return narrow ? 0.1 : 1;
    case MicroOp::sqrt:
    case MicroOp::div:
      return narrow ? 0.2 : 1;
#define NACRE_CASE(name) case MicroOp::name:
      NACRE_TRANSCENDENTAL_MICRO_OPS(NACRE_CASE)
#undef NACRE_CASE
      return narrow ? 0.5 : 10;
    case MicroOp::mod:
    case MicroOp::floordiv:
      return 6;
    default:
      return narrow ? 0.1 : 0.4;
  }
}

class Planner {
 public:
  explicit Planner(const FusedProgram& program) : program_(program) {}

  FusedPlan make() {
    plan_.count = element_count(program_.shape);
    plan_.registers = static_cast<int>(program_.inputs.size() + program_.code.size());
    plan_.scalar = plan_.count == 1;
    classify();
    split_steps();
    place_outputs();
    assign_buffers();
    return std::move(plan_);
  }

 private:
  int inputs() const { return static_cast<int>(program_.inputs.size()); }

  void classify() {
    dtype_.resize(plan_.registers);
    uniform_.resize(plan_.registers);
    for (int i = 0; i < inputs(); ++i) {
      plan_.inputs.push_back(plan_input(program_.inputs[i], program_.shape, i));
      dtype_[i] = program_.inputs[i].dtype;
      uniform_[i] = plan_.inputs[i].access == Access::Uniform;
    }
    for (const Instruction& ins : program_.code) {
      dtype_[ins.dst] = ins.dtype;
      uniform_[ins.dst] =
          uniform_[ins.a] && (ins.b < 0 || uniform_[ins.b]) && (ins.c < 0 || uniform_[ins.c]);
    }
  }

  PlanStep step_of(const Instruction& ins) const {
    const IsaTable& isa = active_isa();
    PlanStep step{};
    // `where` works on its second operand's type, everything else on its first's.
    const DType operand = dtype_[ins.op == MicroOp::where ? ins.b : ins.a];
    step.fn = ins.op == MicroOp::cast ? find_cast(isa, dtype_[ins.a], ins.dtype)
                                      : find_micro_op(isa, ins.op, operand);
    if (!step.fn) throw InternalError("elementwise program with an op that has no kernel");
    step.dst = static_cast<int16_t>(ins.dst);
    step.op = ins.op;
    for (int16_t& operand : step.in) operand = static_cast<int16_t>(ins.a);
    if (ins.b >= 0) step.in[1] = static_cast<int16_t>(ins.b);
    if (ins.c >= 0) step.in[2] = static_cast<int16_t>(ins.c);
    if ((ins.op == MicroOp::floordiv || ins.op == MicroOp::mod) && is_integer(operand)) {
      step.divisor_size = static_cast<uint8_t>(dtype_size(operand));
    }
    return step;
  }

  void split_steps() {
    for (const Instruction& ins : program_.code) {
      (uniform_[ins.dst] ? plan_.uniform_steps : plan_.steps).push_back(step_of(ins));
    }
    std::vector<bool> narrow;
    for (const DType dtype : dtype_) narrow.push_back(dtype == DType::Float32);
    match_patterns(*active_isa().elementwise, narrow, program_.outputs, &plan_.steps);
    double per_element = 0;
    for (const PlanStep& step : plan_.steps) per_element += step_cost(step, narrow[step.in[0]]);
    for (const PlanInput& input : plan_.inputs) {
      per_element += input.access == Access::Gathered ? 0.4 : 0.05;
    }
    plan_.cost = 20 + per_element * static_cast<double>(plan_.count) +
                 4 * static_cast<double>(program_.code.size());
  }

  // An output is written straight to memory by the step that defines it, unless that is impossible
  // (copy), or the memory may be that of an input which a later step still reads (hazards).
  void place_outputs() {
    std::vector<bool> taken(plan_.registers, false);
    for (const int reg : program_.outputs) {
      PlanOutput output{};
      output.reg = static_cast<int16_t>(reg);
      output.size = static_cast<uint8_t>(dtype_size(dtype_[reg]));
      output.copy = reg < inputs() || uniform_[reg] || taken[reg];
      taken[reg] = true;
      for (int i = 0; i < inputs(); ++i) {
        if (plan_.inputs[i].access != Access::Contiguous) continue;
        if (!output.copy && read_after(i, reg)) {
          output.hazards.push_back(static_cast<int16_t>(i));
        }
      }
      plan_.outputs.push_back(std::move(output));
    }
  }
  bool is_output(int reg) const {
    return std::find(program_.outputs.begin(), program_.outputs.end(), reg) !=
           program_.outputs.end();
  }

  // Whether input i is read by a step after the one defining `reg`.
  bool read_after(int i, int reg) const {
    bool defined = false;
    for (const PlanStep& step : plan_.steps) {
      const bool reads = std::find(step.in, step.in + kMaxOperands, i) != step.in + kMaxOperands;
      if (defined && reads) return true;
      if (step.dst == reg || step.more[0] == reg || step.more[1] == reg) defined = true;
    }
    return is_output(i);  // copied at the end of the tile
  }

  // Linear scan over the steps. A buffer holds a tile of the widest element.
  void assign_buffers() {
    if (plan_.scalar || plan_.count == 0) return;
    std::vector<int> last(plan_.registers, -1);
    const int steps = static_cast<int>(plan_.steps.size());
    for (int s = 0; s < steps; ++s) {
      for (const int16_t reg : plan_.steps[s].in) last[reg] = s;
    }
    for (const int reg : program_.outputs) last[reg] = steps;  // copied after the last step
    std::vector<int> place(plan_.registers, -1);
    int count = 0;
    std::vector<int> unused;
    auto take = [&](int reg) {
      if (unused.empty()) unused.push_back(count++);
      place[reg] = unused.back();
      unused.pop_back();
    };
    std::vector<bool> released(plan_.registers, false);
    for (int r = 0; r < plan_.registers; ++r) {
      if (uniform_[r] && last[r] >= 0) take(r);  // spread once, kept
    }
    for (const PlanInput& input : plan_.inputs) {
      if (input.access == Access::Gathered || input.access == Access::Periodic) take(input.reg);
    }
    for (int s = 0; s < steps; ++s) {
      const PlanStep& step = plan_.steps[s];
      for_results(step, take);
      for (const int16_t reg : step.in) {
        const bool temporary = reg >= inputs() && !uniform_[reg];
        if (temporary && last[reg] == s && !released[reg]) {
          unused.push_back(place[reg]);
          released[reg] = true;
        }
      }
    }
    choose_tile(count);
    const int64_t stride = buffer_stride();
    auto offset = [&](int reg) { return static_cast<int32_t>(place[reg] * stride); };
    for (PlanInput& input : plan_.inputs) {
      if (input.access != Access::Contiguous && input.access != Access::Uniform) {
        input.buffer = offset(input.reg);
      }
    }
    for (int r = 0; r < plan_.registers; ++r) {
      if (uniform_[r] && last[r] >= 0) {
        plan_.spreads.push_back(
            {static_cast<int16_t>(r), static_cast<uint8_t>(dtype_size(dtype_[r])), offset(r)});
      }
    }
    for (const PlanStep& step : plan_.steps) {
      for_results(step, [&](int16_t reg) { plan_.buffers.emplace_back(reg, offset(reg)); });
    }
  }

  int64_t widest() const {
    size_t widest = 1;
    for (const DType dtype : dtype_) widest = std::max(widest, dtype_size(dtype));
    return static_cast<int64_t>(widest);
  }
  int64_t longest_period() const {
    int64_t longest = 0;
    for (const PlanInput& input : plan_.inputs) longest = std::max(longest, input.period);
    return longest;
  }
  // Periodic buffers are read from any offset within the period.
  int64_t buffer_stride() const {
    const int64_t bytes = (plan_.tile + longest_period() + kTilePad) * widest();
    return (bytes + 63) / 64 * 64;
  }

  void choose_tile(int buffers) {
    for (plan_.tile = 512; plan_.tile > 64; plan_.tile /= 2) {
      if (buffers * buffer_stride() <= kScratchBytes) return;
    }
    // Few programs are this wide; those that are read short periods like any other input.
    if (buffers * buffer_stride() > kScratchBytes) {
      for (PlanInput& input : plan_.inputs) {
        if (input.access == Access::Periodic) input.access = Access::Gathered;
        input.period = 0;
      }
    }
    while (plan_.tile > 16 && buffers * buffer_stride() > kScratchBytes) plan_.tile /= 2;
    if (buffers * buffer_stride() > kScratchBytes) {
      throw InternalError("elementwise program with too many live values");
    }
  }

  const FusedProgram& program_;
  FusedPlan plan_;
  std::vector<DType> dtype_;
  std::vector<bool> uniform_;
};

}  // namespace

FusedPlan make_plan(const FusedProgram& program) { return Planner(program).make(); }

}  // namespace nacre::cpu
