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

// What follows a batch normalisation: nothing, ReLU, or ReLU up to a limit.
enum class NormActivation { None, Relu, Limited };

// A block of batch normalisation: rows lie `stride` elements apart, and everything else is per
// column. What is normalised, before the activation, is z = (x - mean) * scale + shift.
struct NormTask {
  const void* x;
  int64_t rows, stride, columns;
  const void* mean;
  const void* scale;
  const void* shift;
  const void* other;  // of x's layout: added to z, null for nothing; in gradients, dy
  NormActivation activation;
  double limit;
};

// Gradients pass dy through the activation's gradient at z first: g.
struct NormTable {
  // Of each column of x, which has a first row: the mean less that row's value, and the sum of
  // squared deviations from the mean.
  void (*moments)(const NormTask& task, void* shift, void* deviation);
  // y = activation(z + other).
  void (*normalise)(const NormTask& task, void* y);
  // Sums over rows of g and of g * (x - mean).
  void (*gradient_sums)(const NormTask& task, void* sum, void* product_sum);
  // dx = scale * g + slope * (x - mean) + offset. May be dy's memory.
  void (*input_gradient)(const NormTask& task, const void* slope, const void* offset, void* dx);
};

}  // namespace nacre::cpu
