#pragma once

// Products with few rows or few columns, where a register tile would be mostly empty.

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa/finish_row.h"
#include "kernels/cpu/isa/gemm_tile.h"
#include "kernels/cpu/simd/math.h"
#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// to[j] = the sum of from[i * step + j] over the parts i, in their order.
static inline void add_parts(const float* from, int64_t parts, int64_t step, int64_t n, float* to) {
  for (int64_t j = 0; j < n; j += kLanes<float>) {
    const int64_t count = n - j < kLanes<float> ? n - j : kLanes<float>;
    const bool whole = count == kLanes<float>;
    F32 sum = whole ? load(from + j) : load_partial(from + j, count);
    for (int64_t i = 1; i < parts; ++i) {
      const float* part = from + i * step + j;
      sum += whole ? load(part) : load_partial(part, count);
    }
    if (whole) {
      store(to + j, sum);
    } else {
      store_partial(to + j, sum, count);
    }
  }
}

struct DotArgs {
  const float* x;  // rows contiguous in k
  int64_t x_row;
  const float* y;  // rows contiguous in k
  int64_t y_row;
  int64_t k;
  float* c;  // c[i * c_row + j] = x_i . y_j
  int64_t c_row;
};

// Each result is one vector of running sums over k, folded at the end; it does not depend on which
// results share a tile.
template <int R, int C>
static void dot_tile(const DotArgs& args) {
  F32 acc[R][C];
  NACRE_UNROLL for (int i = 0; i < R; ++i) {
    NACRE_UNROLL for (int j = 0; j < C; ++j) acc[i][j] = F32{};
  }
  const float* x = args.x;
  const float* y = args.y;
  const int64_t whole = args.k / kLanes<float> * kLanes<float>;
  const auto step = [&](auto&& read, int64_t k) __attribute__((always_inline)) {
    F32 right[C];
    NACRE_UNROLL for (int j = 0; j < C; ++j) right[j] = read(y + j * args.y_row + k);
    NACRE_UNROLL for (int i = 0; i < R; ++i) {
      const F32 left = read(x + i * args.x_row + k);
      NACRE_UNROLL for (int j = 0; j < C; ++j) acc[i][j] = fma(left, right[j], acc[i][j]);
    }
  };
  NACRE_NO_UNROLL for (int64_t k = 0; k < whole; k += kLanes<float>) {
    step([](const float* p) __attribute__((always_inline)) { return load(p); }, k);
  }
  if (whole < args.k) {
    const int64_t rest = args.k - whole;
    step([rest](const float* p) __attribute__((always_inline)) { return load_partial(p, rest); },
         whole);
  }
  NACRE_UNROLL for (int i = 0; i < R; ++i) {
    NACRE_UNROLL for (int j = 0; j < C; ++j) args.c[i * args.c_row + j] = reduce_add(acc[i][j]);
  }
}

template <int R>
NACRE_INLINE void dot_columns(DotArgs args, int64_t n) {
  int64_t j = 0;
  for (; j + 4 <= n; j += 4, args.y += 4 * args.y_row, args.c += 4) dot_tile<R, 4>(args);
  for (; j < n; ++j, args.y += args.y_row, ++args.c) dot_tile<R, 1>(args);
}

// c (m, n) = x (m, k) y (n, k) transposed.
static inline void dots(DotArgs args, int64_t m, int64_t n) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4, args.x += 4 * args.x_row, args.c += 4 * args.c_row) {
    dot_columns<4>(args, n);
  }
  for (; i < m; ++i, args.x += args.x_row, args.c += args.c_row) dot_columns<1>(args, n);
}

struct RowsArgs {
  const float* a;
  int64_t a_row, a_col;
  const float* b;  // columns contiguous
  int64_t b_row;
  int64_t k;
  float* c;
  int64_t c_row;
  int64_t n;
  bool far;  // B does not fit the caches near the core
};

// K rows of B at a time, R rows of C: c += sum over the K of a(r, k) * b(k, :), in the order of k.
// kFar: B comes from memory, and the next K rows are fetched meanwhile.
template <int R, int K, bool kFar>
NACRE_INLINE void add_rows(const RowsArgs& args, const float* a, const float* b, bool first) {
  F32 s[R][K];
  NACRE_UNROLL for (int r = 0; r < R; ++r) {
    NACRE_UNROLL for (int q = 0; q < K; ++q) {
      s[r][q] = broadcast(a[r * args.a_row + q * args.a_col]);
    }
  }
  const auto columns = [&](int64_t j, auto&& read, auto&& write) __attribute__((always_inline)) {
    F32 acc[R];
    NACRE_UNROLL for (int r = 0; r < R; ++r) {
      acc[r] = first ? F32{} : read(args.c + r * args.c_row + j);
    }
    NACRE_UNROLL for (int q = 0; q < K; ++q) {
      if constexpr (kFar) __builtin_prefetch(b + (q + K) * args.b_row + j, 0, 2);
      const F32 row = read(b + q * args.b_row + j);
      NACRE_UNROLL for (int r = 0; r < R; ++r) acc[r] = fma(s[r][q], row, acc[r]);
    }
    NACRE_UNROLL for (int r = 0; r < R; ++r) write(args.c + r * args.c_row + j, acc[r]);
  };
  const int64_t whole = args.n / kLanes<float> * kLanes<float>;
  NACRE_NO_UNROLL for (int64_t j = 0; j < whole; j += kLanes<float>) {
    columns(
        j, [](const float* p) __attribute__((always_inline)) { return load(p); },
        [](float* p, F32 v) __attribute__((always_inline)) { store(p, v); });
  }
  if (whole < args.n) {
    const int64_t rest = args.n - whole;
    columns(
        whole,
        [rest](const float* p) __attribute__((always_inline)) { return load_partial(p, rest); },
        [rest](float* p, F32 v) __attribute__((always_inline)) { store_partial(p, v, rest); });
  }
}

// c (R, n) = a (R, k) b (k, n), reading B once, row after row. C stays in the nearest cache: the
// caller cuts n into pieces of a few thousand columns.
template <int R, int K, bool kFar>
static void rows_loop(const RowsArgs& args) {
  const float* a = args.a;
  const float* b = args.b;
  int64_t k = 0;
  for (; k + K <= args.k; k += K, a += K * args.a_col, b += K * args.b_row) {
    add_rows<R, K, kFar>(args, a, b, k == 0);
  }
  for (; k < args.k; ++k, a += args.a_col, b += args.b_row) {
    add_rows<R, 1, false>(args, a, b, k == 0);
  }
}

template <int R, int K>
NACRE_INLINE void rows(const RowsArgs& args) {
  if (args.far) {
    rows_loop<R, K, true>(args);
  } else {
    rows_loop<R, K, false>(args);
  }
}

// 1 to 4 rows; the number of B rows at a time follows from the registers.
static inline void few_rows(const RowsArgs& args, int64_t m) {
  constexpr bool kMany = kTileRows == 14;  // 32 vector registers
  switch (m) {
    case 1:
      return rows<1, 8>(args);
    case 2:
      return rows<2, kMany ? 8 : 4>(args);
    case 3:
      return rows<3, kMany ? 4 : 2>(args);
    default:
      return rows<4, kMany ? 4 : 2>(args);
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
