#pragma once

// Batch normalisation's kernels over a kind of vector S (see rowwise_impl.h). Columns go in groups
// of a few vectors, so that sums and what belongs to a column stay in registers down the rows.
// Multiply-adds are spelled out: the gradient computes again what the forward pass computed, and
// must get the same bits.

#include "kernels/cpu/rowwise_impl.h"

namespace nacre::cpu {
namespace {

#define NACRE_SMALL_LOOP _Pragma("GCC unroll 4")

// Rows that one group of columns goes through before the next group does, where nothing is summed:
// few enough to stay in the nearest cache for the groups that share their lines.
constexpr int64_t kNormRows = 32;

template <int N>
struct Vectors {
  static constexpr int count = N;
};

// body(first column, Vectors, lanes) for groups of four, two and one vectors, and for the rest.
template <class S, class Body>
inline NACRE_LAMBDA void each_group(int64_t columns, Body body) {
  constexpr int64_t kWidth = S::kWidth;
  int64_t c = 0;
  for (; c + 4 * kWidth <= columns; c += 4 * kWidth) body(c, Vectors<4>{}, AllLanes{});
  if (c + 2 * kWidth <= columns) {
    body(c, Vectors<2>{}, AllLanes{});
    c += 2 * kWidth;
  }
  if (c + kWidth <= columns) {
    body(c, Vectors<1>{}, AllLanes{});
    c += kWidth;
  }
  if (c < columns) body(c, Vectors<1>{}, SomeLanes{columns - c});
}

template <class S, int N, class Lanes>
inline NACRE_LAMBDA void get_columns(const void* from, int64_t c, Lanes lanes,
                                     typename S::V (&to)[N]) {
  using T = typename S::T;
  NACRE_SMALL_LOOP for (int v = 0; v < N; ++v) {
    to[v] = Row<S>::get(static_cast<const T*>(from) + c + v * S::kWidth, lanes);
  }
}

// Adds the sums of all sets to the first one's.
template <int kSets, int N, class V>
inline NACRE_LAMBDA void fold_sets(V (&sums)[kSets][N]) {
  NACRE_SMALL_LOOP for (int k = 1; k < kSets; ++k) {
    NACRE_SMALL_LOOP for (int v = 0; v < N; ++v) sums[0][v] += sums[k][v];
  }
}

// body(row, set) for all rows; narrow groups have several sets of sums, for the latency of adding.
template <int kSets, class Body>
inline NACRE_LAMBDA void each_row(int64_t rows, Body body) {
  int64_t r = 0;
  for (; r + kSets <= rows; r += kSets) {
    NACRE_SMALL_LOOP for (int k = 0; k < kSets; ++k) body(r + k, k);
  }
  for (; r < rows; ++r) body(r, 0);
}

// In one pass, of the distances to the first row. That row is at most sqrt(rows) standard
// deviations away from the mean of these rows, so the difference below loses little.
template <class S>
void moments_rows(const NormTask& task, void* shifts, void* deviation) {
  using R = Row<S>;
  using T = typename S::T;
  using V = typename S::V;
  const T* x = static_cast<const T*>(task.x);
  const int64_t rows = task.rows, stride = task.stride;
  each_group<S>(task.columns, [&](int64_t c, auto vectors, auto lanes) NACRE_LAMBDA {
    constexpr int n = decltype(vectors)::count, sets = 4 / n;
    V first[n], s[sets][n] = {}, q[sets][n] = {};
    get_columns<S, n>(x, c, lanes, first);
    each_row<sets>(rows, [&](int64_t r, int k) NACRE_LAMBDA {
      NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
        const V d = R::get(x + r * stride + c + v * S::kWidth, lanes) - first[v];
        s[k][v] += d;
        q[k][v] = S::fma(d, d, q[k][v]);
      }
    });
    fold_sets<sets, n>(s);
    fold_sets<sets, n>(q);
    const V inverse = S::set(1 / static_cast<T>(rows));
    NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
      const V shift = s[0][v] * inverse;
      const V left = S::max(S::set(0), S::fma(-s[0][v], shift, q[0][v]));  // a NaN stays one
      R::put(static_cast<T*>(shifts) + c + v * S::kWidth, shift, lanes);
      R::put(static_cast<T*>(deviation) + c + v * S::kWidth, left, lanes);
    }
  });
}

template <class S, NormActivation activation>
inline NACRE_LAMBDA typename S::V norm_activated(typename S::V z, typename S::V limit) {
  if constexpr (activation == NormActivation::Relu) return S::max(S::set(0), z);
  if constexpr (activation == NormActivation::Limited) {
    return S::min(limit, S::max(S::set(0), z));
  }
  return z;
}

// The gradient before the activation from the one behind it: half of it where z is the limit, as
// the gradient of a minimum has it.
template <class S, NormActivation activation>
inline NACRE_LAMBDA typename S::V norm_gated(typename S::V g, typename S::V z,
                                             typename S::V limit) {
  const auto zero = S::set(0);
  if constexpr (activation == NormActivation::Relu) return S::select_above(z, zero, g, zero);
  if constexpr (activation == NormActivation::Limited) {
    const auto from = S::select_above(z, limit, zero, g * S::set(static_cast<typename S::T>(0.5)));
    return S::select_above(z, zero, S::select_above(limit, z, g, from), zero);
  }
  return g;
}

template <class S, NormActivation activation, bool residual>
inline NACRE_LAMBDA void normalise_as(const NormTask& task, void* out) {
  using R = Row<S>;
  using T = typename S::T;
  using V = typename S::V;
  const V limit = S::set(static_cast<T>(task.limit));
  for (int64_t begin = 0; begin < task.rows; begin += kNormRows) {
    const int64_t end = begin + kNormRows < task.rows ? begin + kNormRows : task.rows;
    each_group<S>(task.columns, [&](int64_t c, auto vectors, auto lanes) NACRE_LAMBDA {
      constexpr int n = decltype(vectors)::count;
      V mean[n], scale[n], shift[n];
      get_columns<S, n>(task.mean, c, lanes, mean);
      get_columns<S, n>(task.scale, c, lanes, scale);
      get_columns<S, n>(task.shift, c, lanes, shift);
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = r * task.stride + c;
        NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
          const int64_t i = at + v * S::kWidth;
          const V d = R::get(static_cast<const T*>(task.x) + i, lanes) - mean[v];
          V z = S::fma(d, scale[v], shift[v]);
          if constexpr (residual) z += R::get(static_cast<const T*>(task.other) + i, lanes);
          R::put(static_cast<T*>(out) + i, norm_activated<S, activation>(z, limit), lanes);
        }
      }
    });
  }
}

template <class S, NormActivation activation>
inline NACRE_LAMBDA void gradient_sums_as(const NormTask& task, void* sum, void* product_sum) {
  using R = Row<S>;
  using T = typename S::T;
  using V = typename S::V;
  const V limit = S::set(static_cast<T>(task.limit));
  each_group<S>(task.columns, [&](int64_t c, auto vectors, auto lanes) NACRE_LAMBDA {
    constexpr int n = decltype(vectors)::count, sets = 4 / n;
    V mean[n], scale[n], shift[n], s[sets][n] = {}, p[sets][n] = {};
    get_columns<S, n>(task.mean, c, lanes, mean);
    get_columns<S, n>(task.scale, c, lanes, scale);
    get_columns<S, n>(task.shift, c, lanes, shift);
    each_row<sets>(task.rows, [&](int64_t r, int k) NACRE_LAMBDA {
      NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
        const int64_t i = r * task.stride + c + v * S::kWidth;
        const V d = R::get(static_cast<const T*>(task.x) + i, lanes) - mean[v];
        const V g = norm_gated<S, activation>(R::get(static_cast<const T*>(task.other) + i, lanes),
                                              S::fma(d, scale[v], shift[v]), limit);
        s[k][v] += g;
        p[k][v] = S::fma(g, d, p[k][v]);
      }
    });
    fold_sets<sets, n>(s);
    fold_sets<sets, n>(p);
    NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
      R::put(static_cast<T*>(sum) + c + v * S::kWidth, s[0][v], lanes);
      R::put(static_cast<T*>(product_sum) + c + v * S::kWidth, p[0][v], lanes);
    }
  });
}

template <class S, NormActivation activation>
inline NACRE_LAMBDA void input_gradient_as(const NormTask& task, const void* slope,
                                           const void* offset, void* out) {
  using R = Row<S>;
  using T = typename S::T;
  using V = typename S::V;
  const V limit = S::set(static_cast<T>(task.limit));
  for (int64_t begin = 0; begin < task.rows; begin += kNormRows) {
    const int64_t end = begin + kNormRows < task.rows ? begin + kNormRows : task.rows;
    each_group<S>(task.columns, [&](int64_t c, auto vectors, auto lanes) NACRE_LAMBDA {
      constexpr int n = decltype(vectors)::count;
      V mean[n], scale[n], shift[n], b[n], a[n];
      get_columns<S, n>(task.mean, c, lanes, mean);
      get_columns<S, n>(task.scale, c, lanes, scale);
      get_columns<S, n>(task.shift, c, lanes, shift);
      get_columns<S, n>(slope, c, lanes, b);
      get_columns<S, n>(offset, c, lanes, a);
      for (int64_t r = begin; r < end; ++r) {
        const int64_t at = r * task.stride + c;
        NACRE_SMALL_LOOP for (int v = 0; v < n; ++v) {
          const int64_t i = at + v * S::kWidth;
          const V d = R::get(static_cast<const T*>(task.x) + i, lanes) - mean[v];
          const V g =
              norm_gated<S, activation>(R::get(static_cast<const T*>(task.other) + i, lanes),
                                        S::fma(d, scale[v], shift[v]), limit);
          R::put(static_cast<T*>(out) + i, S::fma(g, scale[v], S::fma(d, b[v], a[v])), lanes);
        }
      }
    });
  }
}

// ---- the functions of the table: which activation, once for a task ----

template <NormActivation activation>
struct Chosen {
  static constexpr NormActivation value = activation;
};

template <class Body>
inline NACRE_LAMBDA void with_activation(const NormTask& task, Body body) {
  if (task.activation == NormActivation::Relu) {
    body(Chosen<NormActivation::Relu>{});
  } else if (task.activation == NormActivation::Limited) {
    body(Chosen<NormActivation::Limited>{});
  } else {
    body(Chosen<NormActivation::None>{});
  }
}

template <class S>
void normalise_rows(const NormTask& task, void* out) {
  with_activation(task, [&](auto chosen) NACRE_LAMBDA {
    constexpr NormActivation activation = decltype(chosen)::value;
    if (task.other != nullptr) {
      normalise_as<S, activation, true>(task, out);
    } else {
      normalise_as<S, activation, false>(task, out);
    }
  });
}

template <class S>
void gradient_sum_rows(const NormTask& task, void* sum, void* product_sum) {
  with_activation(task, [&](auto chosen) NACRE_LAMBDA {
    gradient_sums_as<S, decltype(chosen)::value>(task, sum, product_sum);
  });
}

template <class S>
void input_gradient_rows(const NormTask& task, const void* slope, const void* offset, void* out) {
  with_activation(task, [&](auto chosen) NACRE_LAMBDA {
    input_gradient_as<S, decltype(chosen)::value>(task, slope, offset, out);
  });
}

template <class S>
constexpr NormTable make_norm_table() {
  return {moments_rows<S>, normalise_rows<S>, gradient_sum_rows<S>, input_gradient_rows<S>};
}

}  // namespace
}  // namespace nacre::cpu
