// Matrix product.

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

// One operand: batches of rows by columns, perhaps stored the other way round.
struct Matrix {
  const void* from;
  Sizes batch;
  int64_t rows, columns;
  bool transposed;

  Matrix(const Call& c, size_t operand, const char* flag)
      : from(c.in(operand)),
        batch(c.shape(operand).begin(), c.shape(operand).end() - 2),
        transposed(c.attrs().flag(flag)) {
    const Sizes& shape = c.shape(operand);
    rows = shape[shape.size() - 2];
    columns = shape[shape.size() - 1];
    if (transposed) std::swap(rows, columns);
  }
  int64_t base(const Sizes& index) const { return broadcast_offset(index, batch) * rows * columns; }
  int64_t at(int64_t row, int64_t column) const {
    return transposed ? column * rows + row : row * columns + column;
  }
};

void run_matmul(const Call& c) {
  const Matrix a(c, 0, "transpose_a");
  const Matrix b(c, 1, "transpose_b");
  const Sizes batch(c.out_shape().begin(), c.out_shape().end() - 2);
  with_type<kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    void* y = c.out();
    int64_t to = 0;
    for (Index index(batch); index.more(); index.next()) {
      const int64_t base_a = a.base(index.at());
      const int64_t base_b = b.base(index.at());
      for (int64_t row = 0; row < a.rows; ++row) {
        for (int64_t column = 0; column < b.columns; ++column) {
          Wide<T> sum{0};
          for (int64_t k = 0; k < a.columns; ++k) {
            sum = plus(sum, times(load<T>(a.from, base_a + a.at(row, k)),
                                  load<T>(b.from, base_b + b.at(k, column))));
          }
          store<T>(y, to++, sum);
        }
      }
    }
  });
}

Kernel prepare_matmul(const OpCase& c) {
  Kernel kernel = prepare<run_matmul>(c);
  const Sizes& a = c.inputs[0].shape;
  const int64_t depth = a[a.size() - (c.attrs.flag("transpose_a") ? 2 : 1)];
  kernel.cost = 2.0 * static_cast<double>(c.outputs[0].count()) * static_cast<double>(depth);
  return kernel;
}

constexpr OpEntry kEntries[] = {
    {"matmul", accepts<kNumbers, kLikeFirst>, prepare_matmul},
};

}  // namespace

std::span<const OpEntry> contraction_entries() { return kEntries; }

}  // namespace nacre::reference
