// Convolution and pooling, as their sums are written in cpp/ops/conv.cpp and cpp/ops/pool.cpp.

#include <algorithm>
#include <limits>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

Sizes spatial(const Sizes& shape) { return {shape.begin() + 1, shape.end() - 1}; }

// Every pair of a position `out` of y and a tap that meet inside x.
struct Geometry {
  Sizes strides, dilation, low, in, out, taps;

  // body(position in x, position in y, tap)
  template <class Body>
  void each(Body&& body) const {
    Sizes at(in.size());
    for (Index o(out); o.more(); o.next()) {
      for (Index k(taps); k.more(); k.next()) {
        bool inside = true;
        for (size_t i = 0; i < in.size(); ++i) {
          at[i] = o.at()[i] * strides[i] + k.at()[i] * dilation[i] - low[i];
          inside = inside && at[i] >= 0 && at[i] < in[i];
        }
        if (inside) body(offset(at, in), offset(o.at(), out), offset(k.at(), taps));
      }
    }
  }
};

// ---- Convolution: sums over everything that the result lacks -----------------------------------

enum class Result { Y, X, Kernel };

template <Result result>
void run_conv(const Call& c) {
  const Sizes& x_shape = result == Result::X ? c.out_shape() : c.shape(0);
  const Sizes& y_shape = result == Result::Y ? c.out_shape() : c.shape(result == Result::X ? 0 : 1);
  const Sizes& kernel_shape = result == Result::Kernel ? c.out_shape() : c.shape(1);
  const Geometry geometry = {
      c.attrs().ints("strides"), c.attrs().ints("dilation"),
      c.attrs().ints("low"),     spatial(x_shape),
      spatial(y_shape),          {kernel_shape.begin(), kernel_shape.end() - 2}};
  const int64_t groups = c.attrs().integer("groups");
  const int64_t channels = x_shape.back(), filters = y_shape.back();
  const int64_t pixels_x = element_count(geometry.in), pixels_y = element_count(geometry.out);
  with_type<kFloats>(c.dtype(0), [&]<class T>(Tag<T>) {
    std::vector<double> sums(static_cast<size_t>(c.out_count()), 0);
    for (int64_t n = 0; n < x_shape[0]; ++n) {
      geometry.each([&](int64_t in, int64_t out, int64_t tap) {
        for (int64_t f = 0; f < filters; ++f) {
          const int64_t group = f / (filters / groups), share = channels / groups;
          for (int64_t i = 0; i < share; ++i) {
            const int64_t x = (n * pixels_x + in) * channels + group * share + i;
            const int64_t y = (n * pixels_y + out) * filters + f;
            const int64_t k = (tap * share + i) * filters + f;
            const auto add = [&](int64_t to, int64_t first, int64_t second) {
              sums[static_cast<size_t>(to)] += load<T>(c.in(0), first) * load<T>(c.in(1), second);
            };
            if constexpr (result == Result::Y) add(y, x, k);
            if constexpr (result == Result::X) add(x, y, k);
            if constexpr (result == Result::Kernel) add(k, x, y);
          }
        }
      });
    }
    for (int64_t i = 0; i < c.out_count(); ++i) store<T>(c.out(), i, sums[static_cast<size_t>(i)]);
  });
}

// ---- Pooling -----------------------------------------------------------------------------------

// `upwards`: the result has the sizes of x.
Geometry pool_geometry(const Call& c, bool upwards) {
  const Sizes& window = c.attrs().ints("window");
  return {c.attrs().ints("strides"),
          Sizes(window.size(), 1),
          c.attrs().ints("low"),
          spatial(upwards ? c.out_shape() : c.shape(0)),
          spatial(upwards ? c.shape(0) : c.out_shape()),
          window};
}

// body(element of x, element of y, tap), channel by channel.
template <class Body>
void each_element(const Call& c, bool upwards, Body&& body) {
  const Geometry geometry = pool_geometry(c, upwards);
  const int64_t channels = c.shape(0).back();
  const int64_t pixels_x = element_count(geometry.in), pixels_y = element_count(geometry.out);
  for (int64_t n = 0; n < c.shape(0)[0]; ++n) {
    geometry.each([&](int64_t in, int64_t out, int64_t tap) {
      for (int64_t i = 0; i < channels; ++i) {
        body((n * pixels_x + in) * channels + i, (n * pixels_y + out) * channels + i, tap);
      }
    });
  }
}

template <class C>
constexpr C lowest() {
  using Limits = std::numeric_limits<C>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

void store_index(const Call& c, int64_t i, int64_t tap) {
  if (c.out_dtype(1) == DType::UInt8) {
    store<uint8_t>(c.out(1), i, static_cast<uint8_t>(tap));
  } else {
    store<int32_t>(c.out(1), i, static_cast<int32_t>(tap));
  }
}

void run_max_pool(const Call& c) {
  with_type<kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    const auto count = static_cast<size_t>(c.out_count());
    std::vector<Wide<T>> best(count, lowest<Wide<T>>());
    std::vector<int64_t> place(count, -1);  // none yet
    each_element(c, false, [&](int64_t x, int64_t y, int64_t tap) {
      const auto i = static_cast<size_t>(y);
      const Wide<T> value = load<T>(c.in(0), x);
      const bool better = !is_nan(best[i]) && (is_nan(value) || value > best[i]);
      if (place[i] >= 0 && !better) return;
      best[i] = value;
      place[i] = tap;
    });
    for (size_t i = 0; i < count; ++i) {
      store<T>(c.out(), static_cast<int64_t>(i), best[i]);
      store_index(c, static_cast<int64_t>(i), std::max<int64_t>(place[i], 0));
    }
  });
}

template <bool upwards>
void run_routed(const Call& c) {
  with_type<kNumbers>(c.dtype(0), [&]<class T>(Tag<T>) {
    for (int64_t i = 0; i < c.out_count(); ++i) store<T>(c.out(), i, 0);
    each_element(c, upwards, [&](int64_t x, int64_t y, int64_t tap) {
      if (load_integer(c.in(1), c.dtype(1), y) != tap) return;
      const int64_t to = upwards ? x : y, from = upwards ? y : x;
      store<T>(c.out(), to, plus(load<T>(c.out(), to), load<T>(c.in(0), from)));
    });
  });
}

template <bool upwards>
void run_average(const Call& c) {
  with_type<kFloats>(c.dtype(0), [&]<class T>(Tag<T>) {
    std::vector<double> sums(static_cast<size_t>(c.out_count()), 0);
    std::vector<double> counts(static_cast<size_t>(upwards ? c.count(0) : c.out_count()), 0);
    each_element(c, upwards,
                 [&](int64_t, int64_t y, int64_t) { ++counts[static_cast<size_t>(y)]; });
    each_element(c, upwards, [&](int64_t x, int64_t y, int64_t) {
      const int64_t to = upwards ? x : y, from = upwards ? y : x;
      sums[static_cast<size_t>(to)] += load<T>(c.in(0), from) / counts[static_cast<size_t>(y)];
    });
    for (int64_t i = 0; i < c.out_count(); ++i) {
      const auto at = static_cast<size_t>(i);
      const bool none = !upwards && counts[at] == 0;  // a mean of nothing
      store<T>(c.out(), i, none ? std::numeric_limits<double>::quiet_NaN() : sums[at]);
    }
  });
}

constexpr OpEntry kEntries[] = {
    {"conv", accepts<kFloats, kLikeFirst>, prepare<run_conv<Result::Y>>},
    {"conv_input_gradient", accepts<kFloats, kLikeFirst>, prepare<run_conv<Result::X>>},
    {"conv_kernel_gradient", accepts<kFloats, kLikeFirst>, prepare<run_conv<Result::Kernel>>},
    {"max_pool", accepts<kNumbers>, prepare<run_max_pool>},
    {"max_pool_gradient", accepts<kNumbers, kInts>, prepare<run_routed<true>>},
    {"max_pool_gather", accepts<kNumbers, kInts>, prepare<run_routed<false>>},
    {"average_pool", accepts<kFloats>, prepare<run_average<false>>},
    {"average_pool_gradient", accepts<kFloats>, prepare<run_average<true>>},
};

}  // namespace

std::span<const OpEntry> window_entries() { return kEntries; }

}  // namespace nacre::reference
