// Float64 convolution, one element at a time.

#include "kernels/cpu/activated.h"
#include "kernels/cpu/conv_general.h"
#include "kernels/cpu/float64_scalar.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/window_entries.h"

namespace nacre::cpu {
namespace {

struct Float64Conv : Float64Scalar {
  static void finish_row(double* y, int64_t n, const double* bias, Activation activation) {
    for (int64_t i = 0; i < n; ++i) {
      y[i] = activated(bias == nullptr ? y[i] : y[i] + bias[i], activation);
    }
  }
};

using General = GeneralConv<Float64Conv>;

constexpr const ConvKernel* kForward[] = {&General::depthwise[0], &General::general[0]};
constexpr const ConvKernel* kInputGradient[] = {&General::depthwise[1], &General::general[1]};
constexpr const ConvKernel* kKernelGradient[] = {&General::depthwise[2], &General::general[2]};
constexpr ConvTable float64_conv_table = {{kForward, kInputGradient, kKernelGradient}, {2, 2, 2}};

}  // namespace

const ConvTable* find_conv_table(DType dtype) {
  if (dtype == DType::Float32) return active_isa().conv;
  return dtype == DType::Float64 ? &float64_conv_table : nullptr;
}

}  // namespace nacre::cpu
