#pragma once

// Copies of operands in the order in which the register tile reads them.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// A 4x4 block: four rows of the source become four columns of the destination.
NACRE_INLINE void transpose_quad(const float* from, int64_t row, float* to, int64_t width) {
  const auto quad = [](const float* p) __attribute__((always_inline)) {
    return *reinterpret_cast<const QuadMemory*>(p);
  };
  const Quad r0 = quad(from), r1 = quad(from + row), r2 = quad(from + 2 * row),
             r3 = quad(from + 3 * row);
  const Quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
  const Quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const Quad high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const Quad high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  const auto put = [](float* p, Quad v)
                       __attribute__((always_inline)) { *reinterpret_cast<QuadMemory*>(p) = v; };
  put(to, __builtin_shufflevector(low01, low23, 0, 1, 4, 5));
  put(to + width, __builtin_shufflevector(low01, low23, 2, 3, 6, 7));
  put(to + 2 * width, __builtin_shufflevector(high01, high23, 0, 1, 4, 5));
  put(to + 3 * width, __builtin_shufflevector(high01, high23, 2, 3, 6, 7));
}

// Rows contiguous in k: to[k * width + r] = from[r * row + k].
static inline void pack_transposed(const float* from, int64_t row, int64_t rows, int64_t width,
                                   int64_t k_size, float* to) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* source = from + r * row;
    float* target = to + r;
    int64_t k = 0;
    for (; k + 4 <= k_size; k += 4) transpose_quad(source + k, row, target + k * width, width);
    for (; k < k_size; ++k) {
      for (int64_t i = 0; i < 4; ++i) target[k * width + i] = source[i * row + k];
    }
  }
  for (; r < rows; ++r) {
    for (int64_t k = 0; k < k_size; ++k) to[k * width + r] = from[r * row + k];
  }
}

// Rows adjacent in memory: to[k * width + r] = from[k * k_step + r]. Writes to `width` only.
static inline void pack_rows(const float* from, int64_t k_step, int64_t rows, int64_t width,
                             int64_t k_size, float* to) {
  const int64_t whole = rows / kLanes<float> * kLanes<float>;
  const int64_t rest = rows - whole;
  for (int64_t k = 0; k < k_size; ++k) {
    const float* source = from + k * k_step;
    float* target = to + k * width;
    int64_t r = 0;
    for (; r < whole; r += kLanes<float>) store(target + r, load(source + r));
    if (rest != 0) store_partial(target + r, load_partial(source + r, rest), rest);
  }
}

// to[k * width + r] = from[r * row + k * k_step] for r in [0, rows), zero for r in [rows, width).
// A panel of A has width == rows; a panel of B (whose "rows" are columns) is padded to vectors.
static inline void pack_panel(const float* from, int64_t row, int64_t k_step, int64_t rows,
                              int64_t width, int64_t k_size, float* to) {
  if (rows < width) {
    for (int64_t k = 0; k < k_size; ++k) {
      for (int64_t r = rows; r < width; ++r) to[k * width + r] = 0;
    }
  }
  if (row == 1) {
    pack_rows(from, k_step, rows, width, k_size, to);
  } else if (k_step == 1) {
    pack_transposed(from, row, rows, width, k_size, to);
  } else {
    for (int64_t k = 0; k < k_size; ++k) {
      for (int64_t r = 0; r < rows; ++r) to[k * width + r] = from[r * row + k * k_step];
    }
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
