#include "kernels/cpu/elementwise.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/error.h"
#include "kernels/cpu/elementwise_generic.h"
#include "kernels/cpu/fused_plan.h"
#include "kernels/cpu/kernel_tools.h"

namespace nacre::cpu {
namespace {

constexpr std::string_view kNames[] = {
#define NACRE_NAME(name) #name,
    NACRE_MICRO_OPS(NACRE_NAME)
#undef NACRE_NAME
};

std::string_view name_of(MicroOp op) { return kNames[static_cast<int>(op)]; }

bool gives_bool(MicroOp op) {
  switch (op) {
#define NACRE_CASE(name) case MicroOp::name:
    NACRE_TEST_OPS(NACRE_CASE)
    NACRE_COMPARE_OPS(NACRE_CASE)
#undef NACRE_CASE
    return true;
    default:
      return false;
  }
}

[[noreturn]] void malformed(std::string_view code) {
  throw InternalError("cpu.fused: malformed code \"" + std::string(code) + "\"");
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

int register_number(std::string_view text, int limit) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= limit) {
    malformed(text);
  }
  return value;
}

void parse_code(std::string_view code, std::string_view dtypes, FusedProgram* program) {
  const std::vector<std::string_view> types = split(dtypes, ',');
  int next = static_cast<int>(program->inputs.size());
  for (const std::string_view text : split(code, ';')) {
    const size_t colon = text.find(':');
    Instruction ins{};
    if (colon == std::string_view::npos || !find_micro_op_name(text.substr(0, colon), &ins.op) ||
        static_cast<size_t>(next) >= types.size()) {
      malformed(text);
    }
    const std::vector<std::string_view> operands = split(text.substr(colon + 1), ',');
    if (operands.empty() || operands.size() > 3) malformed(text);
    ins.a = register_number(operands[0], next);
    if (operands.size() > 1) ins.b = register_number(operands[1], next);
    if (operands.size() > 2) ins.c = register_number(operands[2], next);
    ins.dtype = dtype_from_name(types[next]);
    ins.dst = next++;
    program->code.push_back(ins);
  }
}

double run_cost(const FusedPlan& plan) { return plan.cost; }

// An even cut of a plan's elements. Beyond a few, the chunks are a multiple of four, so that a half
// and a quarter of them are that of the array, as with the parts of a matrix product: each core
// then updates the weights whose gradients it computed.
class Cut {
 public:
  explicit Cut(int64_t count)
      : count_(count), chunks_((count + kChunkElements - 1) / kChunkElements) {
    if (chunks_ > 4) chunks_ = (chunks_ + 7) / 8 * 4;
  }
  int64_t chunks() const { return chunks_; }
  int64_t begin(int64_t chunk) const {
    return chunk == chunks_ ? count_ : count_ * chunk / chunks_ / kTilePad * kTilePad;
  }

 private:
  int64_t count_, chunks_;
};

void run_plan(const FusedPlan& plan, const void* const* inputs, void* const* outputs,
              const KernelContext& context) {
  if (plan.count == 0) return;
  if (plan.scalar) return plan.run_scalar(inputs, outputs, context);
  const Cut cut(plan.count);
  if (cut.chunks() == 1 || plan.cost < kParallelCost || context.threads <= 1) {
    return plan.run(inputs, outputs, context, 0, plan.count);
  }
  parallel_for(context, cut.chunks(), [&](int64_t chunk) {
    plan.run(inputs, outputs, context, cut.begin(chunk), cut.begin(chunk + 1));
  });
}

struct JoinedPlan {
  std::vector<FusedPlan> plans;
  std::vector<int64_t> input_offset, output_offset;
  std::vector<int64_t> first_chunk;  // of each plan, and the total at the end
  double cost = 0;
};

void run_joined(const void* params, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  const auto& joined = *static_cast<const JoinedPlan*>(params);
  if (joined.cost < kParallelCost || context.threads <= 1) {
    KernelContext alone = context;
    alone.threads = 1;
    for (size_t i = 0; i < joined.plans.size(); ++i) {
      run_plan(joined.plans[i], inputs + joined.input_offset[i], outputs + joined.output_offset[i],
               alone);
    }
    return;
  }
  parallel_for(context, joined.first_chunk.back(), [&](int64_t chunk) {
    const auto& first = joined.first_chunk;
    const size_t i = static_cast<size_t>(std::upper_bound(first.begin(), first.end(), chunk) -
                                         first.begin() - 1);
    const FusedPlan& plan = joined.plans[i];
    const void* const* in = inputs + joined.input_offset[i];
    void* const* out = outputs + joined.output_offset[i];
    if (plan.scalar) return plan.run_scalar(in, out, context);
    const Cut cut(plan.count);
    const int64_t at = chunk - first[i];
    plan.run(in, out, context, cut.begin(at), cut.begin(at + 1));
  });
}

std::string refuse(const OpCase& op_case) { return refuse_fused(program_of(op_case)); }
Kernel prepare(const OpCase& op_case) { return make_fused(program_of(op_case)); }

}  // namespace

bool find_micro_op_name(std::string_view name, MicroOp* op) {
  for (int i = 0; i < kMicroOpCount; ++i) {
    if (kNames[i] == name) {
      *op = static_cast<MicroOp>(i);
      return true;
    }
  }
  return false;
}

FusedProgram program_of(const OpCase& op_case) {
  FusedProgram program;
  program.inputs.assign(op_case.inputs.begin(), op_case.inputs.end());
  program.shape = op_case.outputs[0].shape;
  if (op_case.op == "cpu.fused") {
    parse_code(op_case.attrs.text("code"), op_case.attrs.text("dtypes"), &program);
    const int registers = static_cast<int>(program.inputs.size() + program.code.size());
    for (const int64_t reg : op_case.attrs.ints("outs")) {
      if (reg < 0 || reg >= registers) malformed("outs");
      program.outputs.push_back(static_cast<int>(reg));
    }
    return program;
  }
  const int count = static_cast<int>(program.inputs.size());
  Instruction ins{};
  if (!find_micro_op_name(op_case.op, &ins.op)) malformed(op_case.op);
  ins.dtype = op_case.outputs[0].dtype;
  ins.dst = count;
  ins.b = count > 1 ? 1 : -1;
  ins.c = count > 2 ? 2 : -1;
  program.code.push_back(ins);
  program.outputs.push_back(count);
  return program;
}

std::string refuse_fused(const FusedProgram& program) {
  std::vector<DType> dtypes;
  for (const TensorSpec& input : program.inputs) dtypes.push_back(input.dtype);
  const IsaTable& isa = active_isa();
  for (const Instruction& ins : program.code) {
    dtypes.push_back(ins.dtype);
    if (ins.op == MicroOp::cast) continue;
    const DType operand = dtypes[ins.op == MicroOp::where ? ins.b : ins.a];
    if (!find_micro_op(isa, ins.op, operand)) return no_kernel(name_of(ins.op), operand);
    if (ins.dtype != (gives_bool(ins.op) ? DType::Bool : operand)) {
      return std::string(name_of(ins.op)) + ": no cpu kernel gives " +
             std::string(dtype_name(ins.dtype)) + " from " + std::string(dtype_name(operand));
    }
  }
  if (dtypes.size() > kMaxRegisters || program.outputs.size() > 64) {
    return "cpu.fused: more registers than an elementwise program can have";
  }
  if (program.shape.size() > kMaxRank) return "an elementwise op of more than 32 dimensions";
  return "";
}

Kernel make_fused(const FusedProgram& program) {
  auto plan = std::make_shared<const FusedPlan>(make_plan(program));
  Kernel kernel;
  kernel.cost = run_cost(*plan);
  kernel.params = plan;
  kernel.fn = [](const void* params, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
    run_plan(*static_cast<const FusedPlan*>(params), inputs, outputs, context);
  };
  return kernel;
}

Kernel join_fused(std::span<const FusedProgram> programs) {
  auto joined = std::make_shared<JoinedPlan>();
  int64_t inputs = 0, outputs = 0, chunks = 0;
  for (const FusedProgram& program : programs) {
    joined->plans.push_back(make_plan(program));
    const FusedPlan& plan = joined->plans.back();
    joined->input_offset.push_back(inputs);
    joined->output_offset.push_back(outputs);
    joined->first_chunk.push_back(chunks);
    inputs += static_cast<int64_t>(program.inputs.size());
    outputs += static_cast<int64_t>(program.outputs.size());
    chunks += Cut(plan.count).chunks();
    joined->cost += run_cost(plan);
  }
  joined->first_chunk.push_back(chunks);
  Kernel kernel;
  kernel.cost = joined->cost;
  kernel.fn = run_joined;
  kernel.params = std::move(joined);
  return kernel;
}

std::span<const OpEntry> elementwise_entries() {
  static const std::array entries = {OpEntry{"cpu.fused", refuse, prepare},
#define NACRE_ENTRY(name) OpEntry{#name, refuse, prepare},
                                     NACRE_MICRO_OPS(NACRE_ENTRY)
#undef NACRE_ENTRY
  };
  return entries;
}

}  // namespace nacre::cpu
