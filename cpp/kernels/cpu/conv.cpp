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
  const std::vector<int64_t>& y = (forward ? op.outputs[0] : op.inputs[input ? 0 : 1]).shape;
  const std::vector<int64_t>& kernel = (forward || input ? op.inputs[1] : op.outputs[0]).shape;
  const size_t rank = x.size() - 2;
  c.batch = x[0];
  set_spatial(c.in, x.data() + 1, rank);
  set_spatial(c.out, y.data() + 1, rank);
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
  call.kernel->run(call.plan, {inputs[0], inputs[1], bias, outputs[0]}, context);
}

Kernel prepare(const OpCase& op) {
  const ConvTable& table = *find_conv_table(op.inputs[0].dtype);
  const ConvCase shape = case_of(op);
  const int direction = static_cast<int>(shape.direction);
  for (int i = 0; i < table.counts[direction]; ++i) {
    ConvCall call;
    call.plan.shape = shape;
    call.kernel = table.kernels[direction][i];
    if (!call.kernel->plan(&call.plan)) continue;
    const ConvPlan plan = call.plan;
    return make_kernel(run, std::move(call), plan.nanoseconds, plan.workspace);
  }
  throw InternalError(std::string(op.op) + ": no kernel runs this case");
}

constexpr OpEntry kEntries[] = {
    {"conv", refuse, prepare},
    {"conv_input_gradient", refuse, prepare},
    {"conv_kernel_gradient", refuse, prepare},
    {"cpu.conv", refuse, prepare},
};

}  // namespace

std::span<const OpEntry> conv_entries() { return kEntries; }

}  // namespace nacre::cpu
