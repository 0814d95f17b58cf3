// The table of register tiles: every number of rows, vectors, and both ways of reading A.

#include "kernels/cpu/isa/gemm_tile.h"

namespace nacre::cpu::NACRE_ISA_NAME {

#if NACRE_VECTOR_BYTES == 64 || defined(__aarch64__)
#define NACRE_TILE_ROWS(NV, P, U)                                                  \
  {tile<1, NV, P, U>,  tile<2, NV, P, U>,  tile<3, NV, P, U>,  tile<4, NV, P, U>,  \
   tile<5, NV, P, U>,  tile<6, NV, P, U>,  tile<7, NV, P, U>,  tile<8, NV, P, U>,  \
   tile<9, NV, P, U>,  tile<10, NV, P, U>, tile<11, NV, P, U>, tile<12, NV, P, U>, \
   tile<13, NV, P, U>, tile<14, NV, P, U>}
#else
#define NACRE_TILE_ROWS(NV, P, U)                           \
  {tile<1, NV, P, U>, tile<2, NV, P, U>, tile<3, NV, P, U>, \
   tile<4, NV, P, U>, tile<5, NV, P, U>, tile<6, NV, P, U>}
#endif
#define NACRE_TILE_VECTORS(NV, U) {NACRE_TILE_ROWS(NV, false, U), NACRE_TILE_ROWS(NV, true, U)}

const TileTable tile_table = {{{NACRE_TILE_VECTORS(1, false), NACRE_TILE_VECTORS(2, false)},
                               {NACRE_TILE_VECTORS(1, true), NACRE_TILE_VECTORS(2, true)}}};

}  // namespace nacre::cpu::NACRE_ISA_NAME
