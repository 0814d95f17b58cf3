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
  if (op == "conv_input_gradient") return ConvDirection::InputGradient;
  return op == "conv_kernel_gradient" ? ConvDirection::KernelGradient : ConvDirection::Forward;
}

std::string refuse(const OpCase& op) {
  const DType dtype = op.inputs[0].dtype;
  if (find_conv_table(dtype) == nullptr) return no_kernel(op.op, dtype);
  Activation activation = Activation::None;
  if (!activation_of(op, &activation)) {
    return std::string(op.op) + ": no cpu kernel for activation " + op.attrs.text("activation");
  }
  if (op.inputs.size() != (flag_of(op, "has_bias") ? 3u : 2u)) {
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
  c.pooled = op.op == "cpu.conv_pool";
  const std::vector<int64_t>& y = (forward ? op.outputs[0] : op.inputs[input ? 0 : 1]).shape;
  const std::vector<int64_t>& kernel = (forward || input ? op.inputs[1] : op.outputs[0]).shape;
  const size_t rank = x.size() - 2;
  c.batch = x[0];
  set_spatial(c.in, x.data() + 1, rank);
  set_spatial(c.out, c.pooled ? op.attrs.ints("size").data() : y.data() + 1, rank);
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
  auto* index = call.plan.shape.indexed ? static_cast<uint8_t*>(outputs[1]) : nullptr;
  call.kernel->run(call.plan, {inputs[0], inputs[1], bias, outputs[0], index}, context);
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

// A convolution into the workspace, then the maxima: for cases that no kernel does in one pass.
struct ConvThenPool {
  ConvCall conv;
  Kernel pool;
  size_t pixels;  // where the convolution's result lies in the workspace
};

void run_then_pool(const void* params, const void* const* inputs, void* const* outputs,
                   const KernelContext& context) {
  const auto& call = *static_cast<const ConvThenPool*>(params);
  void* results[] = {context.workspace + call.pixels, nullptr};
  run(&call.conv, inputs, results, context);
  call.pool.fn(call.pool.params.get(), results, outputs, context);
}

Kernel prepare_then_pool(const OpCase& op, ConvCase shape) {
  ConvThenPool call;
  shape.pooled = shape.indexed = false;
  const DType dtype = op.inputs[0].dtype;
  if (!find_kernel(*find_conv_table(dtype), shape, &call.conv)) {
    throw InternalError(std::string(op.op) + ": no kernel runs this case");
  }
  std::vector<int64_t> full = op.outputs[0].shape;
  std::copy_n(shape.out + 3 - (full.size() - 2), full.size() - 2, full.begin() + 1);
  const Attrs attrs = {{"window", op.attrs.ints("window")},
                       {"strides", op.attrs.ints("window")},
                       {"low", std::vector<int64_t>(full.size() - 2, 0)}};
  const std::vector<TensorSpec> pixels = {{dtype, full}};
  call.pool = prepare_max_pool({"max_pool", attrs, pixels, op.outputs});
  call.pixels = (call.conv.plan.workspace + 63) / 64 * 64;
  const double cost = call.conv.plan.nanoseconds + call.pool.cost;
  const size_t workspace = call.pixels + pixels[0].bytes();
  return make_kernel(run_then_pool, std::move(call), cost, workspace);
}

Kernel prepare(const OpCase& op) {
  const ConvCase shape = case_of(op);
  ConvCall call;
  if (!find_kernel(*find_conv_table(op.inputs[0].dtype), shape, &call)) {
    return prepare_then_pool(op, shape);
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
};

}  // namespace

std::span<const OpEntry> conv_entries() { return kEntries; }

}  // namespace nacre::cpu
