// Float32 reductions of one axis. Accumulates in float32, pairwise over blocks, so that the error
// of a sum grows with the logarithm of its length. The order follows from the length only.

#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/reduce_ops.h"
#include "kernels/cpu/simd/math.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

constexpr int kWidth = kLanes<float>;
constexpr int kMaxLevels = 48;

struct Sum {
  static constexpr float kIdentity = 0.0f;
  static NACRE_INLINE F32 combine(F32 a, F32 b) { return a + b; }
};
struct Prod {
  static constexpr float kIdentity = 1.0f;
  static NACRE_INLINE F32 combine(F32 a, F32 b) { return a * b; }
};
// A NaN on either side wins.
struct Max {
  static constexpr float kIdentity = -__builtin_inff();
  static NACRE_INLINE F32 combine(F32 a, F32 b) { return select((a > b) | (a != a), a, b); }
};
struct Min {
  static constexpr float kIdentity = __builtin_inff();
  static NACRE_INLINE F32 combine(F32 a, F32 b) { return select((a < b) | (a != a), a, b); }
};

// Combines blocks like a binary counter: always two results of as many blocks.
template <class Op, int NV>
struct Cascade {
  F32 level[kMaxLevels][NV];
  int64_t blocks = 0;

  NACRE_INLINE void push(F32 (&value)[NV]) {
    int depth = 0;
    for (int64_t b = blocks; b & 1; b >>= 1, ++depth) {
      for (int j = 0; j < NV; ++j) value[j] = Op::combine(level[depth][j], value[j]);
    }
    for (int j = 0; j < NV; ++j) level[depth][j] = value[j];
    ++blocks;
  }
  NACRE_INLINE void finish(F32 (&value)[NV]) {
    bool first = true;
    int depth = 0;
    for (int64_t b = blocks; b; b >>= 1, ++depth) {
      if (!(b & 1)) continue;
      for (int j = 0; j < NV; ++j) {
        value[j] = first ? level[depth][j] : Op::combine(level[depth][j], value[j]);
      }
      first = false;
    }
  }
};

template <class Op>
NACRE_INLINE F32 load_tail(const float* x, int64_t n) {
  return select(lanes_below(n), load_partial<float>(x, n), f32(Op::kIdentity));
}

template <class Op>
NACRE_INLINE float fold(F32 v) {
  if constexpr (Op::kIdentity == 0.0f) {
    return reduce_add(v);
  } else if constexpr (Op::kIdentity == 1.0f) {
    return fold_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return a * b; });
  } else if (any(v != v)) {
    return __builtin_nanf("");
  } else {
    return Op::kIdentity < 0 ? reduce_max(v) : reduce_min(v);
  }
}

// At most kBlock elements.
constexpr int kAccumulators = 8;
constexpr int64_t kBlock = 32 * kAccumulators * kWidth;

template <class Op>
NACRE_INLINE F32 reduce_block(const float* x, int64_t n) {
  F32 acc[kAccumulators];
  NACRE_UNROLL for (int j = 0; j < kAccumulators; ++j) acc[j] = f32(Op::kIdentity);
  int64_t i = 0;
  NACRE_NO_UNROLL for (; i + kAccumulators * kWidth <= n; i += kAccumulators * kWidth) {
    NACRE_UNROLL for (int j = 0; j < kAccumulators; ++j) {
      acc[j] = Op::combine(acc[j], load(x + i + j * kWidth));
    }
  }
  NACRE_NO_UNROLL for (; i + kWidth <= n; i += kWidth) acc[0] = Op::combine(acc[0], load(x + i));
  if (i < n) acc[1] = Op::combine(acc[1], load_tail<Op>(x + i, n - i));
  NACRE_UNROLL for (int half = kAccumulators / 2; half > 0; half /= 2) {
    NACRE_UNROLL for (int j = 0; j < half; ++j) acc[j] = Op::combine(acc[j], acc[j + half]);
  }
  return acc[0];
}

template <class Op>
void reduce_contiguous(const void* data, int64_t n, void* out) {
  const float* x = static_cast<const float*>(data);
  if (n <= kWidth) {
    *static_cast<float*>(out) = fold<Op>(load_tail<Op>(x, n));
    return;
  }
  if (n <= kBlock) {
    *static_cast<float*>(out) = fold<Op>(reduce_block<Op>(x, n));
    return;
  }
  Cascade<Op, 1> cascade;
  F32 value[1];
  for (int64_t i = 0; i < n; i += kBlock) {
    value[0] = reduce_block<Op>(x + i, n - i < kBlock ? n - i : kBlock);
    cascade.push(value);
  }
  cascade.finish(value);
  *static_cast<float*>(out) = fold<Op>(value[0]);
}

constexpr int64_t kRowBlock = 32;

// NV whole vectors of columns, or with NV = 1 `columns` of one vector.
template <class Op, int NV, bool kPartial>
NACRE_INLINE void reduce_columns(const float* x, int64_t rows, int64_t stride, int64_t columns,
                                 float* out) {
  auto fetch = [&](const float* p, int j) __attribute__((always_inline)) {
    return kPartial ? load_partial<float>(p, columns) : load(p + j * kWidth);
  };
  Cascade<Op, NV> cascade;
  F32 acc[NV];
  NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[j] = f32(Op::kIdentity);
  for (int64_t first = 0; first < rows; first += kRowBlock) {
    const int64_t end = first + kRowBlock < rows ? first + kRowBlock : rows;
    NACRE_UNROLL for (int j = 0; j < NV; ++j) acc[j] = fetch(x + first * stride, j);
    for (int64_t r = first + 1; r < end; ++r) {
      NACRE_UNROLL for (int j = 0; j < NV; ++j) {
        acc[j] = Op::combine(acc[j], fetch(x + r * stride, j));
      }
    }
    if (rows > kRowBlock) cascade.push(acc);
  }
  if (rows > kRowBlock) cascade.finish(acc);
  NACRE_UNROLL for (int j = 0; j < NV; ++j) {
    if (kPartial) {
      store_partial<float>(out, acc[j], columns);
    } else {
      store(out + j * kWidth, acc[j]);
    }
  }
}

template <class Op>
void reduce_rows(const void* data, int64_t rows, int64_t stride, int64_t columns, void* result) {
  const float* x = static_cast<const float*>(data);
  float* out = static_cast<float*>(result);
  int64_t c = 0;
  for (; c + 4 * kWidth <= columns; c += 4 * kWidth) {
    reduce_columns<Op, 4, false>(x + c, rows, stride, 0, out + c);
  }
  for (; c + kWidth <= columns; c += kWidth) {
    reduce_columns<Op, 1, false>(x + c, rows, stride, 0, out + c);
  }
  if (c < columns) reduce_columns<Op, 1, true>(x + c, rows, stride, columns - c, out + c);
}

// The extreme first, then where it stands: both passes run at the speed of loads.
template <class Op>
int64_t place_of(const void* data, int64_t n) {
  const float* x = static_cast<const float*>(data);
  float extreme;
  reduce_contiguous<Op>(data, n, &extreme);
  const F32 wanted = f32(extreme);
  const bool nan = extreme != extreme;
  for (int64_t i = 0; i < n; i += kWidth) {
    const int64_t left = n - i;
    const F32 v = left >= kWidth ? load(x + i) : load_partial<float>(x + i, left);
    const I32 hit = (nan ? v != v : v == wanted) & (left >= kWidth ? ~I32{} : lanes_below(left));
    if (!any(hit)) continue;
    int32_t lanes[kWidth];
    store<int32_t>(lanes, hit);
    for (int j = 0; j < kWidth; ++j) {
      if (lanes[j]) return i + j;
    }
  }
  return 0;
}

}  // namespace

const ReduceTable reduce_table = {
    {reduce_contiguous<Sum>, reduce_contiguous<Prod>, reduce_contiguous<Max>,
     reduce_contiguous<Min>},
    {reduce_rows<Sum>, reduce_rows<Prod>, reduce_rows<Max>, reduce_rows<Min>},
    place_of<Max>,
    place_of<Min>,
};

}  // namespace nacre::cpu::NACRE_ISA_NAME
