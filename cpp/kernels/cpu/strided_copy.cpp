#include "kernels/cpu/strided_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/cpu/kernel_tools.h"

namespace nacre::cpu {
namespace {

struct Plane {
  int64_t rows, columns;
  int64_t from_row, from_column, to_row, to_column;  // strides
};

typedef uint32_t Quad __attribute__((vector_size(16)));
typedef uint32_t QuadMemory __attribute__((vector_size(16), aligned(4), may_alias));

constexpr int64_t kBlock = 16;

// to[r * to_row + c] = tile[c][r], every line of memory written once.
template <class T>
void write_transposed(const T (&tile)[kBlock][kBlock], T* to, int64_t to_row) {
  if constexpr (sizeof(T) == 4) {
    for (int64_t r = 0; r < kBlock; r += 4) {
      for (int64_t c = 0; c < kBlock; c += 4) {
        Quad v[4];
        for (int k = 0; k < 4; ++k) v[k] = *reinterpret_cast<const QuadMemory*>(&tile[c + k][r]);
        const Quad a = __builtin_shufflevector(v[0], v[1], 0, 4, 1, 5);
        const Quad b = __builtin_shufflevector(v[2], v[3], 0, 4, 1, 5);
        const Quad d = __builtin_shufflevector(v[0], v[1], 2, 6, 3, 7);
        const Quad e = __builtin_shufflevector(v[2], v[3], 2, 6, 3, 7);
        const Quad out[4] = {
            __builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
            __builtin_shufflevector(d, e, 0, 1, 4, 5), __builtin_shufflevector(d, e, 2, 3, 6, 7)};
        for (int k = 0; k < 4; ++k) {
          *reinterpret_cast<QuadMemory*>(to + (r + k) * to_row + c) = out[k];
        }
      }
    }
  } else {
    for (int64_t r = 0; r < kBlock; ++r) {
      for (int64_t c = 0; c < kBlock; ++c) to[r * to_row + c] = tile[c][r];
    }
  }
}

// to[r * to_row + c] = from[r + c * from_column], by blocks that are read whole before any of it is
// written: rows a power of two apart would push each other out of the cache.
template <class T>
void transpose_plane(const T* from, T* to, const Plane& p) {
  for (int64_t r0 = 0; r0 < p.rows; r0 += kBlock) {
    const int64_t r1 = std::min(p.rows, r0 + kBlock);
    for (int64_t c0 = 0; c0 < p.columns; c0 += kBlock) {
      const int64_t c1 = std::min(p.columns, c0 + kBlock);
      if (r1 - r0 == kBlock && c1 - c0 == kBlock) {
        alignas(64) T tile[kBlock][kBlock];
        for (int64_t c = 0; c < kBlock; ++c) {
          std::memcpy(tile[c], from + r0 + (c0 + c) * p.from_column, sizeof tile[c]);
        }
        write_transposed(tile, to + r0 * p.to_row + c0, p.to_row);
        continue;
      }
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) to[r * p.to_row + c] = from[r + c * p.from_column];
      }
    }
  }
}

template <class T>
void copy_plane(const T* from, T* to, const Plane& p) {
  if (p.from_row == 1 && p.to_column == 1 && p.columns > 1) return transpose_plane(from, to, p);
  for (int64_t r = 0; r < p.rows; ++r) {
    const T* x = from + r * p.from_row;
    T* y = to + r * p.to_row;
    if (p.from_column == 0 && p.to_column == 1) {
      std::fill_n(y, p.columns, *x);
    } else if (p.to_column == 1) {
      for (int64_t c = 0; c < p.columns; ++c) y[c] = x[c * p.from_column];
    } else {
      for (int64_t c = 0; c < p.columns; ++c) y[c * p.to_column] = x[c * p.from_column];
    }
  }
}

constexpr int64_t kTaskElements = 16384;

}  // namespace

std::vector<int64_t> strides_of(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

StridedCopy::StridedCopy(const std::vector<int64_t>& dims, const std::vector<int64_t>& from_stride,
                         const std::vector<int64_t>& to_stride, size_t element_size)
    : size_(static_cast<int64_t>(element_size)) {
  count = 1;
  std::vector<Dim> merged;
  for (size_t i = 0; i < dims.size(); ++i) {
    count *= dims[i];
    if (dims[i] == 1) continue;
    const Dim dim{dims[i], from_stride[i], to_stride[i]};
    if (!merged.empty() && merged.back().from == dim.from * dim.size &&
        merged.back().to == dim.to * dim.size) {
      merged.back() = {merged.back().size * dim.size, dim.from, dim.to};
    } else {
      merged.push_back(dim);
    }
  }
  cost = 20 + 0.3 * static_cast<double>(count);
  if (count == 0) return;
  if (!merged.empty()) {
    columns_ = merged.back();
    merged.pop_back();
  }
  if (!merged.empty()) {
    // Where columns are far apart in the source, rows should be the neighbours there.
    size_t pick = merged.size() - 1;
    if (std::abs(columns_.from) > 1) {
      for (size_t i = 0; i < merged.size(); ++i) {
        if (merged[i].from == 1) pick = i;
      }
    }
    rows_ = merged[pick];
    merged.erase(merged.begin() + static_cast<std::ptrdiff_t>(pick));
  }
  outer_ = std::move(merged);
  for (const Dim& dim : outer_) outer_count_ *= dim.size;
  row_block_ = std::clamp<int64_t>(kTaskElements / columns_.size, 1, rows_.size);
  if (rows_.from == 1) row_block_ = std::min(rows_.size, (row_block_ + 31) / 32 * 32);
  row_blocks_ = (rows_.size + row_block_ - 1) / row_block_;
  outer_batch_ = std::max<int64_t>(1, kTaskElements / (rows_.size * columns_.size));
}

void StridedCopy::run_task(const char* from, char* to, int64_t task) const {
  const int64_t block = task % row_blocks_, batch = task / row_blocks_;
  const int64_t row = block * row_block_;
  const int64_t last = std::min(outer_count_, (batch + 1) * outer_batch_);
  Plane plane{std::min(row_block_, rows_.size - row),
              columns_.size,
              rows_.from,
              columns_.from,
              rows_.to,
              columns_.to};
  for (int64_t o = batch * outer_batch_; o < last; ++o) {
    int64_t rest = o, source = row * rows_.from, target = row * rows_.to;
    for (size_t i = outer_.size(); i-- > 0;) {
      const int64_t index = rest % outer_[i].size;
      rest /= outer_[i].size;
      source += index * outer_[i].from;
      target += index * outer_[i].to;
    }
    const char* x = from + source * size_;
    char* y = to + target * size_;
    if (plane.from_column == 1 && plane.to_column == 1) {
      const size_t bytes = static_cast<size_t>(plane.columns * size_);
      for (int64_t r = 0; r < plane.rows; ++r) {
        std::memcpy(y + r * plane.to_row * size_, x + r * plane.from_row * size_, bytes);
      }
      continue;
    }
    with_size(static_cast<size_t>(size_), [&]<class T>() {
      copy_plane(reinterpret_cast<const T*>(x), reinterpret_cast<T*>(y), plane);
    });
  }
}

void StridedCopy::run(const void* from, void* to, const KernelContext& context) const {
  if (count == 0) return;
  const int64_t batches = (outer_count_ + outer_batch_ - 1) / outer_batch_;
  run_chunks(context, cost, batches * row_blocks_, [&](int64_t task) {
    run_task(static_cast<const char*>(from), static_cast<char*>(to), task);
  });
}

void fill_elements(void* to, const void* value, size_t element_size, int64_t n,
                   const KernelContext& context) {
  constexpr int64_t kPiece = 65536;
  run_chunks(context, 0.1 * static_cast<double>(n), (n + kPiece - 1) / kPiece, [&](int64_t piece) {
    with_size(element_size, [&]<class T>() {
      T v;
      std::memcpy(&v, value, sizeof v);
      std::fill_n(static_cast<T*>(to) + piece * kPiece, std::min(kPiece, n - piece * kPiece), v);
    });
  });
}

}  // namespace nacre::cpu
