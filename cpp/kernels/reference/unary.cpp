// Elementwise ops of one operand, and cast.

#include <cmath>
#include <limits>

#include "kernels/reference/call.h"
#include "kernels/reference/special.h"

namespace nacre::reference {
namespace {

template <uint32_t set, auto fn>
void run_unary(const Call& c) {
  with_type<set>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void* x = c.in(0);
    void* y = c.out();
    const int64_t count = c.out_count();
    for (int64_t i = 0; i < count; ++i) store<T>(y, i, fn(load<T>(x, i)));
  });
}

// The result is bool.
template <uint32_t set, auto fn>
void run_predicate(const Call& c) {
  with_type<set>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void* x = c.in(0);
    void* y = c.out();
    const int64_t count = c.out_count();
    for (int64_t i = 0; i < count; ++i) store<bool>(y, i, fn(load<T>(x, i)));
  });
}

template <uint32_t set, auto fn>
constexpr OpEntry unary(const char* op) {
  return {op, accepts<set>, prepare<run_unary<set, fn>>};
}

template <auto fn>
constexpr OpEntry real_unary(const char* op) {
  return unary<kFloats, fn>(op);
}

template <uint32_t set, auto fn>
constexpr OpEntry predicate(const char* op) {
  return {op, accepts<set>, prepare<run_predicate<set, fn>>};
}

constexpr auto kNeg = []<class C>(C x) -> C {
  if constexpr (std::is_integral_v<C>) {
    return wrapping_sub(C{0}, x);
  } else {
    return -x;
  }
};
constexpr auto kAbs = []<class C>(C x) -> C {
  if constexpr (std::is_integral_v<C>) {
    return x < C{0} ? wrapping_sub(C{0}, x) : x;
  } else {
    return std::fabs(x);
  }
};
constexpr auto kSign = []<class C>(C x) -> C {
  if (is_nan(x) || x == C{0}) return x;
  if constexpr (std::is_signed_v<C>) {
    if (x < C{0}) return C(-1);
  }
  return C{1};
};
constexpr auto kSquare = []<class C>(C x) -> C { return times(x, x); };
constexpr auto kRelu = []<class C>(C x) -> C { return x < C{0} ? C{0} : x; };  // NaN stays
constexpr auto kNot = []<class C>(C x) -> C {
  if constexpr (std::is_same_v<C, bool>) {
    return !x;
  } else {
    return static_cast<C>(~x);
  }
};

double sigmoid(double x) {
  // Either form alone would lose digits or overflow on one side.
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const double e = std::exp(x);
  return e / (1 + e);
}

double softplus(double x) {
  if (std::isnan(x)) return x;
  return std::fmax(x, 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

double round_half_even(double x) {
  const double below = std::floor(x);
  const double rest = x - below;
  if (!(std::fabs(x) < 0x1p52) || rest == 0) return x;
  const bool up = rest > 0.5 || (rest == 0.5 && std::fmod(below, 2.0) != 0);
  return std::copysign(up ? below + 1 : below, x);
}

// ---- cast --------------------------------------------------------------------------------------

// Toward zero, clamped to the range; NaN gives 0.
template <class To>
To to_integer(double value) {
  if (std::isnan(value)) return 0;
  const double whole = std::trunc(value);
  const double past = std::ldexp(1.0, std::numeric_limits<To>::digits);  // highest value + 1
  const double lowest = std::numeric_limits<To>::is_signed ? -past : 0.0;
  if (whole >= past) return std::numeric_limits<To>::max();
  if (whole <= lowest) return std::numeric_limits<To>::min();
  return static_cast<To>(whole);
}

template <class Source, class To>
void store_converted(void* to, int64_t i, Source value) {
  if constexpr (std::is_same_v<To, bool>) {
    store<bool>(to, i, value != Source{0});
  } else if constexpr (std::is_same_v<To, float>) {
    // Straight to float: going through double would round large integers twice.
    static_cast<float*>(to)[i] = static_cast<float>(value);
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<Source>) {
    store<To>(to, i, to_integer<To>(value));
  } else {
    store<To>(to, i, static_cast<Wide<To>>(value));
  }
}

template <class Source>
void store_all(const Call& c, const std::vector<Source>& values) {
  with_type<kAny>(c.out_dtype(), [&]<class To>(Tag<To>) {
    void* y = c.out();
    for (size_t i = 0; i < values.size(); ++i) {
      store_converted<Source, To>(y, static_cast<int64_t>(i), values[i]);
    }
  });
}

// In two steps, each of few kinds: to the widest type of the source's kind, and from there.
void run_cast(const Call& c) {
  with_type<kAny>(c.dtype(0), [&]<class From>(Tag<From>) {
    const void* x = c.in(0);
    std::vector<Widest<From>> values(static_cast<size_t>(c.out_count()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = load<From>(x, static_cast<int64_t>(i));
    store_all(c, values);
  });
}

constexpr OpEntry kEntries[] = {
    {"cast", accepts<kAny>, prepare<run_cast>},
    unary<kNumbers, kNeg>("neg"),
    unary<kNumbers, kAbs>("abs"),
    unary<kNumbers, kSign>("sign"),
    unary<kNumbers, kSquare>("square"),
    unary<kNumbers, kRelu>("relu"),
    unary<kBool, kNot>("logical_not"),
    unary<kBool | kInts, kNot>("bitwise_not"),
    real_unary<[](double x) { return std::exp(x); }>("exp"),
    real_unary<[](double x) { return std::log(x); }>("log"),
    real_unary<[](double x) { return std::log1p(x); }>("log1p"),
    real_unary<[](double x) { return std::expm1(x); }>("expm1"),
    real_unary<[](double x) { return std::sqrt(x); }>("sqrt"),
    real_unary<[](double x) { return 1 / std::sqrt(x); }>("rsqrt"),
    real_unary<[](double x) { return std::tanh(x); }>("tanh"),
    real_unary<sigmoid>("sigmoid"),
    real_unary<[](double x) { return std::erf(x); }>("erf"),
    real_unary<erfinv>("erfinv"),
    real_unary<[](double x) { return std::sin(x); }>("sin"),
    real_unary<[](double x) { return std::cos(x); }>("cos"),
    real_unary<[](double x) { return std::tan(x); }>("tan"),
    real_unary<[](double x) { return std::asin(x); }>("asin"),
    real_unary<[](double x) { return std::acos(x); }>("acos"),
    real_unary<[](double x) { return std::atan(x); }>("atan"),
    real_unary<[](double x) { return std::sinh(x); }>("sinh"),
    real_unary<[](double x) { return std::cosh(x); }>("cosh"),
    real_unary<[](double x) { return std::asinh(x); }>("asinh"),
    real_unary<[](double x) { return std::acosh(x); }>("acosh"),
    real_unary<[](double x) { return std::atanh(x); }>("atanh"),
    real_unary<[](double x) { return std::floor(x); }>("floor"),
    real_unary<[](double x) { return std::ceil(x); }>("ceil"),
    real_unary<round_half_even>("round"),
    real_unary<[](double x) { return std::trunc(x); }>("trunc"),
    real_unary<softplus>("softplus"),
    real_unary<lgamma>("lgamma"),
    real_unary<digamma>("digamma"),
    predicate<kFloats, [](double x) { return std::isfinite(x); }>("isfinite"),
    predicate<kFloats, [](double x) { return std::isnan(x); }>("isnan"),
    predicate<kFloats, [](double x) { return std::isinf(x); }>("isinf"),
};

}  // namespace

std::span<const OpEntry> unary_entries() { return kEntries; }

}  // namespace nacre::reference
