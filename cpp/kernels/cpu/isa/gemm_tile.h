#pragma once

// The register tile of the matrix product: R rows by NV vectors of C stay in registers while k
// runs. Everything else about a product is choosing where A and B lie when this loop reads them.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// Tile size: as many accumulators as the registers allow beside the B vectors and one broadcast.
#if NACRE_VECTOR_BYTES == 64 || defined(__aarch64__)
inline constexpr int kTileRows = 14;
#else
inline constexpr int kTileRows = 6;
#endif
inline constexpr int kTileVectors = 2;
inline constexpr int kWidth = kLanes<float>;
inline constexpr int kPanel = kTileVectors * kWidth;  // columns of a tile

struct TileArgs {
  const float* a;  // element (0, 0) of the tile's rows
  int64_t a_row;   // between rows; 1 for the unit-row kernels
  int64_t a_k;     // between steps of k; 1 for the others
  const float* b;  // row 0 of the panel; columns are contiguous
  int64_t b_k;     // between rows of B
  int64_t k;
  // Further runs of k elements each: where A goes on, from `a`; B goes on without a gap. A product
  // has none, a convolution one for every further row of its kernel.
  const int64_t* runs;
  int64_t more_runs;
  const int64_t* b_runs;  // null, or where B goes on, from `b`: it has gaps then
  float* c;
  int64_t c_row;
  int tail;           // columns of the last vector that exist: all of them unless partial
  bool accumulate;    // add to what C holds
  const float* bias;  // of the panel's first column, or null
  bool scalar_bias;   // one bias for all columns
  bool relu;
};

using TileFn = void (*)(const TileArgs& args);

template <bool kPartial>
NACRE_INLINE F32 load_last(const float* p, int tail) {
  if constexpr (kPartial) {
    return load_partial(p, tail);
  } else {
    return load(p);
  }
}

// Without masked loads a partial vector is gathered lane by lane: such a B is packed and padded.
inline constexpr bool kMaskedLoads = NACRE_VECTOR_BYTES >= 32;

template <int NV, bool kPartial>
NACRE_INLINE void load_row(F32 (&v)[NV], const float* p, int tail) {
  NACRE_UNROLL for (int j = 0; j < NV - 1; ++j) v[j] = load(p + j * kWidth);
  v[NV - 1] = load_last<kPartial>(p + (NV - 1) * kWidth, tail);
}

// Adds what C holds, adds the bias, applies ReLU and stores. One rounding each, in this order.
template <int R, int NV, bool kPartial>
NACRE_INLINE void finish_tile(F32 (&acc)[R][NV], const TileArgs& args) {
  const int tail = args.tail;
  if (args.accumulate) {
    const float* c = args.c;
    NACRE_UNROLL for (int r = 0; r < R; ++r, c += args.c_row) {
      F32 old[NV];
      load_row<NV, kPartial>(old, c, tail);
      NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] += old[j];
    }
  }
  if (args.bias != nullptr) {
    F32 bias[NV];
    if (args.scalar_bias) {
      NACRE_UNROLL for (int j = 0; j < NV; ++j) bias[j] = broadcast(args.bias[0]);
    } else {
      load_row<NV, kPartial>(bias, args.bias, tail);
    }
    NACRE_UNROLL for (int r = 0; r < R; ++r) {
      NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] += bias[j];
    }
  }
  if (args.relu) {
    NACRE_UNROLL for (int r = 0; r < R; ++r) {
      // max(0, x) and not max(x, 0): a NaN stays one.
      NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] = max(F32{}, acc[r][j]);
    }
  }
  float* c = args.c;
  NACRE_UNROLL for (int r = 0; r < R; ++r, c += args.c_row) {
    NACRE_UNROLL for (int j = 0; j < NV - 1; ++j) store(c + j * kWidth, acc[r][j]);
    if constexpr (kPartial) {
      store_partial(c + (NV - 1) * kWidth, acc[r][NV - 1], tail);
    } else {
      store(c + (NV - 1) * kWidth, acc[r][NV - 1]);
    }
  }
}

// kUnitRow: the rows of A are adjacent in memory (A packed, or A transposed), so their offsets are
// constants. Otherwise A is read along its contiguous rows; one pointer serves three rows, since an
// address may hold a stride times 0, 1 or 2.
template <int R, int NV, bool kPartial, bool kUnitRow>
void tile(const TileArgs& args) {
  F32 acc[R][NV];
  NACRE_UNROLL for (int r = 0; r < R; ++r) {
    NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] = F32{};
  }
  constexpr int kPointers = kUnitRow ? 1 : (R + 2) / 3;
  const int64_t a_row = args.a_row;
  const int64_t a_k = args.a_k;
  const int64_t b_k = args.b_k;
  const int tail = args.tail;
  const float* b = args.b;
  {
    // Fetch the tile of C while k runs. A rolled loop: unrolled, it would spill pointers.
    const float* c = args.c;
    NACRE_NO_UNROLL for (int r = 0; r < R; ++r, c += args.c_row) __builtin_prefetch(c, 1);
  }
  const float* start = args.a;
  const int64_t* run = args.runs;
  NACRE_NO_UNROLL for (int64_t left = args.more_runs; left >= 0; --left) {
    const float* a[kPointers];
    NACRE_UNROLL for (int i = 0; i < kPointers; ++i) a[i] = start + i * 3 * a_row;
    NACRE_NO_UNROLL for (int64_t k = args.k; k > 0; --k) {
      F32 row[NV];
      load_row<NV, kPartial && kMaskedLoads>(row, b, tail);
      __builtin_prefetch(b + 8 * b_k);
      NACRE_UNROLL for (int r = 0; r < R; ++r) {
        const F32 s = broadcast(kUnitRow ? a[0][r] : a[r / 3][(r % 3) * a_row]);
        NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] = fma(s, row[j], acc[r][j]);
      }
      NACRE_UNROLL for (int i = 0; i < kPointers; ++i) {
        a[i] += kUnitRow ? a_k : 1;
        // Opaque to the compiler, which would otherwise keep a pointer for every row and spill.
        if constexpr (!kUnitRow) __asm__("" : "+r"(a[i]));
      }
      b += b_k;
    }
    if (left > 0) {
      start = args.a + *run++;
      if (args.b_runs != nullptr) b = args.b + args.b_runs[args.more_runs - left];
    }
  }
  finish_tile<R, NV, kPartial>(acc, args);
}

// fns[unit row][vectors - 1][partial][rows - 1]
struct TileTable {
  TileFn fns[2][kTileVectors][2][kTileRows];
};
extern const TileTable tile_table;

NACRE_INLINE void run_tile(const TileArgs& args, int64_t rows, int64_t columns, bool unit_row) {
  const int64_t vectors = (columns + kWidth - 1) / kWidth;
  const bool partial = args.tail != kWidth;
  tile_table.fns[unit_row][vectors - 1][partial][rows - 1](args);
}

NACRE_INLINE int tail_of(int64_t columns) {
  const int rest = static_cast<int>(columns % kWidth);
  return rest == 0 ? kWidth : rest;
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
