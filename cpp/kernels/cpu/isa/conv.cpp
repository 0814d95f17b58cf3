// Float32 convolution: see conv.h for layout and aliasing.

#include "kernels/cpu/conv.h"

#include "kernels/cpu/conv_general.h"
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

}  // namespace

const ConvTable conv_table = make_conv_table<General>();

}  // namespace nacre::cpu::NACRE_ISA_NAME
