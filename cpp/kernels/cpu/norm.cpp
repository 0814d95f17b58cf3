// Layer and batch normalisation with gradients. Sums over rows are taken over blocks whose size
// follows from the shape; the blocks' results are combined in order (batch normalisation: in
// double), so the bits do not depend on the number of threads.

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/reduce.h"
#include "kernels/cpu/row_tasks.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

struct NormParams {
  const RowwiseTable* rowwise;
  const NormTable* table;
  const ReduceTable* reduce;
  Matrix matrix;
  bool is_double;
  int64_t size;
  int64_t block;   // rows
  int64_t blocks;  // of rows
  double epsilon, cost;
};

constexpr int64_t kStrip = 256;  // columns of one task

void run_layer_norm(const void* opaque, const void* const* inputs, void* const* outputs,
                    const KernelContext& context) {
  const auto& p = *static_cast<const NormParams*>(opaque);
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    const int64_t offset = first * p.matrix.columns;
    p.rowwise->layer_norm(at(inputs[0], offset, p.size), inputs[1], inputs[2],
                          at(outputs[0], offset, p.size), at(outputs[1], first, p.size),
                          at(outputs[2], first, p.size), rows, p.matrix.columns, p.epsilon);
  });
}

void run_layer_norm_grad(const void* opaque, const void* const* inputs, void* const* outputs,
                         const KernelContext& context) {
  const auto& p = *static_cast<const NormParams*>(opaque);
  const int64_t columns = p.matrix.columns;
  // Partial sums: gamma's of all blocks, then beta's.
  char* partial = context.workspace;
  run_chunks(context, p.cost, p.blocks, [&](int64_t b) {
    const int64_t first = b * p.block, rows = std::min(p.block, p.matrix.rows - first);
    const int64_t offset = first * columns;
    p.rowwise->layer_norm_grad(
        at(inputs[0], offset, p.size), inputs[1], at(inputs[2], first, p.size),
        at(inputs[3], first, p.size), at(inputs[4], offset, p.size), at(outputs[0], offset, p.size),
        at(partial, b * columns, p.size), at(partial, (p.blocks + b) * columns, p.size), rows,
        columns, p.epsilon);
  });
  const auto sum = p.reduce->rows[static_cast<int>(ReduceOp::sum)];
  sum(partial, p.blocks, columns, columns, outputs[1]);
  sum(at(partial, p.blocks * columns, p.size), p.blocks, columns, columns, outputs[2]);
}

double value_of(const NormParams& p, const void* values, int64_t i) {
  return p.is_double ? static_cast<const double*>(values)[i] : static_cast<const float*>(values)[i];
}
void set_value(const NormParams& p, void* values, int64_t i, double value) {
  if (p.is_double) {
    static_cast<double*>(values)[i] = value;
  } else {
    static_cast<float*>(values)[i] = static_cast<float>(value);
  }
}

// body(block, first row, rows, first column, columns) over the grid of tasks.
template <class Body>
void over_grid(const NormParams& p, const KernelContext& context, Body&& body) {
  const int64_t strips = (p.matrix.columns + kStrip - 1) / kStrip;
  run_chunks(context, p.cost, p.blocks * strips, [&](int64_t task) {
    const int64_t b = task / strips, column = task % strips * kStrip;
    const int64_t first = b * p.block;
    body(b, first, std::min(p.block, p.matrix.rows - first), column,
         std::min(kStrip, p.matrix.columns - column));
  });
}

// Workspace: per block mean and deviation, then per column scale, shift and a copy of the mean.
void run_batch_norm(const void* opaque, const void* const* inputs, void* const* outputs,
                    const KernelContext& context) {
  const auto& p = *static_cast<const NormParams*>(opaque);
  const int64_t columns = p.matrix.columns, stride = columns;
  char* means = context.workspace;
  char* deviations = at(static_cast<void*>(means), p.blocks * columns, p.size);
  char* scale = at(static_cast<void*>(deviations), p.blocks * columns, p.size);
  over_grid(p, context, [&](int64_t b, int64_t first, int64_t rows, int64_t column, int64_t n) {
    p.table->moments(at(inputs[0], first * stride + column, p.size), rows, stride, n,
                     at(static_cast<void*>(means), b * columns + column, p.size),
                     at(static_cast<void*>(deviations), b * columns + column, p.size));
  });
  const double total = static_cast<double>(p.matrix.rows);
  for (int64_t c = 0; c < columns; ++c) {
    double mean = 0, deviation = 0;
    auto rows_of = [&](int64_t b) {
      return static_cast<double>(std::min(p.block, p.matrix.rows - b * p.block));
    };
    for (int64_t b = 0; b < p.blocks; ++b) mean += value_of(p, means, b * columns + c) * rows_of(b);
    mean /= total;
    for (int64_t b = 0; b < p.blocks; ++b) {
      const double shift = value_of(p, means, b * columns + c) - mean;
      deviation += value_of(p, deviations, b * columns + c) + shift * shift * rows_of(b);
    }
    const double variance = deviation / total;
    set_value(p, outputs[1], c, mean);
    set_value(p, outputs[2], c, variance);
    set_value(p, scale, c, value_of(p, inputs[1], c) / std::sqrt(variance + p.epsilon));
  }
  over_grid(p, context, [&](int64_t, int64_t first, int64_t rows, int64_t column, int64_t n) {
    const int64_t offset = first * stride + column;
    p.table->normalise(
        at(inputs[0], offset, p.size), at(static_cast<const void*>(outputs[1]), column, p.size),
        at(static_cast<const void*>(scale), column, p.size), at(inputs[2], column, p.size),
        at(outputs[0], offset, p.size), rows, stride, n);
  });
}

// Workspace: per block the two sums, then per column a, b and c of the input's gradient.
void run_batch_norm_grad(const void* opaque, const void* const* inputs, void* const* outputs,
                         const KernelContext& context) {
  const auto& p = *static_cast<const NormParams*>(opaque);
  const int64_t columns = p.matrix.columns, stride = columns;
  const void *x = inputs[0], *gamma = inputs[1], *mean = inputs[2], *variance = inputs[3];
  const void* dy = inputs[4];
  void* sums = context.workspace;
  void* products = at(sums, p.blocks * columns, p.size);
  void* a = at(products, p.blocks * columns, p.size);
  void* b = at(a, columns, p.size);
  void* c = at(b, columns, p.size);
  over_grid(p, context, [&](int64_t k, int64_t first, int64_t rows, int64_t column, int64_t n) {
    const int64_t offset = first * stride + column;
    p.table->gradient_sums(at(x, offset, p.size), at(mean, column, p.size), at(dy, offset, p.size),
                           rows, stride, n, at(sums, k * columns + column, p.size),
                           at(products, k * columns + column, p.size));
  });
  const double total = static_cast<double>(p.matrix.rows);
  for (int64_t i = 0; i < columns; ++i) {
    double sum = 0, product = 0;
    for (int64_t k = 0; k < p.blocks; ++k) {
      sum += value_of(p, sums, k * columns + i);
      product += value_of(p, products, k * columns + i);
    }
    const double rstd = 1 / std::sqrt(value_of(p, variance, i) + p.epsilon);
    const double scale = value_of(p, gamma, i) * rstd;
    set_value(p, outputs[1], i, product * rstd);
    set_value(p, outputs[2], i, sum);
    set_value(p, a, i, scale);
    set_value(p, b, i, -scale * rstd * rstd * product / total);
    set_value(p, c, i, -scale * sum / total);
  }
  over_grid(p, context, [&](int64_t, int64_t first, int64_t rows, int64_t column, int64_t n) {
    const int64_t offset = first * stride + column;
    p.table->input_gradient(at(x, offset, p.size), at(mean, column, p.size), at(dy, offset, p.size),
                            at(a, column, p.size), at(b, column, p.size), at(c, column, p.size),
                            at(outputs[0], offset, p.size), rows, stride, n);
  });
}

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.inputs[0].dtype;
  return find_norm_table(dtype) ? "" : no_kernel(op_case.op, dtype);
}

std::string refuse_batch(const OpCase& op_case) {
  const size_t rank = op_case.inputs[0].shape.size();
  const std::vector<int64_t>& axes = op_case.attrs.ints("axes");
  bool leading = axes.size() + 1 == rank;
  for (size_t i = 0; leading && i < axes.size(); ++i) leading = axes[i] == static_cast<int64_t>(i);
  if (!leading) return std::string(op_case.op) + ": the cpu kernel keeps the last axis only";
  return refuse(op_case);
}

NormParams params_of(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  NormParams p{};
  p.rowwise = find_rowwise_table(x.dtype);
  p.table = find_norm_table(x.dtype);
  p.is_double = x.dtype == DType::Float64;
  p.reduce = p.is_double ? generic_reduce_table(x.dtype) : active_isa().reduce;
  p.matrix = matrix_of(x.shape);
  p.size = static_cast<int64_t>(dtype_size(x.dtype));
  p.epsilon = op_case.attrs.real("epsilon");
  p.cost = 30 + 0.5 * static_cast<double>(x.count());
  return p;
}

// At least `least` rows a block, at most `most` blocks.
void cut_rows(NormParams* p, int64_t least, int64_t most) {
  p->block = std::max({int64_t{1}, least, (p->matrix.rows + most - 1) / most});
  p->blocks = (p->matrix.rows + p->block - 1) / p->block;
}

Kernel prepare_layer(const OpCase& op_case) {
  const NormParams p = params_of(op_case);
  return make_kernel(run_layer_norm, p, p.cost);
}

Kernel prepare_layer_grad(const OpCase& op_case) {
  NormParams p = params_of(op_case);
  cut_rows(&p, rows_per_task(p.matrix), 64);
  return make_kernel(run_layer_norm_grad, p, p.cost,
                     static_cast<size_t>(2 * p.blocks * p.matrix.columns * p.size));
}

template <Kernel::Fn fn>
Kernel prepare_batch(const OpCase& op_case) {
  NormParams p = params_of(op_case);
  cut_rows(&p, 256, 256);
  return make_kernel(fn, p, p.cost,
                     static_cast<size_t>((2 * p.blocks + 3) * p.matrix.columns * p.size));
}

}  // namespace

std::span<const OpEntry> norm_entries() {
  static const std::array entries = {
      OpEntry{"layer_norm", refuse, prepare_layer},
      OpEntry{"layer_norm_grad", refuse, prepare_layer_grad},
      OpEntry{"batch_norm", refuse_batch, prepare_batch<run_batch_norm>},
      OpEntry{"batch_norm_grad", refuse_batch, prepare_batch<run_batch_norm_grad>},
  };
  return entries;
}

}  // namespace nacre::cpu
