// Float64 micro-ops: plain loops over the C library's functions. lgamma and digamma serve float32
// too, computed in double.

#include <cmath>

#include "kernels/cpu/elementwise_generic.h"
#include "kernels/cpu/elementwise_loops.h"
#include "kernels/cpu/special.h"

namespace nacre::cpu {
namespace {

double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }
double sigmoid_of(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
double softplus_of(double x) { return (x < 0 ? 0.0 : x) + std::log1p(std::exp(-std::fabs(x))); }

// Python's remainder and floor division: the remainder has the sign of the divisor.
double remainder_of(double a, double b) {
  double r = std::fmod(a, b);
  if (r != 0) {
    if ((r < 0) != (b < 0)) r += b;
  } else {
    r = std::copysign(0.0, b);
  }
  return r;
}
double floor_quotient(double a, double b) {
  if (b == 0) return a / b;
  const double r = std::fmod(a, b);
  double q = (a - r) / b;
  if (r != 0 && (r < 0) != (b < 0)) q -= 1;
  if (q == 0) return std::copysign(0.0, a / b);
  const double whole = std::floor(q);
  return q - whole > 0.5 ? whole + 1 : whole;
}

// A NaN on either side wins.
double larger(double a, double b) { return a > b || a != a ? a : b; }
double smaller(double a, double b) { return a < b || a != a ? a : b; }

using T = double;

MicroFn find_unary(MicroOp op) {
#define UNARY(name, expression) \
  case MicroOp::name:           \
    return unary_loop<T, [](T x) -> T { return expression; }>;
#define TEST(name, expression) \
  case MicroOp::name:          \
    return unary_loop<T, [](T x) -> uint8_t { return expression; }>;
  switch (op) {
    UNARY(exp, std::exp(x))
    UNARY(log, std::log(x))
    UNARY(log1p, std::log1p(x))
    UNARY(expm1, std::expm1(x))
    UNARY(sqrt, std::sqrt(x))
    UNARY(rsqrt, 1.0 / std::sqrt(x))
    UNARY(tanh, std::tanh(x))
    UNARY(sigmoid, sigmoid_of(x))
    UNARY(erf, std::erf(x))
    UNARY(erfinv, inverse_erf(x))
    UNARY(sin, std::sin(x))
    UNARY(cos, std::cos(x))
    UNARY(tan, std::tan(x))
    UNARY(asin, std::asin(x))
    UNARY(acos, std::acos(x))
    UNARY(atan, std::atan(x))
    UNARY(sinh, std::sinh(x))
    UNARY(cosh, std::cosh(x))
    UNARY(asinh, std::asinh(x))
    UNARY(acosh, std::acosh(x))
    UNARY(atanh, std::atanh(x))
    UNARY(floor, std::floor(x))
    UNARY(ceil, std::ceil(x))
    UNARY(round, std::nearbyint(x))
    UNARY(trunc, std::trunc(x))
    UNARY(softplus, softplus_of(x))
    UNARY(lgamma, log_gamma(x))
    UNARY(digamma, digamma_of(x))
    UNARY(neg, -x)
    UNARY(abs, std::fabs(x))
    UNARY(sign, sign_of(x))
    UNARY(square, x * x)
    UNARY(relu, x < 0 ? 0.0 : x)
    TEST(isfinite, std::isfinite(x))
    TEST(isnan, std::isnan(x))
    TEST(isinf, std::isinf(x))
    default:
      return nullptr;
  }
#undef UNARY
#undef TEST
}

MicroFn find_binary(MicroOp op) {
#define BINARY(name, expression) \
  case MicroOp::name:            \
    return binary_loop<T, [](T x, T y) -> T { return expression; }>;
  switch (op) {
    BINARY(add, x + y)
    BINARY(sub, x - y)
    BINARY(mul, x * y)
    BINARY(div, x / y)
    BINARY(pow, std::pow(x, y))
    BINARY(maximum, larger(x, y))
    BINARY(minimum, smaller(x, y))
    BINARY(floordiv, floor_quotient(x, y))
    BINARY(mod, remainder_of(x, y))
    BINARY(atan2, std::atan2(x, y))
    BINARY(sigmoid_cross_entropy, softplus_of(x) - x * y)
    case MicroOp::multiply_add:
      return ternary_loop<T, [](T x, T y, T z) -> T { return x * y + z; }>;
    case MicroOp::multiply_subtract:
      return ternary_loop<T, [](T x, T y, T z) -> T { return z - x * y; }>;
    default:
      return nullptr;
  }
#undef BINARY
}

void float32_lgamma(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<float*>(dst)[i] = static_cast<float>(log_gamma(static_cast<const float*>(a)[i]));
  }
}

void float32_digamma(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<float*>(dst)[i] = static_cast<float>(digamma_of(static_cast<const float*>(a)[i]));
  }
}

}  // namespace

MicroFn find_float64_op(MicroOp op) {
  if (MicroFn fn = find_unary(op)) return fn;
  if (MicroFn fn = find_binary(op)) return fn;
  return find_comparison<double>(op);
}

MicroFn find_float32_special(MicroOp op) {
  if (op == MicroOp::lgamma) return float32_lgamma;
  if (op == MicroOp::digamma) return float32_digamma;
  return nullptr;
}

}  // namespace nacre::cpu
