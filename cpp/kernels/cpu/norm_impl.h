#pragma once

// Batch normalisation's kernels over a kind of vector S (see rowwise_impl.h). Columns go in strips
// of one vector, so that sums stay in registers down the rows.

#include "kernels/cpu/rowwise_impl.h"

namespace nacre::cpu {
namespace {

template <class S>
void moments_rows(const void* data, int64_t rows, int64_t stride, int64_t columns, void* mean,
                  void* deviation) {
  using R = Row<S>;
  using T = typename S::T;
  const T* x = static_cast<const T*>(data);
  R::each(columns, [&](int64_t c, auto lanes) NACRE_LAMBDA {
    // Four sums in turn, for the additions' latency and the error of long sums.
    typename S::V s[4] = {S::set(0), S::set(0), S::set(0), S::set(0)};
    for (int64_t r = 0; r < rows; ++r) s[r & 3] += R::get(x + r * stride + c, lanes);
    const auto m = ((s[0] + s[1]) + (s[2] + s[3])) * S::set(1 / static_cast<T>(rows));
    typename S::V q[4] = {S::set(0), S::set(0), S::set(0), S::set(0)};
    for (int64_t r = 0; r < rows; ++r) {
      const auto d = R::get(x + r * stride + c, lanes) - m;
      q[r & 3] += d * d;
    }
    R::put(static_cast<T*>(mean) + c, m, lanes);
    R::put(static_cast<T*>(deviation) + c, (q[0] + q[1]) + (q[2] + q[3]), lanes);
  });
}

template <class S>
void normalise_rows(const void* in, const void* mean, const void* scale, const void* shift,
                    void* out, int64_t rows, int64_t stride, int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  const T* m = static_cast<const T*>(mean);
  const T* a = static_cast<const T*>(scale);
  const T* b = static_cast<const T*>(shift);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * stride;
    T* y = static_cast<T*>(out) + r * stride;
    R::each(columns, [&](int64_t c, auto lanes) NACRE_LAMBDA {
      const auto d = R::get(x + c, lanes) - R::get(m + c, lanes);
      R::put(y + c, d * R::get(a + c, lanes) + R::get(b + c, lanes), lanes);
    });
  }
}

template <class S>
void gradient_sum_rows(const void* in, const void* mean, const void* grad, int64_t rows,
                       int64_t stride, int64_t columns, void* sum, void* product_sum) {
  using R = Row<S>;
  using T = typename S::T;
  const T* x = static_cast<const T*>(in);
  const T* dy = static_cast<const T*>(grad);
  R::each(columns, [&](int64_t c, auto lanes) NACRE_LAMBDA {
    const auto m = R::get(static_cast<const T*>(mean) + c, lanes);
    typename S::V s[2] = {S::set(0), S::set(0)}, p[2] = {S::set(0), S::set(0)};
    for (int64_t r = 0; r < rows; ++r) {
      const auto d = R::get(dy + r * stride + c, lanes);
      s[r & 1] += d;
      p[r & 1] += d * (R::get(x + r * stride + c, lanes) - m);
    }
    R::put(static_cast<T*>(sum) + c, s[0] + s[1], lanes);
    R::put(static_cast<T*>(product_sum) + c, p[0] + p[1], lanes);
  });
}

template <class S>
void input_gradient_rows(const void* in, const void* mean, const void* grad, const void* a,
                         const void* b, const void* c, void* out, int64_t rows, int64_t stride,
                         int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * stride;
    const T* dy = static_cast<const T*>(grad) + r * stride;
    T* dx = static_cast<T*>(out) + r * stride;
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto d = R::get(x + i, lanes) - R::get(static_cast<const T*>(mean) + i, lanes);
      const auto g = R::get(static_cast<const T*>(a) + i, lanes) * R::get(dy + i, lanes) +
                     R::get(static_cast<const T*>(b) + i, lanes) * d;
      R::put(dx + i, g + R::get(static_cast<const T*>(c) + i, lanes), lanes);
    });
  }
}

template <class S>
constexpr NormTable make_norm_table() {
  return {moments_rows<S>, normalise_rows<S>, gradient_sum_rows<S>, input_gradient_rows<S>};
}

}  // namespace
}  // namespace nacre::cpu
