// Reductions of one axis for types compiled once: float64 pairwise, integers modulo 2^bits, each
// accumulating in its own type.

#include <limits>
#include <type_traits>

#include "kernels/cpu/reduce.h"

namespace nacre::cpu {
namespace {

template <class T, ReduceOp op>
struct Reducer {
  static T identity() {
    using Limits = std::numeric_limits<T>;
    switch (op) {
      case ReduceOp::sum:
        return 0;
      case ReduceOp::prod:
        return 1;
      case ReduceOp::max:
        return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
      case ReduceOp::min:
        return Limits::has_infinity ? Limits::infinity() : Limits::max();
    }
  }
  static T combine(T a, T b) {
    if constexpr (op == ReduceOp::max) {
      return a > b || a != a ? a : b;
    } else if constexpr (op == ReduceOp::min) {
      return a < b || a != a ? a : b;
    } else if constexpr (std::is_integral_v<T>) {
      using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
      const U x = static_cast<U>(a), y = static_cast<U>(b);
      return static_cast<T>(op == ReduceOp::sum ? x + y : x * y);
    } else {
      return op == ReduceOp::sum ? a + b : a * b;
    }
  }
};

constexpr int64_t kBlock = 256;

template <class T, ReduceOp op>
T reduce_pairwise(const T* x, int64_t n) {
  using R = Reducer<T, op>;
  if (n <= kBlock) {
    T acc[4] = {R::identity(), R::identity(), R::identity(), R::identity()};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
      for (int j = 0; j < 4; ++j) acc[j] = R::combine(acc[j], x[i + j]);
    }
    for (; i < n; ++i) acc[0] = R::combine(acc[0], x[i]);
    return R::combine(R::combine(acc[0], acc[2]), R::combine(acc[1], acc[3]));
  }
  const int64_t half = (n / 2 + kBlock - 1) / kBlock * kBlock;
  return R::combine(reduce_pairwise<T, op>(x, half), reduce_pairwise<T, op>(x + half, n - half));
}

template <class T, ReduceOp op>
void reduce_contiguous(const void* x, int64_t n, void* out) {
  *static_cast<T*>(out) = reduce_pairwise<T, op>(static_cast<const T*>(x), n);
}

// Columns in strips; rows pairwise in blocks, through a counter of levels.
template <class T, ReduceOp op>
void reduce_rows(const void* data, int64_t rows, int64_t stride, int64_t columns, void* result) {
  using R = Reducer<T, op>;
  constexpr int64_t kStrip = 16, kRows = 32;
  const T* x = static_cast<const T*>(data);
  T* out = static_cast<T*>(result);
  for (int64_t first = 0; first < columns; first += kStrip) {
    const int64_t n = columns - first < kStrip ? columns - first : kStrip;
    T level[48][kStrip];
    T acc[kStrip];
    for (int64_t c = 0; c < n; ++c) acc[c] = R::identity();
    int64_t blocks = 0;
    for (int64_t r = 0; r < rows; ++blocks) {
      for (int64_t c = 0; c < n; ++c) acc[c] = R::identity();
      for (int64_t end = r + kRows < rows ? r + kRows : rows; r < end; ++r) {
        for (int64_t c = 0; c < n; ++c) acc[c] = R::combine(acc[c], x[r * stride + first + c]);
      }
      int depth = 0;
      for (int64_t b = blocks; b & 1; b >>= 1, ++depth) {
        for (int64_t c = 0; c < n; ++c) acc[c] = R::combine(level[depth][c], acc[c]);
      }
      for (int64_t c = 0; c < n; ++c) level[depth][c] = acc[c];
    }
    bool started = false;
    int depth = 0;
    for (int64_t b = blocks; b; b >>= 1, ++depth) {
      if (!(b & 1)) continue;
      for (int64_t c = 0; c < n; ++c) {
        acc[c] = started ? R::combine(level[depth][c], acc[c]) : level[depth][c];
      }
      started = true;
    }
    for (int64_t c = 0; c < n; ++c) out[first + c] = acc[c];
  }
}

template <class T>
const ReduceTable* table_of() {
  using enum ReduceOp;
  static constexpr ReduceTable table = {
      {reduce_contiguous<T, sum>, reduce_contiguous<T, prod>, reduce_contiguous<T, max>,
       reduce_contiguous<T, min>},
      {reduce_rows<T, sum>, reduce_rows<T, prod>, reduce_rows<T, max>, reduce_rows<T, min>},
      nullptr,
      nullptr,
  };
  return &table;
}

const ReduceTable* table_of_bool() {
  using enum ReduceOp;
  static constexpr ReduceTable table = {
      {nullptr, nullptr, reduce_contiguous<bool, max>, reduce_contiguous<bool, min>},
      {nullptr, nullptr, reduce_rows<bool, max>, reduce_rows<bool, min>},
      nullptr,
      nullptr,
  };
  return &table;
}

}  // namespace

const ReduceTable* generic_reduce_table(DType dtype) {
  switch (dtype) {
    case DType::Float64:
      return table_of<double>();
    case DType::Int32:
      return table_of<int32_t>();
    case DType::Int64:
      return table_of<int64_t>();
    case DType::UInt32:
      return table_of<uint32_t>();
    case DType::UInt8:
      return table_of<uint8_t>();
    case DType::Bool:
      return table_of_bool();  // maximum and minimum only
    default:
      return nullptr;
  }
}

}  // namespace nacre::cpu
