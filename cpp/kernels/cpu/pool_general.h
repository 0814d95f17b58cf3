#pragma once

// Pooling kernels over elements T that run every case. Loops run over blocks of channels, which
// the compiler turns into vectors; every channel is computed alike wherever it stands. Internal
// linkage: each file that includes this has its own copies.

#include <cstdint>

#include "kernels/cpu/pool.h"
#include "kernels/cpu/window.h"

namespace nacre::cpu {
namespace {

template <bool wide>
struct PlaceOf {
  using Type = int32_t;
};
template <>
struct PlaceOf<true> {
  using Type = int64_t;
};

template <class T>
struct GeneralPool {
  static constexpr int64_t kBlock = 64;  // channels whose running values stay in registers or L1
  // An index as wide as an element, so that both fit one kind of mask.
  using Place = typename PlaceOf<sizeof(T) == 8>::Type;
  static constexpr bool kFloating = T(0.5) != T(0);

  struct Axes {
    WindowAxis axis[3];
    explicit Axes(const PoolCase& c) {
      for (int i = 0; i < 3; ++i) {
        axis[i] = {c.in[i], c.out[i], c.window[i], c.stride[i], 1, c.low[i]};
      }
    }
  };

  // body(image, at, pixel, c0, n) for every pixel of rows [begin, end) of a tensor of these spatial
  // sizes, and every block of n channels from c0 on.
  template <class Body>
  static inline __attribute__((always_inline)) void each_block(const int64_t size[3],
                                                               int64_t channels, int64_t begin,
                                                               int64_t end, Body&& body) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t image = row / (size[0] * size[1]);
      int64_t at[3] = {row / size[1] % size[0], row % size[1], 0};
      for (; at[2] < size[2]; ++at[2]) {
        for (int64_t c0 = 0; c0 < channels; c0 += kBlock) {
          const int64_t n = channels - c0 < kBlock ? channels - c0 : kBlock;
          body(image, at, row * size[2] + at[2], c0, n);
        }
      }
    }
  }

  static inline bool bytes(const PoolCase& c) { return volume(c.window) <= kByteWindow; }

  static inline T lowest() {
    if constexpr (kFloating) {
      return -static_cast<T>(__builtin_inff());
    } else {
      return T(-1) < T(0) ? static_cast<T>(T(1) << (sizeof(T) * 8 - 1)) : T(0);
    }
  }

  static void max(const PoolCase& c, const void* in, void* out, void* index, int64_t begin,
                  int64_t end) {
    const Axes axes(c);
    const T* x = static_cast<const T*>(in);
    const int64_t image_size = volume(c.in) * c.channels;
    each_block(c.out, c.channels, begin, end,
               [&](int64_t image, const int64_t* at, int64_t pixel, int64_t c0, int64_t n) {
                 T best[kBlock];
                 Place place[kBlock];
                 bool empty = true;
                 for (int64_t i = 0; i < n; ++i) best[i] = lowest(), place[i] = 0;
                 each_partner<true>(axes.axis, at, [&](int64_t k, int64_t from) {
                   const T* v = x + image * image_size + from * c.channels + c0;
                   const Place tap = static_cast<Place>(k);
                   if (empty) {
                     for (int64_t i = 0; i < n; ++i) best[i] = v[i], place[i] = tap;
                     empty = false;
                     return;
                   }
                   for (int64_t i = 0; i < n; ++i) {
                     const bool better = !(v[i] <= best[i]) & (best[i] == best[i]);
                     best[i] = better ? v[i] : best[i];
                     place[i] = better ? tap : place[i];
                   }
                 });
                 const int64_t to = pixel * c.channels + c0;
                 for (int64_t i = 0; i < n; ++i) static_cast<T*>(out)[to + i] = best[i];
                 if (index == nullptr) return;
                 if (bytes(c)) {
                   uint8_t* p = static_cast<uint8_t*>(index) + to;
                   for (int64_t i = 0; i < n; ++i) p[i] = static_cast<uint8_t>(place[i]);
                 } else {
                   int32_t* p = static_cast<int32_t*>(index) + to;
                   for (int64_t i = 0; i < n; ++i) p[i] = static_cast<int32_t>(place[i]);
                 }
               });
  }

  // Calls fn with the index as the integers it is made of.
  template <class Fn>
  static inline void with_index(const PoolCase& c, const void* index, Fn&& fn) {
    if (bytes(c)) {
      fn(static_cast<const uint8_t*>(index));
    } else {
      fn(static_cast<const int32_t*>(index));
    }
  }

  static void max_gradient(const PoolCase& c, const void* grad, const void* index, void* out,
                           int64_t begin, int64_t end) {
    with_index(c, index, [&](const auto* places) {
      const Axes axes(c);
      const T* dy = static_cast<const T*>(grad);
      const int64_t image_size = volume(c.out) * c.channels;
      each_block(c.in, c.channels, begin, end,
                 [&](int64_t image, const int64_t* at, int64_t pixel, int64_t c0, int64_t n) {
                   T sum[kBlock];
                   for (int64_t i = 0; i < n; ++i) sum[i] = 0;
                   each_partner<false>(axes.axis, at, [&](int64_t k, int64_t from) {
                     const int64_t first = image * image_size + from * c.channels + c0;
                     for (int64_t i = 0; i < n; ++i) {
                       const T part = places[first + i] == k ? dy[first + i] : T(0);
                       sum[i] = static_cast<T>(sum[i] + part);
                     }
                   });
                   T* dx = static_cast<T*>(out) + pixel * c.channels + c0;
                   for (int64_t i = 0; i < n; ++i) dx[i] = sum[i];
                 });
    });
  }

  static void max_gather(const PoolCase& c, const void* in, const void* index, void* out,
                         int64_t begin, int64_t end) {
    with_index(c, index, [&](const auto* places) {
      const Axes axes(c);
      const T* x = static_cast<const T*>(in);
      const int64_t image_size = volume(c.in) * c.channels;
      each_block(c.out, c.channels, begin, end,
                 [&](int64_t image, const int64_t* at, int64_t pixel, int64_t c0, int64_t n) {
                   const int64_t to = pixel * c.channels + c0;
                   T* y = static_cast<T*>(out) + to;
                   for (int64_t i = 0; i < n; ++i) y[i] = 0;
                   each_partner<true>(axes.axis, at, [&](int64_t k, int64_t from) {
                     const T* v = x + image * image_size + from * c.channels + c0;
                     for (int64_t i = 0; i < n; ++i) y[i] = places[to + i] == k ? v[i] : y[i];
                   });
                 });
    });
  }

  // How many places of the window at `at` are not padding.
  static inline int64_t count(const Axes& axes, const int64_t* at) {
    int64_t product = 1;
    for (int axis = 0; axis < 3; ++axis) {
      const WindowAxis::Taps taps = axes.axis[axis].taps_to_in(at[axis]);
      product *= taps.end > taps.begin ? taps.end - taps.begin : 0;
    }
    return product;
  }

  static void average(const PoolCase& c, const void* in, void* out, int64_t begin, int64_t end) {
    const Axes axes(c);
    const T* x = static_cast<const T*>(in);
    const int64_t image_size = volume(c.in) * c.channels;
    each_block(c.out, c.channels, begin, end,
               [&](int64_t image, const int64_t* at, int64_t pixel, int64_t c0, int64_t n) {
                 T sum[kBlock];
                 for (int64_t i = 0; i < n; ++i) sum[i] = 0;
                 int64_t places = 0;
                 each_partner<true>(axes.axis, at, [&](int64_t, int64_t from) {
                   const T* v = x + image * image_size + from * c.channels + c0;
                   for (int64_t i = 0; i < n; ++i) sum[i] += v[i];
                   ++places;
                 });
                 T* y = static_cast<T*>(out) + pixel * c.channels + c0;
                 const T scale = static_cast<T>(places);
                 for (int64_t i = 0; i < n; ++i) y[i] = sum[i] / scale;
               });
  }

  static void average_gradient(const PoolCase& c, const void* grad, void* out, int64_t begin,
                               int64_t end) {
    const Axes axes(c);
    const T* dy = static_cast<const T*>(grad);
    const int64_t image_size = volume(c.out) * c.channels;
    each_block(c.in, c.channels, begin, end,
               [&](int64_t image, const int64_t* at, int64_t pixel, int64_t c0, int64_t n) {
                 T sum[kBlock];
                 for (int64_t i = 0; i < n; ++i) sum[i] = 0;
                 each_partner<false>(axes.axis, at, [&](int64_t, int64_t from) {
                   const int64_t where[3] = {from / (c.out[1] * c.out[2]),
                                             from / c.out[2] % c.out[1], from % c.out[2]};
                   const T scale = static_cast<T>(count(axes, where));
                   const T* v = dy + image * image_size + from * c.channels + c0;
                   for (int64_t i = 0; i < n; ++i) sum[i] += v[i] / scale;
                 });
                 T* dx = static_cast<T*>(out) + pixel * c.channels + c0;
                 for (int64_t i = 0; i < n; ++i) dx[i] = sum[i];
               });
  }
};

template <class T>
constexpr PoolTable make_pool_table() {
  using Pool = GeneralPool<T>;
  if constexpr (Pool::kFloating) {
    return {Pool::max, Pool::max_gradient, Pool::max_gather, Pool::average, Pool::average_gradient};
  } else {
    return {Pool::max, Pool::max_gradient, Pool::max_gather, nullptr, nullptr};
  }
}

}  // namespace
}  // namespace nacre::cpu
