// Float32 batch normalisation: see rowwise_ops.h for layout and aliasing.

#include "kernels/cpu/isa/rowwise_vector.h"
#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/norm_impl.h"

namespace nacre::cpu::NACRE_ISA_NAME {

const NormTable norm_table = make_norm_table<Float32Vector>();

}  // namespace nacre::cpu::NACRE_ISA_NAME
