// Layer normalisation with its gradient. Sums over rows are taken over blocks whose size follows
// from the shape and combined in order, so the bits do not depend on the number of threads.

#include <algorithm>
#include <array>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/reduce.h"
#include "kernels/cpu/row_tasks.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

struct NormParams {
  const RowwiseTable* rowwise;
  const ReduceTable* reduce;
  Matrix matrix;
  int64_t size;
  int64_t block;   // rows
  int64_t blocks;  // of rows
  double epsilon, cost;
};

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

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.inputs[0].dtype;
  return find_rowwise_table(dtype) ? "" : no_kernel(op_case.op, dtype);
}

NormParams params_of(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  NormParams p{};
  p.rowwise = find_rowwise_table(x.dtype);
  const bool is_double = x.dtype == DType::Float64;
  p.reduce = is_double ? generic_reduce_table(x.dtype) : active_isa().reduce;
  p.matrix = matrix_of(x.shape);
  p.size = static_cast<int64_t>(dtype_size(x.dtype));
  p.epsilon = op_case.attrs.real("epsilon");
  p.cost = 30 + 0.5 * static_cast<double>(x.count());
  return p;
}

Kernel prepare_layer(const OpCase& op_case) {
  const NormParams p = params_of(op_case);
  return make_kernel(run_layer_norm, p, p.cost);
}

Kernel prepare_layer_grad(const OpCase& op_case) {
  NormParams p = params_of(op_case);
  constexpr int64_t kMostBlocks = 64;
  p.block = std::max(rows_per_task(p.matrix), (p.matrix.rows + kMostBlocks - 1) / kMostBlocks);
  p.blocks = (p.matrix.rows + p.block - 1) / p.block;
  return make_kernel(run_layer_norm_grad, p, p.cost,
                     static_cast<size_t>(2 * p.blocks * p.matrix.columns * p.size));
}

}  // namespace

std::span<const OpEntry> layer_norm_entries() {
  static const std::array entries = {
      OpEntry{"layer_norm", refuse, prepare_layer},
      OpEntry{"layer_norm_grad", refuse, prepare_layer_grad},
  };
  return entries;
}

}  // namespace nacre::cpu
