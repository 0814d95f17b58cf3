#pragma once

// Integers of any type read as int64.

#include <cstdint>

#include "core/dtype.h"

namespace nacre::cpu {

template <class T>
void read_indices_as(const void* values, int64_t first, int64_t n, int64_t* out) {
  const T* v = static_cast<const T*>(values) + first;
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<int64_t>(v[i]);
}

// Elements [first, first + n). An unsigned 64-bit value beyond int64 becomes negative, that is, out
// of any range.
inline void read_indices(const void* values, DType dtype, int64_t first, int64_t n, int64_t* out) {
  switch (dtype) {
    case DType::Int32:
      return read_indices_as<int32_t>(values, first, n, out);
    case DType::Int8:
      return read_indices_as<int8_t>(values, first, n, out);
    case DType::Int16:
      return read_indices_as<int16_t>(values, first, n, out);
    case DType::Bool:
    case DType::UInt8:
      return read_indices_as<uint8_t>(values, first, n, out);
    case DType::UInt16:
      return read_indices_as<uint16_t>(values, first, n, out);
    case DType::UInt32:
      return read_indices_as<uint32_t>(values, first, n, out);
    default:  // 64 bits
      return read_indices_as<int64_t>(values, first, n, out);
  }
}

inline int64_t read_index(const void* values, DType dtype, int64_t i) {
  int64_t value;
  read_indices(values, dtype, i, 1, &value);
  return value;
}

}  // namespace nacre::cpu
