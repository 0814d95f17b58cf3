#pragma once

#include <cstdint>
#include <vector>

#include "core/dtype.h"
#include "core/kernel_context.h"

namespace nacre {

// An array of samples as it lies in memory: any strides, any dtype, never copied as a whole.
struct ArraySource {
  const char* data = nullptr;
  DType dtype = DType::Float32;
  std::vector<int64_t> shape;    // samples first
  std::vector<int64_t> strides;  // bytes

  int64_t samples() const { return shape.empty() ? 0 : shape[0]; }
  // Shape of `rows` samples.
  std::vector<int64_t> batch_shape(int64_t rows) const;
};

// Copies samples into a dense batch, converting to the batch's dtype.
class Gather {
 public:
  Gather(const ArraySource& source, DType dtype);

  // Rows [first, first + rows) lie in memory just as the program wants them; null when they do not.
  const void* in_place(int64_t first) const;
  // Rows order[0..rows) of the source, or first, first + 1, ... when order is null.
  void rows(const int64_t* order, int64_t first, int64_t rows, void* batch,
            const KernelContext& context) const;
  int64_t row_bytes() const { return row_count_ * static_cast<int64_t>(dtype_size(dtype_)); }

 private:
  using Convert = void (*)(const char* from, int64_t stride, char* to, int64_t count);
  struct Piece {
    int64_t row_begin, row_end;        // of the batch
    int64_t column_begin, column_end;  // elements of a row; a part of it only where rows are dense
  };
  void row(const char* from, char* to) const;
  void piece(const int64_t* order, int64_t first, const Piece& piece, char* batch) const;

  const ArraySource& source_;
  DType dtype_;
  int64_t row_count_ = 1;
  bool dense_ = false;  // a row is one contiguous run
  bool same_ = false;   // no conversion
  Convert convert_ = nullptr;
};

}  // namespace nacre
