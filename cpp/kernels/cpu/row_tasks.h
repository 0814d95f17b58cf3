#pragma once

// Matrices of rows cut into tasks of whole rows, by shape only.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/cpu/kernel_tools.h"

namespace nacre::cpu {

struct Matrix {
  int64_t rows = 1, columns = 1;
};

// All axes but the last are rows.
inline Matrix matrix_of(const std::vector<int64_t>& shape) {
  Matrix matrix;
  for (size_t i = 0; i + 1 < shape.size(); ++i) matrix.rows *= shape[i];
  if (!shape.empty()) matrix.columns = shape.back();
  return matrix;
}

inline int64_t rows_per_task(const Matrix& matrix) {
  constexpr int64_t kTaskWork = 8192;
  return std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, matrix.columns));
}

// body(first, rows) for every task.
template <class Body>
void over_rows(const KernelContext& context, const Matrix& matrix, double cost, Body&& body) {
  if (cost < kParallelCost || context.threads <= 1) {
    if (matrix.rows > 0) body(int64_t{0}, matrix.rows);
    return;
  }
  const int64_t step = rows_per_task(matrix);
  parallel_for(context, (matrix.rows + step - 1) / step, [&](int64_t task) {
    const int64_t first = task * step;
    body(first, std::min(step, matrix.rows - first));
  });
}

// A pointer moved by `elements` elements of `size` bytes.
inline const char* at(const void* base, int64_t elements, int64_t size) {
  return static_cast<const char*>(base) + elements * size;
}
inline char* at(void* base, int64_t elements, int64_t size) {
  return static_cast<char*>(base) + elements * size;
}

}  // namespace nacre::cpu
