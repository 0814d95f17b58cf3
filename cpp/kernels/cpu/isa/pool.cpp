// Float32 pooling: see pool.h for layout and aliasing.

#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/pool_general.h"

namespace nacre::cpu::NACRE_ISA_NAME {

const PoolTable pool_table = make_pool_table<float>();

}  // namespace nacre::cpu::NACRE_ISA_NAME
