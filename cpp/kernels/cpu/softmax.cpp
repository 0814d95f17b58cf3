#include <array>

#include "kernels/cpu/row_tasks.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

struct SoftmaxParams {
  const RowwiseTable* table;
  Matrix matrix;
  int64_t size;
  double cost;
};

using RowFn = void (*)(const void*, void*, int64_t, int64_t);
using RowGradFn = void (*)(const void*, const void*, void*, int64_t, int64_t);

template <RowFn RowwiseTable::* member>
void run_forward(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto& p = *static_cast<const SoftmaxParams*>(opaque);
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    const int64_t offset = first * p.matrix.columns;
    (p.table->*member)(at(inputs[0], offset, p.size), at(outputs[0], offset, p.size), rows,
                       p.matrix.columns);
  });
}

template <RowGradFn RowwiseTable::* member>
void run_grad(const void* opaque, const void* const* inputs, void* const* outputs,
              const KernelContext& context) {
  const auto& p = *static_cast<const SoftmaxParams*>(opaque);
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    const int64_t offset = first * p.matrix.columns;
    (p.table->*member)(at(inputs[0], offset, p.size), at(inputs[1], offset, p.size),
                       at(outputs[0], offset, p.size), rows, p.matrix.columns);
  });
}

std::string refuse(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  if (!find_rowwise_table(x.dtype)) return no_kernel(op_case.op, x.dtype);
  if (op_case.attrs.integer("axis") != static_cast<int64_t>(x.shape.size()) - 1) {
    return std::string(op_case.op) + ": the cpu kernel works along the last axis";
  }
  return "";
}

template <Kernel::Fn fn>
Kernel prepare(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  const double cost = 20 + static_cast<double>(x.count()) * (x.dtype == DType::Float32 ? 0.8 : 12);
  return make_kernel(fn,
                     SoftmaxParams{find_rowwise_table(x.dtype), matrix_of(x.shape),
                                   static_cast<int64_t>(dtype_size(x.dtype)), cost},
                     cost);
}

}  // namespace

std::span<const OpEntry> softmax_entries() {
  using Table = RowwiseTable;
  static const std::array entries = {
      OpEntry{"softmax", refuse, prepare<run_forward<&Table::softmax>>},
      OpEntry{"log_softmax", refuse, prepare<run_forward<&Table::log_softmax>>},
      OpEntry{"softmax_grad", refuse, prepare<run_grad<&Table::softmax_grad>>},
      OpEntry{"log_softmax_grad", refuse, prepare<run_grad<&Table::log_softmax_grad>>},
  };
  return entries;
}

}  // namespace nacre::cpu
