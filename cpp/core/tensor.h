#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/dtype.h"

namespace nacre {

// An array in host memory: dense, row-major, 64-byte aligned unless it is someone else's memory.
// Copies share the elements. By convention a tensor is written only by whoever made it, before it
// is handed on; after that it never changes.
class Tensor {
 public:
  Tensor() = default;  // no tensor; defined() is false

  // Elements are not initialised. Throws MemoryError when they do not fit this machine, ValueError
  // for a negative dimension.
  static Tensor empty(DType dtype, std::vector<int64_t> shape);
  static Tensor zeros(DType dtype, std::vector<int64_t> shape);
  static Tensor from_bytes(const void* elements, DType dtype, std::vector<int64_t> shape);
  // Rank 0, converted as by a cast (floats to integers toward zero, and clamped to their range).
  static Tensor scalar(double value, DType dtype);
  // Memory of another owner (a NumPy array), kept alive by `owner`: no copy, any alignment, and no
  // bytes may be read behind its end. Through a const pointer it is read-only.
  static Tensor external(void* elements, DType dtype, std::vector<int64_t> shape,
                         std::shared_ptr<void> owner);
  static Tensor external(const void* elements, DType dtype, std::vector<int64_t> shape,
                         std::shared_ptr<void> owner);

  bool defined() const { return storage_ != nullptr; }
  DType dtype() const { return dtype_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t count() const { return count_; }
  size_t bytes() const { return static_cast<size_t>(count_) * dtype_size(dtype_); }
  // Whether kernels may read up to 64 bytes behind the end.
  bool padded() const;

  const void* data() const;
  void* mutable_data();  // throws InternalError on read-only memory
  template <class T>
  const T* data_as() const {
    return static_cast<const T*>(data());
  }
  template <class T>
  T* mutable_data_as() {
    return static_cast<T*>(mutable_data());
  }

  // The same elements under another shape of as many elements; throws InternalError otherwise.
  Tensor reshaped(std::vector<int64_t> shape) const;
  // The only element; throws ValueError when there is not exactly one.
  double item_as_double() const;

 private:
  struct Storage;
  Tensor(std::shared_ptr<Storage> storage, DType dtype, std::vector<int64_t> shape, int64_t count);

  std::shared_ptr<Storage> storage_;
  DType dtype_ = DType::Float32;
  int64_t count_ = 0;
  std::vector<int64_t> shape_;
};

}  // namespace nacre
