#pragma once

// Copies a block of elements between two strided places: what transposing, slicing, padding,
// joining, reversing and broadcasting have in common. Works by element size, for every dtype.

#include <cstdint>
#include <vector>

#include "core/kernel_context.h"

namespace nacre::cpu {

// Row-major strides in elements.
std::vector<int64_t> strides_of(const std::vector<int64_t>& shape);

struct StridedCopy {
  // Over every index of `dims`: to[sum(index * to_stride)] = from[sum(index * from_stride)].
  // Strides are in elements; from_stride may be 0 or negative. Places written must be distinct.
  StridedCopy() = default;
  StridedCopy(const std::vector<int64_t>& dims, const std::vector<int64_t>& from_stride,
              const std::vector<int64_t>& to_stride, size_t element_size);

  // `from` and `to` point at index 0 of every dimension. They must not overlap.
  void run(const void* from, void* to, const KernelContext& context) const;

  int64_t count = 0;  // elements
  double cost = 0;    // nanoseconds on one core

 private:
  struct Dim {
    int64_t size, from, to;
  };
  void run_task(const char* from, char* to, int64_t task) const;

  std::vector<Dim> outer_;
  Dim rows_{1, 0, 0}, columns_{1, 1, 1};
  int64_t size_ = 1;
  int64_t row_block_ = 1, row_blocks_ = 1;  // rows of one task
  int64_t outer_count_ = 1, outer_batch_ = 1;
};

// n elements of the value that `value` points at.
void fill_elements(void* to, const void* value, size_t element_size, int64_t n,
                   const KernelContext& context);

}  // namespace nacre::cpu
