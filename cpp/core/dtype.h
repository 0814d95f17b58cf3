#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nacre {

// Element types. Float16 and BFloat16 can be stored, moved and cast; arithmetic on them is not
// offered by any backend yet.
enum class DType : uint8_t {
  Bool,
  UInt8,
  Int8,
  UInt16,
  Int16,
  UInt32,
  Int32,
  UInt64,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64,
};

inline constexpr int kDTypeCount = 13;

size_t dtype_size(DType dtype);
std::string_view dtype_name(DType dtype);
// Throws TypeError for a name that is not a dtype.
DType dtype_from_name(std::string_view name);

bool is_floating(DType dtype);
bool is_integer(DType dtype);  // signed or unsigned, not bool
bool is_signed_integer(DType dtype);

// Result type of mixing two arrays: the smallest type that holds both kinds, where any integer with
// any float gives that float (as JAX and Keras do, unlike NumPy).
DType promote(DType a, DType b);

}  // namespace nacre
