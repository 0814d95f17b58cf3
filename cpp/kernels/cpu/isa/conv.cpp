// Float32 convolution: see conv.h for layout and aliasing.

#include "kernels/cpu/conv.h"

#include "kernels/cpu/conv_general.h"
#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa/finish_row.h"
#include "kernels/cpu/isa/rowwise_vector.h"
#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

struct Float32Conv : Float32Vector {
  static NACRE_INLINE void finish_row(float* y, int64_t n, const float* bias,
                                      Activation activation) {
    NACRE_ISA_NAME::finish_row(y, n, bias, false, activation);
  }
};

using General = GeneralConv<Float32Conv>;

// In order of preference.
constexpr const ConvKernel* kForward[] = {&conv_depthwise[0],     &conv_depthwise_repeated,
                                          &General::depthwise[0], &conv_forward_product,
                                          &conv_forward_tiled,    &General::general[0]};
constexpr const ConvKernel* kInputGradient[] = {
    &conv_depthwise[1],           &conv_depthwise_repeated,   &General::depthwise[1],
    &conv_input_gradient_product, &conv_input_gradient_tiled, &General::general[1]};
constexpr const ConvKernel* kKernelGradient[] = {&conv_depthwise[2], &conv_depthwise_repeated,
                                                 &General::depthwise[2],
                                                 &conv_kernel_gradient_tiled, &General::general[2]};

}  // namespace

const ConvTable conv_table = {{kForward, kInputGradient, kKernelGradient}, {6, 6, 5}};

}  // namespace nacre::cpu::NACRE_ISA_NAME
