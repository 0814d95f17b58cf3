#pragma once

// Kernels of matrices of `rows` by `columns`, dense and row-major, normalised along rows (softmax,
// cross-entropy, layer normalisation) or columns (batch normalisation), as function tables. Plain C
// types only: files compiled once per instruction set include this.
//
// The tables' elements (float32 or float64) are behind void pointers. Sums accumulate in the
// elements' own type. An output may be the first input's memory unless said otherwise.

#include <cstdint>

namespace nacre::cpu {

struct RowwiseTable {
  void (*softmax)(const void* x, void* y, int64_t rows, int64_t columns);
  void (*log_softmax)(const void* x, void* y, int64_t rows, int64_t columns);
  void (*softmax_grad)(const void* y, const void* dy, void* dx, int64_t rows, int64_t columns);
  void (*log_softmax_grad)(const void* y, const void* dy, void* dx, int64_t rows, int64_t columns);
  void (*cross_entropy)(const void* logits, const void* target, void* loss, int64_t rows,
                        int64_t columns);
  void (*cross_entropy_grad)(const void* logits, const void* target, const void* dloss, void* dx,
                             int64_t rows, int64_t columns);
  // A label below 0 gives loss 0 and gradient 0.
  void (*sparse_cross_entropy)(const void* logits, const int64_t* labels, void* loss, int64_t rows,
                               int64_t columns);
  void (*sparse_cross_entropy_grad)(const void* logits, const int64_t* labels, const void* dloss,
                                    void* dx, int64_t rows, int64_t columns);
  void (*layer_norm)(const void* x, const void* gamma, const void* beta, void* y, void* mean,
                     void* variance, int64_t rows, int64_t columns, double epsilon);
  // Adds nothing: dgamma and dbeta are the sums over these rows only. dx may not be dy's memory.
  void (*layer_norm_grad)(const void* x, const void* gamma, const void* mean, const void* variance,
                          const void* dy, void* dx, void* dgamma, void* dbeta, int64_t rows,
                          int64_t columns, double epsilon);
};

// Per column; rows lie `stride` elements apart.
struct NormTable {
  // Mean and sum of squared deviations of each column.
  void (*moments)(const void* x, int64_t rows, int64_t stride, int64_t columns, void* mean,
                  void* deviation);
  // y = (x - mean) * scale + shift.
  void (*normalise)(const void* x, const void* mean, const void* scale, const void* shift, void* y,
                    int64_t rows, int64_t stride, int64_t columns);
  // Sums over rows of dy and of dy * (x - mean).
  void (*gradient_sums)(const void* x, const void* mean, const void* dy, int64_t rows,
                        int64_t stride, int64_t columns, void* sum, void* product_sum);
  // dx = a * dy + b * (x - mean) + c.
  void (*input_gradient)(const void* x, const void* mean, const void* dy, const void* a,
                         const void* b, const void* c, void* dx, int64_t rows, int64_t stride,
                         int64_t columns);
};

}  // namespace nacre::cpu
