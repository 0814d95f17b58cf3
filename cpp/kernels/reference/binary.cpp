// Elementwise ops of two operands, and where. Operands broadcast.

#include <cmath>
#include <limits>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

// Calls body(position in the result, in the first operand, in the second).
template <class Body>
void for_pairs(const Call& c, Body&& body) {
  int64_t position = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    body(position++, broadcast_offset(i.at(), c.shape(0)), broadcast_offset(i.at(), c.shape(1)));
  }
}

template <uint32_t set, auto fn>
void run_binary(const Call& c) {
  with_type<set>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void *left = c.in(0), *right = c.in(1);
    void* result = c.out();
    for_pairs(c, [&](int64_t to, int64_t a, int64_t b) {
      store<T>(result, to, fn(load<T>(left, a), load<T>(right, b)));
    });
  });
}

// Division: an integer divided by zero is reported, and its result is 0.
template <auto fn>
void run_division(const Call& c) {
  with_type<kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    for_pairs(c, [&](int64_t to, int64_t a, int64_t b) {
      const Wide<T> divisor = load<T>(c.in(1), b);
      if (std::is_integral_v<T> && divisor == Wide<T>{0}) {
        set_status(c.context, kStatusBadArgument);
        store<T>(c.out(), to, Wide<T>{0});
      } else {
        store<T>(c.out(), to, fn(load<T>(c.in(0), a), divisor));
      }
    });
  });
}

// The result is bool.
template <uint32_t set, auto fn>
void run_comparison(const Call& c) {
  with_type<set>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void *left = c.in(0), *right = c.in(1);
    void* result = c.out();
    for_pairs(c, [&](int64_t to, int64_t a, int64_t b) {
      store<bool>(result, to, fn(load<T>(left, a), load<T>(right, b)));
    });
  });
}

// Only moves elements, so any dtype will do.
void run_where(const Call& c) {
  const size_t size = dtype_size(c.out_dtype());
  char* to = static_cast<char*>(c.out());
  for (Index i(c.out_shape()); i.more(); i.next()) {
    const bool chosen = load<bool>(c.in(0), broadcast_offset(i.at(), c.shape(0)));
    const size_t operand = chosen ? 1 : 2;
    const int64_t from = broadcast_offset(i.at(), c.shape(operand));
    std::memcpy(to, static_cast<const char*>(c.in(operand)) + from * int64_t(size), size);
    to += size;
  }
}

template <uint32_t set, auto fn>
constexpr OpEntry binary(const char* op) {
  return {op, accepts<set, kLikeFirst>, prepare<run_binary<set, fn>>};
}

template <auto fn>
constexpr OpEntry division(const char* op) {
  return {op, accepts<kNumbers, kLikeFirst>, prepare<run_division<fn>>};
}

template <uint32_t set, auto fn>
constexpr OpEntry comparison(const char* op) {
  return {op, accepts<set, kLikeFirst>, prepare<run_comparison<set, fn>>};
}

// ---- Arithmetic: on bool, add is "or" and mul is "and"
// ---------------------------------------------

constexpr auto kAdd = []<class C>(C a, C b) -> C {
  if constexpr (std::is_same_v<C, bool>) {
    return a || b;
  } else {
    return plus(a, b);
  }
};
constexpr auto kMul = []<class C>(C a, C b) -> C {
  if constexpr (std::is_same_v<C, bool>) {
    return a && b;
  } else {
    return times(a, b);
  }
};
constexpr auto kSub = []<class C>(C a, C b) -> C {
  if constexpr (std::is_integral_v<C>) {
    return wrapping_sub(a, b);
  } else {
    return a - b;
  }
};
constexpr auto kMaximum = []<class C>(C a, C b) -> C { return is_nan(a) || a > b ? a : b; };
constexpr auto kMinimum = []<class C>(C a, C b) -> C { return is_nan(a) || a < b ? a : b; };

// An integer to a negative power is the quotient 1 / base^n cut toward zero, and 0 for base 0.
constexpr auto kPow = []<class C>(C base, C exponent) -> C {
  if constexpr (std::is_floating_point_v<C>) {
    return std::pow(base, exponent);
  } else {
    if constexpr (std::is_signed_v<C>) {
      if (exponent < 0) {
        if (base == C(-1)) return exponent % 2 ? C(-1) : C(1);
        return base == C(1) ? C(1) : C(0);
      }
    }
    C result = 1;
    for (auto left = static_cast<uint64_t>(exponent); left; left >>= 1) {
      if (left & 1) result = wrapping_mul(result, base);
      base = wrapping_mul(base, base);
    }
    return result;
  }
};

// ---- Division rounds down, and a remainder has the divisor's sign (Python)
// ------------------------

template <class C>
bool signs_differ(C a, C b) {
  return (a < C{0}) != (b < C{0});
}

// Remainder toward zero.
template <class C>
C cut_remainder(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    return std::fmod(a, b);
  } else {
    if constexpr (std::is_signed_v<C>) {
      if (b == C(-1)) return 0;  // the lowest integer divided by -1 would overflow
    }
    return static_cast<C>(a % b);
  }
}

constexpr auto kMod = []<class C>(C a, C b) -> C {
  const C rest = cut_remainder(a, b);
  if (rest != C{0}) return signs_differ(rest, b) ? plus(rest, b) : rest;
  if constexpr (std::is_floating_point_v<C>) return std::copysign(0.0, b);
  return rest;
};

constexpr auto kFloorDiv = []<class C>(C a, C b) -> C {
  if constexpr (std::is_floating_point_v<C>) {
    if (b == 0) return a / b;
    const double rest = std::fmod(a, b);
    double quotient = (a - rest) / b;
    if (rest != 0 && signs_differ(rest, b)) quotient -= 1;
    if (quotient == 0) return std::copysign(0.0, a / b);
    // The quotient is whole but for rounding.
    const double below = std::floor(quotient);
    return quotient - below > 0.5 ? below + 1 : below;
  } else {
    if constexpr (std::is_signed_v<C>) {
      if (b == C(-1)) return wrapping_sub(C{0}, a);
    }
    const C quotient = static_cast<C>(a / b);
    const bool down = a % b != 0 && signs_differ(a, b);
    return down ? static_cast<C>(quotient - 1) : quotient;
  }
};

// ---- Bits: shifting by the width or more empties the value
// ----------------------------------------

constexpr auto kLeftShift = []<class C>(C a, C bits) -> C {
  const bool all = bits < C{0} || static_cast<uint64_t>(bits) >= 8 * sizeof(C);
  return all ? C{0} : static_cast<C>(static_cast<uint64_t>(a) << bits);
};
constexpr auto kRightShift = []<class C>(C a, C bits) -> C {
  const bool all = bits < C{0} || static_cast<uint64_t>(bits) >= 8 * sizeof(C);
  if (all) return a < C{0} ? C(-1) : C{0};
  return static_cast<C>(a >> bits);
};

constexpr uint32_t kBits = kBool | kInts;
constexpr uint32_t kComparable = kBool | kNumbers;

constexpr OpEntry kEntries[] = {
    binary<kComparable, kAdd>("add"),
    binary<kNumbers, kSub>("sub"),
    binary<kComparable, kMul>("mul"),
    binary<kFloats, [](double a, double b) { return a / b; }>("div"),
    binary<kNumbers, kPow>("pow"),
    binary<kComparable, kMaximum>("maximum"),
    binary<kComparable, kMinimum>("minimum"),
    division<kFloorDiv>("floordiv"),
    division<kMod>("mod"),
    binary<kFloats, [](double a, double b) { return std::atan2(a, b); }>("atan2"),
    comparison<kComparable, [](auto a, auto b) { return a == b; }>("eq"),
    comparison<kComparable, [](auto a, auto b) { return a != b; }>("ne"),
    comparison<kComparable, [](auto a, auto b) { return a < b; }>("lt"),
    comparison<kComparable, [](auto a, auto b) { return a <= b; }>("le"),
    comparison<kComparable, [](auto a, auto b) { return (a > b); }>("gt"),
    comparison<kComparable, [](auto a, auto b) { return (a >= b); }>("ge"),
    binary<kBool, [](bool a, bool b) { return a && b; }>("logical_and"),
    binary<kBool, [](bool a, bool b) { return a || b; }>("logical_or"),
    binary<kBool, [](bool a, bool b) { return a != b; }>("logical_xor"),
    binary<kBits, []<class C>(C a, C b) { return static_cast<C>(a & b); }>("bitwise_and"),
    binary<kBits, []<class C>(C a, C b) { return static_cast<C>(a | b); }>("bitwise_or"),
    binary<kBits, []<class C>(C a, C b) { return static_cast<C>(a ^ b); }>("bitwise_xor"),
    binary<kInts, kLeftShift>("left_shift"),
    binary<kInts, kRightShift>("right_shift"),
    {"where", accepts<kBool, kAny, kLikeSecond>, prepare<run_where>},
};

}  // namespace

std::span<const OpEntry> binary_entries() { return kEntries; }

}  // namespace nacre::reference
