// Softmax cross-entropy from logits, with target distributions or integer labels, and gradients.
// A label outside [0, classes) gives loss and gradient 0 and sets the status word.

#include <array>

#include "kernels/cpu/index_reader.h"
#include "kernels/cpu/row_tasks.h"
#include "kernels/cpu/rowwise.h"

namespace nacre::cpu {
namespace {

struct LossParams {
  const RowwiseTable* table;
  Matrix matrix;
  int64_t size;
  double cost;
  DType label_dtype;
  bool ignores = false;
  int64_t ignored = 0;
};

void run_loss(const void* opaque, const void* const* inputs, void* const* outputs,
              const KernelContext& context) {
  const auto& p = *static_cast<const LossParams*>(opaque);
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    const int64_t offset = first * p.matrix.columns;
    p.table->cross_entropy(at(inputs[0], offset, p.size), at(inputs[1], offset, p.size),
                           at(outputs[0], first, p.size), rows, p.matrix.columns);
  });
}

void run_loss_grad(const void* opaque, const void* const* inputs, void* const* outputs,
                   const KernelContext& context) {
  const auto& p = *static_cast<const LossParams*>(opaque);
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    const int64_t offset = first * p.matrix.columns;
    p.table->cross_entropy_grad(at(inputs[0], offset, p.size), at(inputs[1], offset, p.size),
                                at(inputs[2], first, p.size), at(outputs[0], offset, p.size), rows,
                                p.matrix.columns);
  });
}

// Calls body(first, rows, labels) with labels as int64, -1 where a row does not count.
template <class Body>
void over_labelled_rows(const LossParams& p, const void* labels, const KernelContext& context,
                        Body&& body) {
  over_rows(context, p.matrix, p.cost, [&](int64_t first, int64_t rows) {
    constexpr int64_t kBatch = 128;
    int64_t batch[kBatch];
    for (int64_t done = 0; done < rows; done += kBatch) {
      const int64_t n = std::min(kBatch, rows - done);
      read_indices(labels, p.label_dtype, first + done, n, batch);
      for (int64_t i = 0; i < n; ++i) {
        if (p.ignores && batch[i] == p.ignored) {
          batch[i] = -1;
        } else if (batch[i] < 0 || batch[i] >= p.matrix.columns) {
          set_status(context, kStatusBadLabel, batch[i]);
          batch[i] = -1;
        }
      }
      body(first + done, n, batch);
    }
  });
}

void run_sparse(const void* opaque, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  const auto& p = *static_cast<const LossParams*>(opaque);
  over_labelled_rows(p, inputs[1], context, [&](int64_t first, int64_t n, const int64_t* labels) {
    p.table->sparse_cross_entropy(at(inputs[0], first * p.matrix.columns, p.size), labels,
                                  at(outputs[0], first, p.size), n, p.matrix.columns);
  });
}

void run_sparse_grad(const void* opaque, const void* const* inputs, void* const* outputs,
                     const KernelContext& context) {
  const auto& p = *static_cast<const LossParams*>(opaque);
  over_labelled_rows(p, inputs[1], context, [&](int64_t first, int64_t n, const int64_t* labels) {
    const int64_t offset = first * p.matrix.columns;
    p.table->sparse_cross_entropy_grad(at(inputs[0], offset, p.size), labels,
                                       at(inputs[2], first, p.size), at(outputs[0], offset, p.size),
                                       n, p.matrix.columns);
  });
}

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.inputs[0].dtype;
  if (!find_rowwise_table(dtype)) return no_kernel(op_case.op, dtype);
  const bool sparse = op_case.op.substr(0, 6) == "sparse";
  if (sparse && !is_integer(op_case.inputs[1].dtype)) {
    return std::string(op_case.op) + ": no cpu kernel for labels of " +
           std::string(dtype_name(op_case.inputs[1].dtype));
  }
  return "";
}

template <Kernel::Fn fn>
Kernel prepare(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  LossParams params{};
  params.table = find_rowwise_table(x.dtype);
  params.matrix = matrix_of(x.shape);
  params.size = static_cast<int64_t>(dtype_size(x.dtype));
  params.cost = 20 + static_cast<double>(x.count()) * (x.dtype == DType::Float32 ? 0.8 : 12);
  params.label_dtype = op_case.inputs[1].dtype;
  params.ignores = op_case.attrs.has("ignore");
  if (params.ignores) params.ignored = op_case.attrs.integer("ignore");
  return make_kernel(fn, params, params.cost);
}

}  // namespace

std::span<const OpEntry> cross_entropy_entries() {
  static const std::array entries = {
      OpEntry{"softmax_cross_entropy", refuse, prepare<run_loss>},
      OpEntry{"softmax_cross_entropy_grad", refuse, prepare<run_loss_grad>},
      OpEntry{"sparse_softmax_cross_entropy", refuse, prepare<run_sparse>},
      OpEntry{"sparse_softmax_cross_entropy_grad", refuse, prepare<run_sparse_grad>},
  };
  return entries;
}

}  // namespace nacre::cpu
