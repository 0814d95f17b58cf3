// Convolution: which case an op is, and which kernel runs it.

#include "kernels/cpu/conv.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/window_entries.h"

namespace nacre::cpu {
namespace {

struct ConvCall {
  ConvPlan plan;
  const ConvKernel* kernel = nullptr;
};

ConvDirection direction_of(std::string_view op) {
  const auto has = [&](const char* part) { return op.find(part) != op.npos; };
  if (has("conv_input_gradient")) return ConvDirection::InputGradient;
  return has("conv_kernel_gradient") ? ConvDirection::KernelGradient : ConvDirection::Forward;
}

bool is_pooled(const OpCase& op) { return op.op.ends_with("_pool"); }

std::string refuse(const OpCase& op) {
  const DType dtype = op.inputs[0].dtype;
  if (find_conv_table(dtype) == nullptr) return no_kernel(op.op, dtype);
  Activation activation = Activation::None;
  if (!activation_of(op, &activation)) {
    return std::string(op.op) + ": no cpu kernel for activation " + op.attrs.text("activation");
  }
  const bool indexed = is_pooled(op) && direction_of(op.op) != ConvDirection::Forward;
  if (op.inputs.size() != (flag_of(op, "has_bias") || indexed ? 3u : 2u)) {
    return std::string(op.op) + ": expected a bias exactly when has_bias says so";
  }
  return "";
}

// Spatial sizes, or an attribute of one value per spatial axis, as depth, height and width.
void set_spatial(int64_t* to, const int64_t* from, size_t rank) {
  std::copy_n(from, rank, to + 3 - rank);
}

ConvCase case_of(const OpCase& op) {
  ConvCase c;
  c.direction = direction_of(op.op);
  const bool forward = c.direction == ConvDirection::Forward;
  const bool input = c.direction == ConvDirection::InputGradient;
  const std::vector<int64_t>& x = (input ? op.outputs[0] : op.inputs[0]).shape;
  c.pooled = is_pooled(op);
  const std::vector<int64_t>& y = (forward ? op.outputs[0] : op.inputs[input ? 0 : 1]).shape;
  const std::vector<int64_t>& kernel = (forward || input ? op.inputs[1] : op.outputs[0]).shape;
  const size_t rank = x.size() - 2;
  c.batch = x[0];
  set_spatial(c.in, x.data() + 1, rank);
  set_spatial(c.out, c.pooled ? op.attrs.ints("full").data() : y.data() + 1, rank);
  if (c.pooled) set_spatial(c.window, op.attrs.ints("window").data(), rank);
  c.indexed = c.pooled && op.outputs.size() > 1;
  set_spatial(c.kernel, kernel.data(), rank);
  set_spatial(c.stride, op.attrs.ints("strides").data(), rank);
  set_spatial(c.dilation, op.attrs.ints("dilation").data(), rank);
  set_spatial(c.low, op.attrs.ints("low").data(), rank);
  c.channels = x.back();
  c.filters = y.back();
  c.groups = op.attrs.integer("groups");
  c.has_bias = flag_of(op, "has_bias");
  activation_of(op, &c.activation);
  return c;
}

void run(const void* params, const void* const* inputs, void* const* outputs,
         const KernelContext& context) {
  const auto& call = *static_cast<const ConvCall*>(params);
  const void* bias = call.plan.shape.has_bias ? inputs[2] : nullptr;
  const ConvCase& c = call.plan.shape;
  void* index = c.indexed ? outputs[1] : nullptr;
  if (c.pooled && c.direction != ConvDirection::Forward) index = const_cast<void*>(inputs[2]);
  call.kernel->run(call.plan,
                   {inputs[0], inputs[1], bias, outputs[0], static_cast<uint8_t*>(index)}, context);
}

// The first kernel that runs the case; false when none does.
bool find_kernel(const ConvTable& table, const ConvCase& shape, ConvCall* call) {
  const int direction = static_cast<int>(shape.direction);
  for (int i = 0; i < table.counts[direction]; ++i) {
    call->plan = ConvPlan{};
    call->plan.shape = shape;
    call->kernel = table.kernels[direction][i];
    if (call->kernel->plan(&call->plan)) return true;
  }
  return false;
}

// The same in two steps with the full image between them in the workspace, for cases that no kernel
// does in one pass: a convolution and then the maxima, or what they spread to and then a gradient.
struct TwoSteps {
  ConvCall conv;
  Kernel pool;
  size_t full;  // where the full image lies in the workspace
  size_t dy;    // which operand of a gradient the full image stands for
};

void run_then_pool(const void* params, const void* const* inputs, void* const* outputs,
                   const KernelContext& context) {
  const auto& call = *static_cast<const TwoSteps*>(params);
  void* results[] = {context.workspace + call.full, nullptr};
  run(&call.conv, inputs, results, context);
  call.pool.fn(call.pool.params.get(), results, outputs, context);
}

void run_after_spread(const void* params, const void* const* inputs, void* const* outputs,
                      const KernelContext& context) {
  const auto& call = *static_cast<const TwoSteps*>(params);
  void* full = context.workspace + call.full;
  const void* const sources[] = {inputs[call.dy], inputs[2]};
  call.pool.fn(call.pool.params.get(), sources, &full, context);
  const void* operands[] = {inputs[0], inputs[1], nullptr};
  operands[call.dy] = full;
  run(&call.conv, operands, outputs, context);
}

Kernel prepare_two_steps(const OpCase& op, ConvCase shape) {
  TwoSteps call;
  const bool forward = shape.direction == ConvDirection::Forward;
  shape.pooled = shape.indexed = false;
  const DType dtype = op.inputs[0].dtype;
  if (!find_kernel(*find_conv_table(dtype), shape, &call.conv)) {
    throw InternalError(std::string(op.op) + ": no kernel runs this case");
  }
  call.dy = shape.direction == ConvDirection::KernelGradient ? 1 : 0;
  const TensorSpec& pooled = forward ? op.outputs[0] : op.inputs[call.dy];
  TensorSpec full = pooled;
  const std::vector<int64_t>& size = op.attrs.ints("full");
  std::copy(size.begin(), size.end(), full.shape.begin() + 1);
  const Attrs attrs = {{"window", op.attrs.ints("window")},
                       {"strides", op.attrs.ints("window")},
                       {"low", std::vector<int64_t>(size.size(), 0)}};
  const std::vector<TensorSpec> image = {full};
  if (forward) {
    call.pool = prepare_max_pool({"max_pool", attrs, image, op.outputs});
  } else {
    const std::vector<TensorSpec> sources = {pooled, op.inputs[2]};
    call.pool = prepare_max_pool_gradient({"max_pool_gradient", attrs, sources, image});
  }
  call.full = (call.conv.plan.workspace + 63) / 64 * 64;
  const double cost = call.conv.plan.nanoseconds + call.pool.cost;
  const size_t workspace = call.full + full.bytes();
  return make_kernel(forward ? run_then_pool : run_after_spread, std::move(call), cost, workspace);
}

Kernel prepare(const OpCase& op) {
  const ConvCase shape = case_of(op);
  ConvCall call;
  if (!find_kernel(*find_conv_table(op.inputs[0].dtype), shape, &call)) {
    return prepare_two_steps(op, shape);
  }
  const ConvPlan plan = call.plan;
  return make_kernel(run, std::move(call), plan.nanoseconds, plan.workspace);
}

constexpr OpEntry kEntries[] = {
    {"conv", refuse, prepare},
    {"conv_input_gradient", refuse, prepare},
    {"conv_kernel_gradient", refuse, prepare},
    {"cpu.conv", refuse, prepare},
    {"cpu.conv_pool", refuse, prepare},
    {"cpu.conv_input_gradient_pool", refuse, prepare},
    {"cpu.conv_kernel_gradient_pool", refuse, prepare},
};

}  // namespace

std::span<const OpEntry> conv_entries() { return kEntries; }

}  // namespace nacre::cpu
