// Float32 softmax, cross-entropy and layer normalisation: see rowwise_ops.h for layout and
// aliasing.

#include "kernels/cpu/isa/rowwise_vector.h"
#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/rowwise_impl.h"

namespace nacre::cpu::NACRE_ISA_NAME {

const RowwiseTable rowwise_table = make_rowwise_table<Float32Vector>();

}  // namespace nacre::cpu::NACRE_ISA_NAME
