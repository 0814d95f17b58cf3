// Integer and bool micro-ops. Arithmetic is modulo 2^bits; a division by zero gives 0, and the
// executor reports it.

#include <type_traits>

#include "kernels/cpu/elementwise_generic.h"
#include "kernels/cpu/elementwise_loops.h"

namespace nacre::cpu {
namespace {

// Overflow of signed integers is undefined, of unsigned ones it is what we want. Types narrower
// than int would be promoted to it, hence at least 32 bits.
template <class T>
using Wrapping = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;

template <class T>
T wrap_mul(T x, T y) {
  return static_cast<T>(static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(y));
}

// A negative exponent gives what truncating the exact quotient gives: 0 unless the base is 1 or -1.
template <class T>
T power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == -1) return exponent % 2 ? -1 : 1;
      return 0;
    }
  }
  T result = 1;
  for (auto e = static_cast<std::make_unsigned_t<T>>(exponent); e; e >>= 1) {
    if (e & 1) result = wrap_mul(result, base);
    base = wrap_mul(base, base);
  }
  return result;
}

template <class T>
T floor_quotient(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(a));
    const T q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
  }
  return a / b;
}

template <class T>
T remainder_of(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
    const T r = a % b;
    return (r != 0 && (r < 0) != (b < 0)) ? r + b : r;
  }
  return a % b;
}

// Shifts by the width or more, or by a negative count, move everything out.
template <class T>
T shift_left(T x, T count) {
  if (static_cast<std::make_unsigned_t<T>>(count) >= sizeof(T) * 8) return 0;
  return static_cast<T>(static_cast<Wrapping<T>>(x) << count);
}
template <class T>
T shift_right(T x, T count) {
  if (static_cast<std::make_unsigned_t<T>>(count) >= sizeof(T) * 8) return x < 0 ? T(-1) : T(0);
  return static_cast<T>(x >> count);
}

template <class T>
MicroFn find_integer(MicroOp op) {
#define UNARY(name, expression) \
  case MicroOp::name:           \
    return unary_loop<T, [](T x) -> T { return static_cast<T>(expression); }>;
#define BINARY(name, expression) \
  case MicroOp::name:            \
    return binary_loop<T, [](T x, T y) -> T { return static_cast<T>(expression); }>;
  using W = Wrapping<T>;
  switch (op) {
    UNARY(neg, W{0} - static_cast<W>(x))
    UNARY(abs, x < 0 ? W{0} - static_cast<W>(x) : static_cast<W>(x))
    UNARY(sign, x > 0 ? 1 : x < 0 ? -1 : 0)
    UNARY(square, wrap_mul(x, x))
    UNARY(relu, x > 0 ? x : T(0))
    UNARY(bitwise_not, ~x)
    BINARY(add, static_cast<W>(x) + static_cast<W>(y))
    BINARY(sub, static_cast<W>(x) - static_cast<W>(y))
    BINARY(mul, wrap_mul(x, y))
    BINARY(pow, power(x, y))
    BINARY(maximum, x > y ? x : y)
    BINARY(minimum, x < y ? x : y)
    BINARY(floordiv, floor_quotient(x, y))
    BINARY(mod, remainder_of(x, y))
    BINARY(bitwise_and, x & y)
    BINARY(bitwise_or, x | y)
    BINARY(bitwise_xor, x ^ y)
    BINARY(left_shift, shift_left(x, y))
    BINARY(right_shift, shift_right(x, y))
    default:
      return find_comparison<T>(op);
  }
#undef UNARY
#undef BINARY
}

}  // namespace

MicroFn find_integer_op(MicroOp op, DType dtype) {
  switch (dtype) {
    case DType::UInt8:
      return find_integer<uint8_t>(op);
    case DType::UInt32:
      return find_integer<uint32_t>(op);
    case DType::Int32:
      return find_integer<int32_t>(op);
    case DType::Int64:
      return find_integer<int64_t>(op);
    default:
      return nullptr;
  }
}

MicroFn find_bool_op(MicroOp op) {
  using T = uint8_t;
#define UNARY(name, expression) \
  case MicroOp::name:           \
    return unary_loop<T, [](T x) -> T { return expression; }>;
#define BINARY(name, expression) \
  case MicroOp::name:            \
    return binary_loop<T, [](T x, T y) -> T { return expression; }>;
  switch (op) {
    UNARY(logical_not, x == 0)
    UNARY(bitwise_not, x == 0)
    BINARY(add, (x | y) != 0)
    BINARY(mul, (x != 0) & (y != 0))
    BINARY(maximum, (x | y) != 0)
    BINARY(minimum, (x != 0) & (y != 0))
    BINARY(logical_and, (x != 0) & (y != 0))
    BINARY(logical_or, (x | y) != 0)
    BINARY(logical_xor, (x != 0) != (y != 0))
    BINARY(bitwise_and, (x != 0) & (y != 0))
    BINARY(bitwise_or, (x | y) != 0)
    BINARY(bitwise_xor, (x != 0) != (y != 0))
    default:
      return find_comparison<T>(op);
  }
#undef UNARY
#undef BINARY
}

}  // namespace nacre::cpu
