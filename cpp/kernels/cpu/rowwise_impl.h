#pragma once

// Row-wise kernels over a kind of vector S: float32 registers of an instruction set, or single
// doubles. S gives T, V, kWidth, load, load_partial (zeros beyond), store, store_partial, set,
// select_below (lanes beyond n replaced), select_lane (one lane replaced), select_above (where
// a > b), exp, log, max, min, fma, sum_lanes, max_lanes, log_one, sqrt_one. Internal linkage: each
// file that includes this has its own copies.

#include <cstdint>

#include "kernels/cpu/rowwise_ops.h"

namespace nacre::cpu {
namespace {

#define NACRE_LAMBDA __attribute__((always_inline))

// The lanes of one step along a row: all of them, or the first n.
struct AllLanes {};
struct SomeLanes {
  int64_t n;
};

template <class S>
struct Row {
  using T = typename S::T;
  using V = typename S::V;

  static inline NACRE_LAMBDA V get(const T* p, AllLanes) { return S::load(p); }
  static inline NACRE_LAMBDA V get(const T* p, SomeLanes lanes) {
    return S::load_partial(p, lanes.n);
  }
  static inline NACRE_LAMBDA void put(T* p, V v, AllLanes) { S::store(p, v); }
  static inline NACRE_LAMBDA void put(T* p, V v, SomeLanes lanes) {
    S::store_partial(p, v, lanes.n);
  }
  static inline NACRE_LAMBDA V keep(V v, T, AllLanes) { return v; }
  static inline NACRE_LAMBDA V keep(V v, T fill, SomeLanes lanes) {
    return S::select_below(v, lanes.n, fill);
  }

  // body(i, lanes) along n elements.
  template <class Body>
  static inline NACRE_LAMBDA void each(int64_t n, Body body) {
    int64_t i = 0;
    for (; i + S::kWidth <= n; i += S::kWidth) body(i, AllLanes{});
    if (i < n) body(i, SomeLanes{n - i});
  }

  static inline NACRE_LAMBDA T maximum(const T* x, int64_t n) {
    V m = S::set(-__builtin_inff());
    each(n, [&](int64_t i, auto lanes)
                NACRE_LAMBDA { m = S::max(m, keep(get(x + i, lanes), -__builtin_inff(), lanes)); });
    return S::max_lanes(m);
  }

  // Sum of f(i, lanes) over the row, whatever f gives beyond its end.
  template <class F>
  static inline NACRE_LAMBDA T sum(int64_t n, F f) {
    V s = S::set(0);
    each(n, [&](int64_t i, auto lanes) NACRE_LAMBDA { s += keep(f(i, lanes), 0, lanes); });
    return S::sum_lanes(s);
  }
  // A row of at most one register: exp(x - maximum), 0 beyond its end, and the sum.
  struct Lone {
    V exponential;
    T maximum, sum;
  };
  static inline NACRE_LAMBDA Lone softmax_of_one(const T* x, int64_t n) {
    const SomeLanes lanes{n};
    const V v = keep(get(x, lanes), -__builtin_inff(), lanes);
    const T m = S::max_lanes(v);
    const V e = keep(S::exp(v - S::set(m)), 0, lanes);
    return {e, m, S::sum_lanes(e)};
  }

  // The sum of exp(x - m).
  static inline NACRE_LAMBDA T exp_sum(const T* x, T m, int64_t n) {
    return sum(n, [&](int64_t i, auto lanes)
                      NACRE_LAMBDA { return S::exp(get(x + i, lanes) - S::set(m)); });
  }
};

template <class S>
void softmax_rows(const void* in, void* out, int64_t rows, int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * columns;
    T* y = static_cast<T*>(out) + r * columns;
    if (columns <= S::kWidth) {  // few classes: all in one register
      const auto lone = R::softmax_of_one(x, columns);
      R::put(y, lone.exponential * S::set(1 / lone.sum), SomeLanes{columns});
      continue;
    }
    const T m = R::maximum(x, columns);
    const T s = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto e = S::exp(R::get(x + i, lanes) - S::set(m));
      R::put(y + i, e, lanes);
      return e;
    });
    const auto inverse = S::set(1 / s);
    R::each(columns, [&](int64_t i, auto lanes)
                         NACRE_LAMBDA { R::put(y + i, R::get(y + i, lanes) * inverse, lanes); });
  }
}

template <class S>
void log_softmax_rows(const void* in, void* out, int64_t rows, int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * columns;
    T* y = static_cast<T*>(out) + r * columns;
    const T m = R::maximum(x, columns);
    const T l = S::log_one(R::exp_sum(x, m, columns));
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      R::put(y + i, (R::get(x + i, lanes) - S::set(m)) - S::set(l), lanes);
    });
  }
}

template <class S>
void softmax_grad_rows(const void* value, const void* grad, void* out, int64_t rows,
                       int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* y = static_cast<const T*>(value) + r * columns;
    const T* dy = static_cast<const T*>(grad) + r * columns;
    T* dx = static_cast<T*>(out) + r * columns;
    const T s = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      return R::get(y + i, lanes) * R::get(dy + i, lanes);
    });
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      R::put(dx + i, R::get(y + i, lanes) * (R::get(dy + i, lanes) - S::set(s)), lanes);
    });
  }
}

template <class S>
void log_softmax_grad_rows(const void* value, const void* grad, void* out, int64_t rows,
                           int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* y = static_cast<const T*>(value) + r * columns;
    const T* dy = static_cast<const T*>(grad) + r * columns;
    T* dx = static_cast<T*>(out) + r * columns;
    const T s =
        R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA { return R::get(dy + i, lanes); });
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      R::put(dx + i, R::get(dy + i, lanes) - S::exp(R::get(y + i, lanes)) * S::set(s), lanes);
    });
  }
}

// Logarithms of the sums of several rows are taken together.
constexpr int64_t kLossRows = 16;

// loss[r] = log(sum[r]) * weight[r] + offset[r]
template <class S>
inline NACRE_LAMBDA void finish_losses(const typename S::T* sum, const typename S::T* weight,
                                       const typename S::T* offset, typename S::T* loss,
                                       int64_t rows) {
  using R = Row<S>;
  for (int64_t i = 0; i < kLossRows; i += S::kWidth) {
    const auto value = S::log(S::load(sum + i)) * S::load(weight + i) + S::load(offset + i);
    if (i + S::kWidth <= rows) {
      R::put(loss + i, value, AllLanes{});
    } else if (i < rows) {
      R::put(loss + i, value, SomeLanes{rows - i});
    }
  }
}

// The rows' maxima and sums of exponentials.
template <class S>
inline NACRE_LAMBDA void exp_sums(const typename S::T* x, int64_t columns, typename S::T* maximum,
                                  typename S::T* sum) {
  using R = Row<S>;
  if (columns <= S::kWidth) {
    const auto lone = R::softmax_of_one(x, columns);
    *maximum = lone.maximum;
    *sum = lone.sum;
  } else {
    *maximum = R::maximum(x, columns);
    *sum = R::exp_sum(x, *maximum, columns);
  }
}

// sum of target * (log(s) - (x - m)).
template <class S>
void cross_entropy_rows(const void* logits, const void* target, void* loss, int64_t rows,
                        int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t first = 0; first < rows; first += kLossRows) {
    const int64_t n = rows - first < kLossRows ? rows - first : kLossRows;
    alignas(64) T sum[kLossRows], total[kLossRows] = {}, offset[kLossRows] = {};
    for (T& s : sum) s = 1;
    for (int64_t r = 0; r < n; ++r) {
      const T* x = static_cast<const T*>(logits) + (first + r) * columns;
      const T* t = static_cast<const T*>(target) + (first + r) * columns;
      T m;
      exp_sums<S>(x, columns, &m, &sum[r]);
      auto dot = S::set(0);
      total[r] = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
        const auto weight = R::get(t + i, lanes);
        dot += R::keep(weight * (R::get(x + i, lanes) - S::set(m)), 0, lanes);
        return weight;
      });
      offset[r] = -S::sum_lanes(dot);
    }
    finish_losses<S>(sum, total, offset, static_cast<T*>(loss) + first, n);
  }
}

// (softmax * sum(target) - target) * dloss.
template <class S>
void cross_entropy_grad_rows(const void* logits, const void* target, const void* dloss, void* out,
                             int64_t rows, int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(logits) + r * columns;
    const T* t = static_cast<const T*>(target) + r * columns;
    T* dx = static_cast<T*>(out) + r * columns;
    const T m = R::maximum(x, columns);
    const T total =
        R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA { return R::get(t + i, lanes); });
    const T s = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto e = S::exp(R::get(x + i, lanes) - S::set(m));
      R::put(dx + i, e, lanes);
      return e;
    });
    const auto factor = S::set(total / s), weight = S::set(static_cast<const T*>(dloss)[r]);
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto g = R::get(dx + i, lanes) * factor - R::get(t + i, lanes);
      R::put(dx + i, g * weight, lanes);
    });
  }
}

template <class S>
void sparse_cross_entropy_rows(const void* logits, const int64_t* labels, void* loss, int64_t rows,
                               int64_t columns) {
  using T = typename S::T;
  for (int64_t first = 0; first < rows; first += kLossRows) {
    const int64_t n = rows - first < kLossRows ? rows - first : kLossRows;
    alignas(64) T sum[kLossRows], weight[kLossRows] = {}, offset[kLossRows] = {};
    for (T& s : sum) s = 1;
    for (int64_t r = 0; r < n; ++r) {
      if (labels[first + r] < 0) continue;
      const T* x = static_cast<const T*>(logits) + (first + r) * columns;
      T m;
      exp_sums<S>(x, columns, &m, &sum[r]);
      weight[r] = 1;
      offset[r] = m - x[labels[first + r]];
    }
    finish_losses<S>(sum, weight, offset, static_cast<T*>(loss) + first, n);
  }
}

template <class S>
void sparse_cross_entropy_grad_rows(const void* logits, const int64_t* labels, const void* dloss,
                                    void* out, int64_t rows, int64_t columns) {
  using R = Row<S>;
  using T = typename S::T;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(logits) + r * columns;
    T* dx = static_cast<T*>(out) + r * columns;
    if (labels[r] < 0) {
      for (int64_t i = 0; i < columns; ++i) dx[i] = 0;
      continue;
    }
    const T weight = static_cast<const T*>(dloss)[r];
    if (columns <= S::kWidth) {
      const auto lone = R::softmax_of_one(x, columns);
      const auto p = lone.exponential * S::set(1 / lone.sum);
      const auto chosen = S::select_lane(p, labels[r], p - S::set(1));
      R::put(dx, chosen * S::set(weight), SomeLanes{columns});
      continue;
    }
    const T m = R::maximum(x, columns);
    const T s = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto e = S::exp(R::get(x + i, lanes) - S::set(m));
      R::put(dx + i, e, lanes);
      return e;
    });
    const auto inverse = S::set(1 / s), scale = S::set(weight);
    const T chosen = (dx[labels[r]] * (1 / s) - 1) * weight;
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      R::put(dx + i, R::get(dx + i, lanes) * inverse * scale, lanes);
    });
    dx[labels[r]] = chosen;
  }
}

template <class S>
void layer_norm_rows(const void* in, const void* gamma, const void* beta, void* out, void* mean,
                     void* variance, int64_t rows, int64_t columns, double epsilon) {
  using R = Row<S>;
  using T = typename S::T;
  const T* g = static_cast<const T*>(gamma);
  const T* b = static_cast<const T*>(beta);
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * columns;
    T* y = static_cast<T*>(out) + r * columns;
    const T m =
        R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA { return R::get(x + i, lanes); }) /
        static_cast<T>(columns);
    const T v = R::sum(columns,
                       [&](int64_t i, auto lanes) NACRE_LAMBDA {
                         const auto d = R::get(x + i, lanes) - S::set(m);
                         return d * d;
                       }) /
                static_cast<T>(columns);
    const auto scale = S::set(1 / S::sqrt_one(v + static_cast<T>(epsilon)));
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto n = (R::get(x + i, lanes) - S::set(m)) * scale;
      R::put(y + i, n * R::get(g + i, lanes) + R::get(b + i, lanes), lanes);
    });
    static_cast<T*>(mean)[r] = m;
    static_cast<T*>(variance)[r] = v;
  }
}

template <class S>
void layer_norm_grad_rows(const void* in, const void* gamma, const void* mean, const void* variance,
                          const void* grad, void* out, void* dgamma, void* dbeta, int64_t rows,
                          int64_t columns, double epsilon) {
  using R = Row<S>;
  using T = typename S::T;
  const T* g = static_cast<const T*>(gamma);
  T* dg = static_cast<T*>(dgamma);
  T* db = static_cast<T*>(dbeta);
  for (int64_t i = 0; i < columns; ++i) dg[i] = db[i] = 0;
  for (int64_t r = 0; r < rows; ++r) {
    const T* x = static_cast<const T*>(in) + r * columns;
    const T* dy = static_cast<const T*>(grad) + r * columns;
    T* dx = static_cast<T*>(out) + r * columns;
    const auto m = S::set(static_cast<const T*>(mean)[r]);
    const T rstd = 1 / S::sqrt_one(static_cast<const T*>(variance)[r] + static_cast<T>(epsilon));
    auto s2 = S::set(0);
    const T s1 = R::sum(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto n = (R::get(x + i, lanes) - m) * S::set(rstd);
      const auto d = R::get(dy + i, lanes);
      R::put(dg + i, R::get(dg + i, lanes) + d * n, lanes);
      R::put(db + i, R::get(db + i, lanes) + d, lanes);
      const auto w = d * R::get(g + i, lanes);
      s2 += R::keep(w * n, 0, lanes);
      return w;
    });
    const auto mean1 = S::set(s1 / static_cast<T>(columns));
    const auto mean2 = S::set(S::sum_lanes(s2) / static_cast<T>(columns));
    R::each(columns, [&](int64_t i, auto lanes) NACRE_LAMBDA {
      const auto n = (R::get(x + i, lanes) - m) * S::set(rstd);
      const auto w = R::get(dy + i, lanes) * R::get(g + i, lanes);
      R::put(dx + i, (w - mean1 - n * mean2) * S::set(rstd), lanes);
    });
  }
}

template <class S>
constexpr RowwiseTable make_rowwise_table() {
  return {softmax_rows<S>,
          log_softmax_rows<S>,
          softmax_grad_rows<S>,
          log_softmax_grad_rows<S>,
          cross_entropy_rows<S>,
          cross_entropy_grad_rows<S>,
          sparse_cross_entropy_rows<S>,
          sparse_cross_entropy_grad_rows<S>,
          layer_norm_rows<S>,
          layer_norm_grad_rows<S>};
}

}  // namespace
}  // namespace nacre::cpu
