#include "training/gather.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/error.h"
#include "core/half.h"

namespace nacre {
namespace {

// Rows of fewer bytes than this in all are copied on the calling thread, and more in pieces of
// about a quarter of it.
constexpr int64_t kParallelBytes = 1 << 16;
constexpr int64_t kWideRow = 2048;
constexpr int64_t kCacheLine = 64;
// How many rows ahead shuffled rows are fetched, and at most how much of each.
constexpr int64_t kAhead = 4;
constexpr int64_t kPrefetchBytes = 1 << 12;

// Shuffled rows come from anywhere in memory, where the hardware cannot guess the next one.
void prefetch(const char* at, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(at + i);
}

// A stored value as a type to calculate with.
template <class T>
T arithmetic(T value) {
  return value;
}
double arithmetic(Float16 value) { return to_double(value); }
double arithmetic(BFloat16 value) { return to_double(value); }

// Unaligned loads through memcpy: a NumPy array may start anywhere.
template <class From, class To>
void convert(const char* from, int64_t stride, char* to, int64_t count) {
  To* out = reinterpret_cast<To*>(to);
  for (int64_t i = 0; i < count; ++i) {
    From stored;
    std::memcpy(&stored, from + i * stride, sizeof(From));
    const auto value = arithmetic(stored);
    if constexpr (std::is_same_v<To, bool>) {
      out[i] = value != 0;
    } else {
      out[i] = static_cast<To>(value);
    }
  }
}

using Convert = void (*)(const char*, int64_t, char*, int64_t);

template <class To>
Convert converter_to(DType from) {
  switch (from) {
    case DType::Bool:
      return convert<uint8_t, To>;
    case DType::UInt8:
      return convert<uint8_t, To>;
    case DType::Int8:
      return convert<int8_t, To>;
    case DType::UInt16:
      return convert<uint16_t, To>;
    case DType::Int16:
      return convert<int16_t, To>;
    case DType::UInt32:
      return convert<uint32_t, To>;
    case DType::Int32:
      return convert<int32_t, To>;
    case DType::UInt64:
      return convert<uint64_t, To>;
    case DType::Int64:
      return convert<int64_t, To>;
    case DType::Float16:
      return convert<Float16, To>;
    case DType::BFloat16:
      return convert<BFloat16, To>;
    case DType::Float32:
      return convert<float, To>;
    case DType::Float64:
      return convert<double, To>;
    default:
      return nullptr;
  }
}

Convert converter(DType from, DType to) {
  switch (to) {
    case DType::Bool:
      return converter_to<bool>(from);
    case DType::UInt8:
      return converter_to<uint8_t>(from);
    case DType::Int8:
      return converter_to<int8_t>(from);
    case DType::UInt16:
      return converter_to<uint16_t>(from);
    case DType::Int16:
      return converter_to<int16_t>(from);
    case DType::UInt32:
      return converter_to<uint32_t>(from);
    case DType::Int32:
      return converter_to<int32_t>(from);
    case DType::UInt64:
      return converter_to<uint64_t>(from);
    case DType::Int64:
      return converter_to<int64_t>(from);
    case DType::Float32:
      return converter_to<float>(from);
    case DType::Float64:
      return converter_to<double>(from);
    default:
      return nullptr;
  }
}

}  // namespace

std::vector<int64_t> ArraySource::batch_shape(int64_t rows) const {
  std::vector<int64_t> result = shape;
  if (!result.empty()) result[0] = rows;
  return result;
}

Gather::Gather(const ArraySource& source, DType dtype) : source_(source), dtype_(dtype) {
  same_ = source.dtype == dtype;
  int64_t expected = static_cast<int64_t>(dtype_size(source.dtype));
  dense_ = true;
  for (size_t axis = source.shape.size(); axis-- > 1;) {
    if (source.shape[axis] != 1 && source.strides[axis] != expected) dense_ = false;
    expected *= source.shape[axis];
    row_count_ *= source.shape[axis];
  }
  if (same_ && dense_) return;
  convert_ = converter(source.dtype, dtype);
  if (!convert_) {
    throw TypeError("Cannot feed data of dtype " + std::string(dtype_name(source.dtype)) +
                    " to an input of dtype " + std::string(dtype_name(dtype)) + ".");
  }
}

const void* Gather::in_place(int64_t first) const {
  if (!same_ || !dense_ || source_.strides.empty() || source_.strides[0] != row_bytes())
    return nullptr;
  const char* at = source_.data + first * source_.strides[0];
  const auto address = reinterpret_cast<uintptr_t>(at);
  return address % dtype_size(dtype_) == 0 ? at : nullptr;
}

void Gather::row(const char* from, char* to) const {
  if (same_ && dense_) {
    std::memcpy(to, from, static_cast<size_t>(row_bytes()));
    return;
  }
  const size_t rank = source_.shape.size();
  if (dense_ || rank == 2) {
    const int64_t stride = rank < 2 ? 0
                           : dense_ ? static_cast<int64_t>(dtype_size(source_.dtype))
                                    : source_.strides[1];
    convert_(from, stride, to, row_count_);
    return;
  }
  // Any strides: one innermost run at a time.
  const int64_t inner = source_.shape[rank - 1];
  if (row_count_ == 0) return;
  const int64_t run_bytes = inner * static_cast<int64_t>(dtype_size(dtype_));
  std::vector<int64_t> index(rank, 0);
  const char* at = from;
  for (;;) {
    convert_(at, source_.strides[rank - 1], to, inner);
    to += run_bytes;
    size_t axis = rank - 2;
    for (;; --axis) {
      if (axis == 0) return;
      at += source_.strides[axis];
      if (++index[axis] < source_.shape[axis]) break;
      at -= index[axis] * source_.strides[axis];
      index[axis] = 0;
    }
  }
}

void Gather::piece(const int64_t* order, int64_t first, const Piece& piece, char* to) const {
  const int64_t from_size = static_cast<int64_t>(dtype_size(source_.dtype));
  const int64_t to_size = static_cast<int64_t>(dtype_size(dtype_));
  const int64_t columns = piece.column_end - piece.column_begin;
  const auto source = [&](int64_t i) {
    const int64_t sample = order ? order[i] : first + i;
    return source_.data + sample * source_.strides[0] + piece.column_begin * from_size;
  };
  const bool fetch = order && dense_;
  const int64_t fetched = std::min(columns * from_size, kPrefetchBytes);
  for (int64_t i = piece.row_begin; fetch && i < std::min(piece.row_end, piece.row_begin + kAhead);
       ++i) {
    prefetch(source(i), fetched);
  }
  for (int64_t i = piece.row_begin; i < piece.row_end; ++i) {
    if (fetch && i + kAhead < piece.row_end) prefetch(source(i + kAhead), fetched);
    char* target = to + i * row_bytes() + piece.column_begin * to_size;
    if (columns == row_count_) {
      row(source(i), target);
    } else if (same_) {
      std::memcpy(target, source(i), static_cast<size_t>(columns * to_size));
    } else {
      convert_(source(i), from_size, target, columns);
    }
  }
}

void Gather::rows(const int64_t* order, int64_t first, int64_t rows, void* batch,
                  const KernelContext& context) const {
  char* to = static_cast<char*>(batch);
  const int64_t bytes = rows * row_bytes();
  if (bytes < kParallelBytes) return piece(order, first, {0, rows, 0, row_count_}, to);
  const int64_t pieces = bytes / (kParallelBytes / 4);
  // Rows of features are cut by columns: a dense layer's product and its gradient cut them in the
  // same way, and find their part in their own core's cache. Anything else is cut by samples.
  const bool by_columns = source_.shape.size() == 2 && dense_ && row_bytes() >= kWideRow;
  const int64_t total = by_columns ? row_count_ : rows;
  // Four or eight parts, whose halves and quarters are those of the product, in whole cache lines.
  const int64_t columns = std::clamp<int64_t>((pieces + 7) / 8 * 4, 4, 8);
  const int64_t parts = std::min(by_columns ? columns : pieces, total);
  const int64_t line = by_columns ? kCacheLine / static_cast<int64_t>(dtype_size(dtype_)) : 1;
  const auto edge = [&](int64_t i) { return i == parts ? total : total * i / parts / line * line; };
  parallel_for(context, parts, [&](int64_t i) {
    const int64_t begin = edge(i), end = edge(i + 1);
    piece(order, first, by_columns ? Piece{0, rows, begin, end} : Piece{begin, end, 0, row_count_},
          to);
  });
}

}  // namespace nacre
