#pragma once

// The families of kernels that are compiled once per instruction set. Each row is one table type
// and its name: the family's header defines the type (plain function pointers and numbers), and its
// source in isa/ defines `const Type name_table` inside its instruction set's namespace:
//
//   #include "kernels/cpu/isa_tables.h"
//   namespace nacre::cpu::NACRE_ISA_NAME {
//   const GemmTable gemm_table = {...};
//   }
//
// Plain C types only: the per-ISA files include this.
#define NACRE_ISA_FAMILIES(FAMILY)      \
  FAMILY(GemmTable, gemm)               \
  FAMILY(ElementwiseTable, elementwise) \
  FAMILY(ReduceTable, reduce)           \
  FAMILY(RowwiseTable, rowwise)         \
  FAMILY(NormTable, norm)               \
  FAMILY(RandomTable, random)           \
  FAMILY(ConvTable, conv)               \
  FAMILY(PoolTable, pool)

namespace nacre::cpu {

#define NACRE_FORWARD(Type, name) struct Type;
NACRE_ISA_FAMILIES(NACRE_FORWARD)
#undef NACRE_FORWARD

// One instruction set: what it is called and its kernels.
struct IsaTable {
  const char* name;
  int vector_bytes;
#define NACRE_MEMBER(Type, name) const Type* name;
  NACRE_ISA_FAMILIES(NACRE_MEMBER)
#undef NACRE_MEMBER
};

#ifdef NACRE_ISA_NAME
namespace NACRE_ISA_NAME {
#define NACRE_DECLARE(Type, name) extern const Type name##_table;
NACRE_ISA_FAMILIES(NACRE_DECLARE)
#undef NACRE_DECLARE
}  // namespace NACRE_ISA_NAME
#endif

}  // namespace nacre::cpu
