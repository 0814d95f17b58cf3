#include "core/dtype.h"

#include <array>

#include "core/error.h"

namespace nacre {
namespace {

enum class Kind : uint8_t { Bool, Unsigned, Signed, Float };

struct Info {
  std::string_view name;
  uint8_t size;
  Kind kind;
};

constexpr std::array<Info, kDTypeCount> kInfo = {{
    {"bool", 1, Kind::Bool},
    {"uint8", 1, Kind::Unsigned},
    {"int8", 1, Kind::Signed},
    {"uint16", 2, Kind::Unsigned},
    {"int16", 2, Kind::Signed},
    {"uint32", 4, Kind::Unsigned},
    {"int32", 4, Kind::Signed},
    {"uint64", 8, Kind::Unsigned},
    {"int64", 8, Kind::Signed},
    {"float16", 2, Kind::Float},
    {"bfloat16", 2, Kind::Float},
    {"float32", 4, Kind::Float},
    {"float64", 8, Kind::Float},
}};

const Info& info(DType dtype) { return kInfo[static_cast<size_t>(dtype)]; }

DType signed_of_size(size_t size) {
  switch (size) {
    case 1:
      return DType::Int8;
    case 2:
      return DType::Int16;
    case 4:
      return DType::Int32;
    default:
      return DType::Int64;
  }
}

}  // namespace

size_t dtype_size(DType dtype) { return info(dtype).size; }
std::string_view dtype_name(DType dtype) { return info(dtype).name; }

DType dtype_from_name(std::string_view name) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (kInfo[i].name == name) return static_cast<DType>(i);
  }
  throw TypeError("Unknown dtype \"" + std::string(name) +
                  "\". Expected one of bool, uint8, int8, uint16, int16, uint32, int32, uint64, "
                  "int64, float16, bfloat16, float32, float64.");
}

bool is_floating(DType dtype) { return info(dtype).kind == Kind::Float; }
bool is_integer(DType dtype) {
  return info(dtype).kind == Kind::Unsigned || info(dtype).kind == Kind::Signed;
}
bool is_signed_integer(DType dtype) { return info(dtype).kind == Kind::Signed; }

DType promote(DType a, DType b) {
  if (a == b) return a;
  const Info &x = info(a), &y = info(b);
  if (x.kind == Kind::Bool) return b;
  if (y.kind == Kind::Bool) return a;
  if (x.kind == Kind::Float && y.kind == Kind::Float) {
    if (x.size == y.size) return DType::Float32;  // float16 with bfloat16
    return x.size > y.size ? a : b;
  }
  if (x.kind == Kind::Float) return a;
  if (y.kind == Kind::Float) return b;
  if (x.kind == y.kind) return x.size > y.size ? a : b;
  const Info& u = x.kind == Kind::Unsigned ? x : y;
  const Info& s = x.kind == Kind::Unsigned ? y : x;
  if (s.size > u.size) return signed_of_size(s.size);
  return u.size >= 8 ? DType::Float32 : signed_of_size(u.size * 2);
}

}  // namespace nacre
