// Sorting, searching and counting. NaN comes after every number; descending is the reverse order,
// stable too.

#include <algorithm>
#include <numeric>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

constexpr uint32_t kOrdered = kBool | kNumbers;

// Positions of the keys in sorted order.
template <class Key>
Sizes stable_order(const std::vector<Key>& keys, bool descending) {
  Sizes order(keys.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const Key left = keys[static_cast<size_t>(a)], right = keys[static_cast<size_t>(b)];
    return descending ? less(right, left) : less(left, right);
  });
  return order;
}

// Calls body(position in the result, position it comes from, index along the axis it comes from).
template <class Body>
void for_sorted_lanes(const Call& c, Body&& body) {
  const Lanes lanes(c.shape(0), static_cast<size_t>(c.attrs().integer("axis")));
  const bool descending = c.attrs().flag("descending");
  const void* x = c.in(0);
  for (int64_t o = 0; o < lanes.outer; ++o) {
    for (int64_t i = 0; i < lanes.inner; ++i) {
      Sizes order;
      with_type<kOrdered>(c.dtype(0), [&]<class T>(Tag<T>) {
        std::vector<Widest<T>> keys;
        for (int64_t k = 0; k < lanes.size; ++k) keys.push_back(load<T>(x, lanes.offset(o, k, i)));
        order = stable_order(keys, descending);
      });
      for (int64_t k = 0; k < lanes.size; ++k) {
        const int64_t from = order[static_cast<size_t>(k)];
        body(lanes.offset(o, k, i), lanes.offset(o, from, i), from);
      }
    }
  }
}

void run_sort(const Call& c) {
  const auto size = static_cast<int64_t>(dtype_size(c.out_dtype()));
  const auto* x = static_cast<const char*>(c.in(0));
  auto* y = static_cast<char*>(c.out());
  for_sorted_lanes(c, [&](int64_t to, int64_t from, int64_t) {
    std::memcpy(y + to * size, x + from * size, static_cast<size_t>(size));
  });
}

void run_argsort(const Call& c) {
  void* y = c.out();
  for_sorted_lanes(c, [&](int64_t to, int64_t, int64_t index) {
    store<int32_t>(y, to, static_cast<int32_t>(index));
  });
}

// How many entries come before each value: those less than it, and those equal to it on the right
// side.
void run_searchsorted(const Call& c) {
  const bool right = c.attrs().text("side") == "right";
  with_type<kOrdered>(c.dtype(0), [&]<class T>(Tag<T>) {
    const void *entries = c.in(0), *values = c.in(1);
    const int64_t entry_count = c.count(0), value_count = c.count(1);
    for (int64_t i = 0; i < value_count; ++i) {
      const auto value = load<T>(values, i);
      int32_t before = 0;
      for (int64_t k = 0; k < entry_count; ++k) {
        const auto entry = load<T>(entries, k);
        before += right ? !less(value, entry) : less(entry, value);
      }
      store<int32_t>(c.out(), i, before);
    }
  });
}

// Rows are counted apart. A value that has no bin is reported and not counted.
void run_bincount(const Call& c) {
  const int64_t bins = c.attrs().integer("length");
  const Sizes& shape = c.shape(0);
  const int64_t rows = shape.size() == 2 ? shape[0] : 1;
  const int64_t row_size = shape.back();
  with_type<kNumbers>(c.out_dtype(), [&]<class T>(Tag<T>) {
    std::vector<Wide<T>> sums(static_cast<size_t>(rows * bins));
    for (int64_t i = 0; i < rows * row_size; ++i) {
      const int64_t bin = load_integer(c.in(0), c.dtype(0), i);
      if (bin < 0 || bin >= bins) {
        set_status(c.context, kStatusBadIndex, bin);
        continue;
      }
      auto& sum = sums[static_cast<size_t>(i / row_size * bins + bin)];
      sum = plus(sum, c.arity() == 2 ? load<T>(c.in(1), i) : Wide<T>{1});
    }
    for (size_t i = 0; i < sums.size(); ++i) store<T>(c.out(), static_cast<int64_t>(i), sums[i]);
  });
}

constexpr OpEntry kEntries[] = {
    {"sort", accepts<kOrdered>, prepare<run_sort>},
    {"argsort", accepts<kOrdered>, prepare<run_argsort>},
    {"searchsorted", accepts<kOrdered, kLikeFirst>, prepare<run_searchsorted>},
    {"bincount", makes<kNumbers, kInts, kNumbers>, prepare<run_bincount>},
};

}  // namespace

std::span<const OpEntry> order_entries() { return kEntries; }

}  // namespace nacre::reference
