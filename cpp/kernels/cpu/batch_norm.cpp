// Batch normalisation with its gradient, and with what may stand around them: a sum and ReLU behind
// the normalisation, ReLU's gate before its gradient. Sums over rows are taken over blocks whose
// size follows from the shape; the blocks' results are combined in order and in double, so the bits
// do not depend on the number of threads.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/row_tasks.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

constexpr int64_t kStrip = 256;      // columns of one task
constexpr int kGradientOperand = 4;  // dy, whose memory dx may take

struct BatchNorm {
  const NormTable* table;
  Matrix matrix;
  int64_t block;   // rows
  int64_t blocks;  // of rows
  bool residual;
  NormActivation activation;
  double limit, epsilon, cost;

  int64_t rows_of(int64_t b) const { return std::min(block, matrix.rows - b * block); }
};

// The workspace: two doubles per column, then two sums per block and column, then per column what
// the second pass needs.
template <class T>
struct Workspace {
  Workspace(const BatchNorm& p, char* memory)
      : total(reinterpret_cast<double*>(memory)),
        second_total(total + p.matrix.columns),
        sums(reinterpret_cast<T*>(second_total + p.matrix.columns)),
        second_sums(sums + p.blocks * p.matrix.columns),
        scale(second_sums + p.blocks * p.matrix.columns),
        slope(scale + p.matrix.columns),
        offset(slope + p.matrix.columns) {}

  static size_t bytes(const BatchNorm& p) {
    return static_cast<size_t>(p.matrix.columns) *
           (2 * sizeof(double) + static_cast<size_t>(2 * p.blocks + 3) * sizeof(T));
  }

  double *total, *second_total;
  T *sums, *second_sums;
  T *scale, *slope, *offset;
};

// body(task of a block of x, its number, where it begins, its first column) for every block.
template <class T, class Body>
void over_blocks(const BatchNorm& p, const KernelContext& context, const NormTask& all,
                 Body&& body) {
  const int64_t strips = (p.matrix.columns + kStrip - 1) / kStrip;
  run_chunks(context, p.cost, p.blocks * strips, [&](int64_t number) {
    const int64_t b = number / strips, column = number % strips * kStrip;
    const int64_t begin = b * p.block * p.matrix.columns + column;
    const auto moved = [](const void* values, int64_t by) -> const void* {
      return values == nullptr ? nullptr : static_cast<const T*>(values) + by;
    };
    NormTask task = all;
    task.x = moved(all.x, begin);
    task.other = moved(all.other, begin);
    task.mean = moved(all.mean, column);
    task.scale = moved(all.scale, column);
    task.shift = moved(all.shift, column);
    task.rows = p.rows_of(b);
    task.columns = std::min(kStrip, p.matrix.columns - column);
    body(task, b, begin, column);
  });
}

NormTask whole(const BatchNorm& p, const void* x) {
  NormTask task{};
  task.x = x;
  task.stride = p.matrix.columns;
  task.activation = p.activation;
  task.limit = p.limit;
  return task;
}

// gamma / sqrt(variance + epsilon), the same bits in both directions.
template <class T>
void set_scale(const BatchNorm& p, const void* gamma, const void* variance, T* scale) {
  for (int64_t c = 0; c < p.matrix.columns; ++c) {
    const double deviation =
        std::sqrt(static_cast<double>(static_cast<const T*>(variance)[c]) + p.epsilon);
    scale[c] = static_cast<T>(static_cast<double>(static_cast<const T*>(gamma)[c]) / deviation);
  }
}

// The blocks' moments become those of all rows. A block's mean is its first row's value and a
// shift.
template <class T>
void combine_moments(const BatchNorm& p, const Workspace<T>& w, const T* x, T* mean, T* variance) {
  const int64_t columns = p.matrix.columns;
  const double total = static_cast<double>(p.matrix.rows);
  double *means = w.total, *deviations = w.second_total;
  std::fill_n(means, 2 * columns, 0.0);
  const auto mean_of = [&](int64_t b, int64_t c) {
    return static_cast<double>(x[b * p.block * columns + c]) +
           static_cast<double>(w.sums[b * columns + c]);
  };
  for (int64_t b = 0; b < p.blocks; ++b) {
    const double rows = static_cast<double>(p.rows_of(b));
    for (int64_t c = 0; c < columns; ++c) means[c] += mean_of(b, c) * rows;
  }
  for (int64_t c = 0; c < columns; ++c) means[c] /= total;
  for (int64_t b = 0; b < p.blocks; ++b) {
    const double rows = static_cast<double>(p.rows_of(b));
    for (int64_t c = 0; c < columns; ++c) {
      const double distance = mean_of(b, c) - means[c];
      deviations[c] +=
          static_cast<double>(w.second_sums[b * columns + c]) + distance * distance * rows;
    }
  }
  for (int64_t c = 0; c < columns; ++c) {
    mean[c] = static_cast<T>(means[c]);
    variance[c] = static_cast<T>(deviations[c] / total);
  }
}

// Operands: x, gamma, beta, and what is added before the activation, if anything.
template <class T>
void run_forward(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto& p = *static_cast<const BatchNorm*>(opaque);
  const Workspace<T> w(p, context.workspace);
  NormTask all = whole(p, inputs[0]);
  over_blocks<T>(p, context, all, [&](const NormTask& task, int64_t b, int64_t, int64_t column) {
    const int64_t at = b * p.matrix.columns + column;
    p.table->moments(task, w.sums + at, w.second_sums + at);
  });
  combine_moments(p, w, static_cast<const T*>(inputs[0]), static_cast<T*>(outputs[1]),
                  static_cast<T*>(outputs[2]));
  set_scale(p, inputs[1], outputs[2], w.scale);
  all.mean = outputs[1];
  all.scale = w.scale;
  all.shift = inputs[2];
  if (p.residual) all.other = inputs[3];
  over_blocks<T>(p, context, all, [&](const NormTask& task, int64_t, int64_t begin, int64_t) {
    p.table->normalise(task, static_cast<T*>(outputs[0]) + begin);
  });
}

// The blocks' sums become the parameters' gradients, and the slope and offset of the input's.
template <class T>
void combine_sums(const BatchNorm& p, const Workspace<T>& w, const void* variance, T* dgamma,
                  T* dbeta) {
  const int64_t columns = p.matrix.columns;
  std::fill_n(w.total, 2 * columns, 0.0);
  for (int64_t b = 0; b < p.blocks; ++b) {
    const T *sums = w.sums + b * columns, *products = w.second_sums + b * columns;
    for (int64_t c = 0; c < columns; ++c) {
      w.total[c] += static_cast<double>(sums[c]);
      w.second_total[c] += static_cast<double>(products[c]);
    }
  }
  const double total = static_cast<double>(p.matrix.rows);
  for (int64_t c = 0; c < columns; ++c) {
    const double sum = w.total[c], product = w.second_total[c];
    const double rstd =
        1 / std::sqrt(static_cast<double>(static_cast<const T*>(variance)[c]) + p.epsilon);
    const double scale = static_cast<double>(w.scale[c]);
    dgamma[c] = static_cast<T>(product * rstd);
    dbeta[c] = static_cast<T>(sum);
    w.slope[c] = static_cast<T>(-scale * rstd * rstd * product / total);
    w.offset[c] = static_cast<T>(-scale * sum / total);
  }
}

// Operands: x, gamma, mean, variance, dy, and with an activation beta.
template <class T>
void run_gradient(const void* opaque, const void* const* inputs, void* const* outputs,
                  const KernelContext& context) {
  const auto& p = *static_cast<const BatchNorm*>(opaque);
  const Workspace<T> w(p, context.workspace);
  set_scale(p, inputs[1], inputs[3], w.scale);
  NormTask all = whole(p, inputs[0]);
  all.mean = inputs[2];
  all.scale = w.scale;
  all.shift = p.activation == NormActivation::None ? w.scale : inputs[5];  // then not looked at
  all.other = inputs[kGradientOperand];
  over_blocks<T>(p, context, all, [&](const NormTask& task, int64_t b, int64_t, int64_t column) {
    const int64_t at = b * p.matrix.columns + column;
    p.table->gradient_sums(task, w.sums + at, w.second_sums + at);
  });
  combine_sums(p, w, inputs[3], static_cast<T*>(outputs[1]), static_cast<T*>(outputs[2]));
  over_blocks<T>(p, context, all,
                 [&](const NormTask& task, int64_t, int64_t begin, int64_t column) {
                   p.table->input_gradient(task, w.slope + column, w.offset + column,
                                           static_cast<T*>(outputs[0]) + begin);
                 });
}

bool is_gradient(const OpCase& op) { return op.op.ends_with("_grad"); }

std::string refuse(const OpCase& op) {
  const size_t rank = op.inputs[0].shape.size();
  const std::vector<int64_t>& axes = op.attrs.ints("axes");
  bool leading = axes.size() + 1 == rank;
  for (size_t i = 0; leading && i < axes.size(); ++i) leading = axes[i] == static_cast<int64_t>(i);
  if (!leading) return std::string(op.op) + ": the cpu kernel keeps the last axis only";
  Activation activation = Activation::None;
  if (!activation_of(op, &activation) ||
      (activation != Activation::None && activation != Activation::Relu)) {
    return std::string(op.op) + ": no cpu kernel for activation " + op.attrs.text("activation");
  }
  const DType dtype = op.inputs[0].dtype;
  return find_norm_table(dtype) ? "" : no_kernel(op.op, dtype);
}

// At least 256 rows a block, at most 1024 blocks.
BatchNorm case_of(const OpCase& op) {
  const TensorSpec& x = op.inputs[0];
  BatchNorm p{};
  p.table = find_norm_table(x.dtype);
  p.matrix = matrix_of(x.shape);
  p.block = std::max<int64_t>(256, (p.matrix.rows + 1023) / 1024);
  p.blocks = (p.matrix.rows + p.block - 1) / p.block;
  p.residual = !is_gradient(op) && op.inputs.size() > 3;
  p.limit =
      op.attrs.has("limit") ? op.attrs.real("limit") : std::numeric_limits<double>::infinity();
  Activation activation = Activation::None;
  activation_of(op, &activation);
  if (activation == Activation::Relu) {
    p.activation = op.attrs.has("limit") ? NormActivation::Limited : NormActivation::Relu;
  }
  p.epsilon = op.attrs.real("epsilon");
  p.cost = 30 + 0.5 * static_cast<double>(x.count());
  return p;
}

template <class T>
Kernel prepare_as(const OpCase& op) {
  const BatchNorm p = case_of(op);
  return make_kernel(is_gradient(op) ? run_gradient<T> : run_forward<T>, p, p.cost,
                     Workspace<T>::bytes(p));
}

Kernel prepare(const OpCase& op) {
  return op.inputs[0].dtype == DType::Float64 ? prepare_as<double>(op) : prepare_as<float>(op);
}

}  // namespace

std::span<const OpEntry> batch_norm_entries() {
  static const std::array entries = {
      OpEntry{"batch_norm", refuse, prepare},
      OpEntry{"batch_norm_grad", refuse, prepare, kGradientOperand},
      OpEntry{"cpu.batch_norm", refuse, prepare},
      OpEntry{"cpu.batch_norm_grad", refuse, prepare, kGradientOperand},
  };
  return entries;
}

}  // namespace nacre::cpu
