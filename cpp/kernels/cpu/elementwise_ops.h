#pragma once

// The micro-ops of elementwise programs: one list feeds the enumeration, the names, the tables and
// the tests. Plain C types only, as files compiled once per instruction set include this.

#include <cstdint>

namespace nacre::cpu {

// X(name): T -> T, floating types.
// clang-format off
#define NACRE_FLOAT_UNARY_OPS(X) \
  X(exp) X(log) X(log1p) X(expm1) X(sqrt) X(rsqrt) X(tanh) X(sigmoid) X(erf) X(erfinv) X(sin) \
  X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh) X(acosh) X(atanh) X(floor) \
  X(ceil) X(round) X(trunc) X(softplus) X(lgamma) X(digamma)
// clang-format on
// T -> T, floating types and integers.
#define NACRE_UNARY_OPS(X) X(neg) X(abs) X(sign) X(square) X(relu)
// Floating type -> bool.
#define NACRE_TEST_OPS(X) X(isfinite) X(isnan) X(isinf)
// (T, T) -> T, floating types.
#define NACRE_FLOAT_BINARY_OPS(X) X(div) X(atan2) X(sigmoid_cross_entropy)
// (T, T) -> T, floating types and integers; add, mul, maximum and minimum also bool.
#define NACRE_BINARY_OPS(X) X(add) X(sub) X(mul) X(pow) X(maximum) X(minimum) X(floordiv) X(mod)
// (T, T) -> bool, any type.
#define NACRE_COMPARE_OPS(X) X(eq) X(ne) X(lt) X(le) X(gt) X(ge)
// (bool, bool) -> bool.
#define NACRE_LOGICAL_OPS(X) X(logical_and) X(logical_or) X(logical_xor)
// (T, T) -> T, integers and, but for the shifts, bool.
#define NACRE_BITWISE_OPS(X) \
  X(bitwise_and) X(bitwise_or) X(bitwise_xor) X(left_shift) X(right_shift)
// The rest: logical_not (bool), bitwise_not (integers, bool), where (bool, T, T), cast, and
// multiply-adds made by fusion: a * b + c and c - a * b, floating types.
#define NACRE_OTHER_OPS(X) \
  X(logical_not) X(bitwise_not) X(where) X(cast) X(multiply_add) X(multiply_subtract)

#define NACRE_MICRO_OPS(X)  \
  NACRE_FLOAT_UNARY_OPS(X)  \
  NACRE_UNARY_OPS(X)        \
  NACRE_TEST_OPS(X)         \
  NACRE_FLOAT_BINARY_OPS(X) \
  NACRE_BINARY_OPS(X)       \
  NACRE_COMPARE_OPS(X) NACRE_LOGICAL_OPS(X) NACRE_BITWISE_OPS(X) NACRE_OTHER_OPS(X)

// Those that cost several times an addition.
// clang-format off
#define NACRE_TRANSCENDENTAL_MICRO_OPS(X) \
  X(exp) X(log) X(log1p) X(expm1) X(tanh) X(sigmoid) X(erf) X(erfinv) X(sin) X(cos) X(tan) \
  X(asin) X(acos) X(atan) X(sinh) X(cosh) X(asinh) X(acosh) X(atanh) X(softplus) X(pow) \
  X(atan2) X(sigmoid_cross_entropy)
// clang-format on

enum class MicroOp : uint8_t {
#define NACRE_ENUMERATOR(name) name,
  NACRE_MICRO_OPS(NACRE_ENUMERATOR)
#undef NACRE_ENUMERATOR
};
#define NACRE_COUNT(name) +1
inline constexpr int kMicroOpCount = 0 NACRE_MICRO_OPS(NACRE_COUNT);
#undef NACRE_COUNT

// dst[i] = op(a[i], b[i], c[i]) for i < n over contiguous buffers. Operands not needed are null.
// dst may be an operand of the same element size. Buffers are readable and writable up to the next
// multiple of 16 elements; what stands there is arbitrary and nobody reads the result.
using MicroFn = void (*)(void* dst, const void* a, const void* b, const void* c, int64_t n);

// Float32 patterns of several micro-ops that the planner replaces by one, with the same roundings:
//   lerp           a + (b - a) * c               a moving average
//   lerp_square    a + (b * b - a) * c           of squares
//   descend        a - b * c / (sqrt(d) + e)     the step of Adam and its kin
//   product_plus   a * b + c
//   product_minus  c - a * b
//   gate           a > b ? c : d                 the gradient of ReLU
//   adam           m = lerp(a, b, c), v = lerp_square(d, e, f), descend(g, m, h, v, i)
// The last has three results, in the order descend, m, v: its memory is read while it divides.
#define NACRE_PATTERNS(X) \
  X(lerp) X(lerp_square) X(descend) X(product_plus) X(product_minus) X(gate) X(adam)

enum class Pattern : uint8_t {
#define NACRE_ENUMERATOR(name) name,
  NACRE_PATTERNS(NACRE_ENUMERATOR)
#undef NACRE_ENUMERATOR
};
inline constexpr int kPatternCount = 7;
inline constexpr int kMaxOperands = 9;
inline constexpr int kMaxResults = 3;

// As MicroFn, with the results and the operands in arrays.
using PatternFn = void (*)(void* const* results, const void* const* operands, int64_t n);

// The float32 micro-ops of one instruction set. A null means the generic one serves.
struct ElementwiseTable {
  MicroFn ops[kMicroOpCount];
  MicroFn float_to_bool, float_to_int32;
  MicroFn bool_to_float, uint8_to_float, int32_to_float;
  PatternFn patterns[kPatternCount];
};

}  // namespace nacre::cpu
