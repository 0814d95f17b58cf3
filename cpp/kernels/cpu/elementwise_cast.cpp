// Casts between all dtypes, selection by size, and the choice among micro-ops.

#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/half.h"
#include "kernels/cpu/elementwise_generic.h"
#include "kernels/cpu/elementwise_loops.h"

namespace nacre::cpu {
namespace {

struct Bool {
  uint8_t value;
};

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

template <class To>
To from_double(double x) {
  if constexpr (std::is_same_v<To, Float16>) {
    return to_float16(x);
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return to_bfloat16(x);
  } else {
    return static_cast<To>(x);
  }
}

// Between float32 and the half types with integer arithmetic, which the compiler makes vectors of;
// core/half.h does the rest one value at a time.

float widen_half(Float16 x) {
  const uint32_t magnitude = static_cast<uint32_t>(x.bits & 0x7fff) << 13;
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  const bool special = (x.bits & 0x7c00) == 0x7c00;  // infinity or NaN
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000) << 16;
  return std::bit_cast<float>((special ? magnitude | 0x7f800000u : finite) | sign);
}
float widen_half(BFloat16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

void narrow_half(float value, Float16* out) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7fffffff;
  // Normal: the exponent's bias changes, and 13 bits go, to nearest even; that may reach infinity.
  const uint32_t normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112u << 23)) >> 13;
  // Denormal: adding 1/2 leaves the result in the low bits.
  const uint32_t denormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t special = magnitude > 0x7f800000u ? 0x7e00 : 0x7c00;
  const uint32_t result = magnitude >= 0x47800000u  ? special
                          : magnitude < 0x38800000u ? denormal
                                                    : normal;
  out->bits = static_cast<uint16_t>(result | ((bits >> 16) & 0x8000));
}
void narrow_half(float value, BFloat16* out) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const bool nan = (bits & 0x7fffffff) > 0x7f800000u;
  out->bits = static_cast<uint16_t>(nan ? ((bits >> 16) & 0x8000) | 0x7fc0 : rounded);
}

template <class To, class From>
To convert(From x) {
  if constexpr (std::is_same_v<From, Bool>) {
    return convert<To>(static_cast<uint8_t>(x.value != 0));
  } else if constexpr (is_half<From> && std::is_same_v<To, float>) {
    return widen_half(x);
  } else if constexpr (std::is_same_v<From, float> && is_half<To>) {
    To out;
    narrow_half(x, &out);
    return out;
  } else if constexpr (is_half<From>) {
    return convert<To>(to_double(x));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<uint8_t>(x != 0)};
  } else if constexpr (is_half<To>) {
    return from_double<To>(static_cast<double>(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    // 2^bits is exact in any floating type, the largest integer is not.
    constexpr From kAbove = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    if (!(x < kAbove)) return x != x ? To{0} : std::numeric_limits<To>::max();
    constexpr From kLowest = static_cast<From>(std::numeric_limits<To>::min());
    if (x <= kLowest) return std::numeric_limits<To>::min();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
void cast_loop(void* dst, const void* a, const void*, const void*, int64_t n) {
  To* out = static_cast<To*>(dst);
  const From* x = static_cast<const From*>(a);
  for (int64_t i = 0; i < n; ++i) out[i] = convert<To, From>(x[i]);
}

template <class From>
MicroFn cast_from(DType to) {
  switch (to) {
    case DType::Bool:
      return cast_loop<Bool, From>;
    case DType::UInt8:
      return cast_loop<uint8_t, From>;
    case DType::Int8:
      return cast_loop<int8_t, From>;
    case DType::UInt16:
      return cast_loop<uint16_t, From>;
    case DType::Int16:
      return cast_loop<int16_t, From>;
    case DType::UInt32:
      return cast_loop<uint32_t, From>;
    case DType::Int32:
      return cast_loop<int32_t, From>;
    case DType::UInt64:
      return cast_loop<uint64_t, From>;
    case DType::Int64:
      return cast_loop<int64_t, From>;
    case DType::Float16:
      return cast_loop<Float16, From>;
    case DType::BFloat16:
      return cast_loop<BFloat16, From>;
    case DType::Float32:
      return cast_loop<float, From>;
    case DType::Float64:
      return cast_loop<double, From>;
  }
  return nullptr;
}

template <class T>
void where_loop(void* dst, const void* condition, const void* a, const void* b, int64_t n) {
  const auto* mask = static_cast<const uint8_t*>(condition);
  for (int64_t i = 0; i < n; ++i) {
    static_cast<T*>(dst)[i] = mask[i] ? static_cast<const T*>(a)[i] : static_cast<const T*>(b)[i];
  }
}

MicroFn find_where(size_t size) {
  switch (size) {
    case 1:
      return where_loop<uint8_t>;
    case 2:
      return where_loop<uint16_t>;
    case 4:
      return where_loop<uint32_t>;
    default:
      return where_loop<uint64_t>;
  }
}

MicroFn generic_cast(DType from, DType to) {
  switch (from) {
    case DType::Bool:
      return cast_from<Bool>(to);
    case DType::UInt8:
      return cast_from<uint8_t>(to);
    case DType::Int8:
      return cast_from<int8_t>(to);
    case DType::UInt16:
      return cast_from<uint16_t>(to);
    case DType::Int16:
      return cast_from<int16_t>(to);
    case DType::UInt32:
      return cast_from<uint32_t>(to);
    case DType::Int32:
      return cast_from<int32_t>(to);
    case DType::UInt64:
      return cast_from<uint64_t>(to);
    case DType::Int64:
      return cast_from<int64_t>(to);
    case DType::Float16:
      return cast_from<Float16>(to);
    case DType::BFloat16:
      return cast_from<BFloat16>(to);
    case DType::Float32:
      return cast_from<float>(to);
    case DType::Float64:
      return cast_from<double>(to);
  }
  return nullptr;
}

}  // namespace

MicroFn find_cast(const IsaTable& isa, DType from, DType to) {
  const ElementwiseTable& table = *isa.elementwise;
  MicroFn fn = nullptr;
  if (from == DType::Float32 && to == DType::Bool) fn = table.float_to_bool;
  if (from == DType::Float32 && to == DType::Int32) fn = table.float_to_int32;
  if (from == DType::Bool && to == DType::Float32) fn = table.bool_to_float;
  if (from == DType::UInt8 && to == DType::Float32) fn = table.uint8_to_float;
  if (from == DType::Int32 && to == DType::Float32) fn = table.int32_to_float;
  return fn ? fn : generic_cast(from, to);
}

MicroFn find_micro_op(const IsaTable& isa, MicroOp op, DType dtype) {
  if (op == MicroOp::where && dtype_size(dtype) != 4) return find_where(dtype_size(dtype));
  if (op == MicroOp::where) return isa.elementwise->ops[static_cast<int>(op)];
  switch (dtype) {
    case DType::Float32:
      if (MicroFn fn = isa.elementwise->ops[static_cast<int>(op)]) return fn;
      return find_float32_special(op);
    case DType::Float64:
      return find_float64_op(op);
    case DType::Bool:
      return find_bool_op(op);
    default:
      return find_integer_op(op, dtype);
  }
}

}  // namespace nacre::cpu
