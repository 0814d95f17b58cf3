// Reductions over axes, argmax and argmin, and running sums and products.

#include <limits>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

// A monoid: what an empty axis gives, and how two values join.
struct Sum {
  template <class C>
  static C empty() {
    return C{0};
  }
  template <class C>
  static C join(C a, C b) {
    return plus(a, b);
  }
};
struct Product {
  template <class C>
  static C empty() {
    return C{1};
  }
  template <class C>
  static C join(C a, C b) {
    return times(a, b);
  }
};
struct Max {
  template <class C>
  static C empty() {
    using Limits = std::numeric_limits<C>;
    return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  }
  template <class C>
  static C join(C a, C b) {
    return is_nan(a) || a > b ? a : b;
  }
};
struct Min {
  template <class C>
  static C empty() {
    using Limits = std::numeric_limits<C>;
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  template <class C>
  static C join(C a, C b) {
    return is_nan(a) || a < b ? a : b;
  }
};

template <uint32_t set, class Monoid>
void run_reduce(const Call& c) {
  const Sizes& shape = c.shape(0);
  std::vector<bool> reduced(shape.size(), false);
  for (int64_t axis : c.attrs().ints("axes")) reduced[static_cast<size_t>(axis)] = true;
  // Two shapes of full rank: the axes that stay, and the axes that are walked for each result.
  Sizes kept = shape, walked = shape;
  for (size_t axis = 0; axis < shape.size(); ++axis) (reduced[axis] ? kept : walked)[axis] = 1;

  with_type<set>(c.dtype(0), [&]<class T>(Tag<T>) {
    using C = Wide<T>;
    const void* x = c.in(0);
    void* y = c.out();
    Index inner(walked);
    int64_t to = 0;
    for (Index outer(kept); outer.more(); outer.next()) {
      const int64_t base = offset(outer.at(), shape);
      C total = Monoid::template empty<C>();
      for (inner.restart(); inner.more(); inner.next()) {
        total = Monoid::join(total, load<T>(x, base + offset(inner.at(), shape)));
      }
      store<T>(y, to++, total);
    }
  });
}

struct Greater {
  template <class C>
  static bool better(C a, C b) {
    return a > b;
  }
};
struct Less {
  template <class C>
  static bool better(C a, C b) {
    return a < b;
  }
};

// The first of the best; NaN is better than any number.
template <class Order>
void run_arg(const Call& c) {
  const Lanes lanes(c.shape(0), static_cast<size_t>(c.attrs().integer("axis")));
  with_type<kBool | kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void* x = c.in(0);
    auto* y = static_cast<int32_t*>(c.out());
    for (int64_t o = 0; o < lanes.outer; ++o) {
      for (int64_t i = 0; i < lanes.inner; ++i) {
        int64_t best = 0;
        for (int64_t k = 1; k < lanes.size; ++k) {
          const auto candidate = load<T>(x, lanes.offset(o, k, i));
          const auto leader = load<T>(x, lanes.offset(o, best, i));
          if (is_nan(leader)) break;
          if (is_nan(candidate) || Order::better(candidate, leader)) best = k;
        }
        y[o * lanes.inner + i] = static_cast<int32_t>(best);
      }
    }
  });
}

template <class Monoid>
void run_cumulative(const Call& c) {
  const Lanes lanes(c.shape(0), static_cast<size_t>(c.attrs().integer("axis")));
  const bool reverse = c.attrs().flag("reverse");
  const bool exclusive = c.attrs().flag("exclusive");
  with_type<kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void* x = c.in(0);
    void* y = c.out();
    for (int64_t o = 0; o < lanes.outer; ++o) {
      for (int64_t i = 0; i < lanes.inner; ++i) {
        auto total = Monoid::template empty<Wide<T>>();
        for (int64_t step = 0; step < lanes.size; ++step) {
          const int64_t at = lanes.offset(o, reverse ? lanes.size - 1 - step : step, i);
          const auto joined = Monoid::join(total, load<T>(x, at));
          store<T>(y, at, exclusive ? total : joined);
          total = joined;
        }
      }
    }
  });
}

template <uint32_t set, class Monoid>
constexpr OpEntry reduction(const char* op) {
  return {op, accepts<set>, prepare<run_reduce<set, Monoid>>};
}

constexpr OpEntry kEntries[] = {
    reduction<kNumbers, Sum>("reduce_sum"),
    reduction<kNumbers, Product>("reduce_prod"),
    reduction<kBool | kNumbers, Max>("reduce_max"),
    reduction<kBool | kNumbers, Min>("reduce_min"),
    {"argmax", accepts<kBool | kNumbers>, prepare<run_arg<Greater>>},
    {"argmin", accepts<kBool | kNumbers>, prepare<run_arg<Less>>},
    {"cumsum", accepts<kNumbers>, prepare<run_cumulative<Sum>>},
    {"cumprod", accepts<kNumbers>, prepare<run_cumulative<Product>>},
};

}  // namespace

std::span<const OpEntry> reduce_entries() { return kEntries; }

}  // namespace nacre::reference
