#pragma once

// The register tiles of depthwise convolutions: some columns of one row of results, each a vector
// of channels, which are contiguous. A source's column is loaded once for all the results that it
// meets through one row of the kernel; which those are is known when this is compiled.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// Source column j of a tile meets result(j, k) through tap k of a row of the kernel, or none (-1).
// Columns outside of the picture are among the first kLeft or the last kRight. kFresh columns of a
// picture fall to each tile when every column is counted once.

// Results: R columns of y. Source: x, whose column is S times y's, plus the tap.
template <int K, int S, int R>
struct Gather {
  static constexpr int kTaps = K, kResults = R, kColumns = (R - 1) * S + K;
  static constexpr int kLeft = K - 1, kRight = K - 1, kFresh = R * S * S;
  static constexpr int result(int j, int k) {
    return j >= k && (j - k) % S == 0 && (j - k) / S < R ? (j - k) / S : -1;
  }
};

// Results: R columns of x. Source: y. The first result's place, padding included, is P beyond a
// multiple of S.
template <int K, int S, int P, int R>
struct Spread {
  static constexpr int kTaps = K, kResults = R, kBefore = (K - 1 - P) / S;
  static constexpr int kColumns = kBefore + (R - 1 + P) / S + 1;
  static constexpr int kLeft = (K - 1) / S, kRight = (K + S - 2) / S;
  static constexpr int kFresh = (R + S * S - 1) / (S * S);
  static constexpr int result(int j, int k) {
    const int r = S * (j - kBefore) + k - P;
    return r >= 0 && r < R ? r : -1;
  }
};

struct DepthwiseArgs {
  const float* source;  // column 0 of what the first row of the kernel meets
  int64_t source_row;   // between what two rows of the kernel meet
  int64_t first, last;  // columns [first, last) are inside of the picture
  const float* taps;    // the first row of the kernel
  int64_t tap_row;      // between rows
  int64_t tap;          // between taps
  int64_t rows;         // of the kernel that meet something
  int64_t channels;     // also between columns
  const float* ahead;   // what the next row of results reads and this one does not
  int64_t next_row;     // from a row of results to the next
  // Sums of products: where they go, and what is added and applied.
  float* result;
  const float* bias;  // or null
  bool relu;
  // The kernel's gradient: what to add to, as `taps`; dy; images to sum, and how far apart they
  // are.
  float* gradient;
  const float* dy;
  int64_t images, source_image, dy_image;
};

using DepthwiseFn = void (*)(const DepthwiseArgs& args);

template <bool kPartial>
NACRE_INLINE F32 load_channels(const float* p, int64_t n) {
  if constexpr (kPartial) {
    return load_partial(p, n);
  } else {
    return load(p);
  }
}
template <bool kPartial>
NACRE_INLINE void store_channels(float* p, F32 v, int64_t n) {
  if constexpr (kPartial) {
    store_partial(p, v, n);
  } else {
    store(p, v);
  }
}

// Keeps a value in a register, where the compiler would load it again for every use.
NACRE_INLINE void in_register(F32& v) {
#if defined(__aarch64__)
  __asm__("" : "+w"(v));
#elif NACRE_VECTOR_BYTES == 64
  __asm__("" : "+v"(v));
#else
  __asm__("" : "+x"(v));
#endif
}

// On to the next column. Opaque to the compiler, which would otherwise keep a pointer for every
// column and spill.
NACRE_INLINE void advance(const float*& p, int64_t step) {
  p += step;
  __asm__("" : "+r"(p));
}

// Asks for the part of `columns` columns at p that falls to the vector at channel i. Rows that are
// used together lie far apart: the machine does not see by itself in which order they are read.
template <int kColumns, bool kWritten>
NACRE_INLINE void fetch(const float* p, int64_t i) {
  constexpr int kLineFloats = 16;
  constexpr int kLines = (kColumns * kLanes<float> + kLineFloats - 1) / kLineFloats;
  NACRE_UNROLL for (int line = 0; line < kLines; ++line) {
    __builtin_prefetch(p + i * kColumns + line * kLineFloats, kWritten, 2);
  }
}

// Whether column j of a tile is outside of the picture: only borders ask.
template <class G>
NACRE_INLINE bool is_outside(const DepthwiseArgs& args, int j) {
  return (j < G::kLeft && j < args.first) || (j >= G::kColumns - G::kRight && j >= args.last);
}

// n channels from i on.
template <class G, bool kPartial>
NACRE_INLINE void sum_channels(const DepthwiseArgs& args, int64_t i, int64_t n) {
  constexpr int R = G::kResults;
  const int64_t channels = args.channels, tap = args.tap;
  const float* source = args.source + i;
  const float* taps = args.taps + i;
  float* to = args.result + i;
  fetch<G::kFresh, false>(args.ahead, i);
  fetch<R, true>(args.result + args.next_row, i);
  F32 sums[R];
  NACRE_UNROLL for (int r = 0; r < R; ++r) sums[r] = F32{};
  NACRE_NO_UNROLL for (int64_t row = 0; row < args.rows; ++row) {
    F32 w[G::kTaps];
    NACRE_UNROLL for (int k = 0; k < G::kTaps; ++k) {
      w[k] = load_channels<kPartial>(taps + k * tap, n);
    }
    const float* column = source;
    NACRE_UNROLL for (int j = 0; j < G::kColumns; ++j) {
      if (j > 0) advance(column, channels);
      if (is_outside<G>(args, j)) continue;
      F32 x = load_channels<kPartial>(column, n);
      in_register(x);
      NACRE_UNROLL for (int k = 0; k < G::kTaps; ++k) {
        const int r = G::result(j, k);
        if (r >= 0) sums[r] = fma(x, w[k], sums[r]);
      }
    }
    source += args.source_row;
    taps += args.tap_row;
  }
  if (args.bias != nullptr) {
    const F32 bias = load_channels<kPartial>(args.bias + i, n);
    NACRE_UNROLL for (int r = 0; r < R; ++r) sums[r] += bias;
  }
  if (args.relu) {
    // max(0, x) and not max(x, 0): a NaN stays one.
    NACRE_UNROLL for (int r = 0; r < R; ++r) sums[r] = max(F32{}, sums[r]);
  }
  NACRE_UNROLL for (int r = 0; r < R; ++r, to += channels) {
    store_channels<kPartial>(to, sums[r], n);
  }
}

// The same for the kernel's gradient: what the tile's columns of all images give, added to what is
// there.
template <class G, bool kPartial>
NACRE_INLINE void add_channels(const DepthwiseArgs& args, int64_t i, int64_t n) {
  constexpr int R = G::kResults;
  const int64_t channels = args.channels;
  const float* source = args.source + i;
  float* to = args.gradient + i;
  fetch<G::kFresh, false>(args.ahead, i);
  fetch<R, false>(args.dy + args.next_row, i);
  NACRE_NO_UNROLL for (int64_t row = 0; row < args.rows; ++row) {
    F32 sums[G::kTaps];
    NACRE_UNROLL for (int k = 0; k < G::kTaps; ++k) sums[k] = F32{};
    const float* x = source;
    const float* dy = args.dy + i;
    NACRE_NO_UNROLL for (int64_t image = 0; image < args.images; ++image) {
      F32 g[R];
      const float* column = dy;
      NACRE_UNROLL for (int r = 0; r < R; ++r) {
        if (r > 0) advance(column, channels);
        g[r] = load_channels<kPartial>(column, n);
      }
      column = x;
      NACRE_UNROLL for (int j = 0; j < G::kColumns; ++j) {
        if (j > 0) advance(column, channels);
        if (is_outside<G>(args, j)) continue;
        F32 v = load_channels<kPartial>(column, n);
        in_register(v);
        NACRE_UNROLL for (int k = 0; k < G::kTaps; ++k) {
          const int r = G::result(j, k);
          if (r >= 0) sums[k] = fma(v, g[r], sums[k]);
        }
      }
      x += args.source_image;
      dy += args.dy_image;
    }
    NACRE_UNROLL for (int k = 0; k < G::kTaps; ++k) {
      float* place = to + k * args.tap;
      store_channels<kPartial>(place, load_channels<kPartial>(place, n) + sums[k], n);
    }
    source += args.source_row;
    to += args.tap_row;
  }
}

template <class G>
void sum_tile(const DepthwiseArgs& args) {
  constexpr int64_t kStep = kLanes<float>;
  int64_t i = 0;
  NACRE_NO_UNROLL for (; i + kStep <= args.channels; i += kStep) {
    sum_channels<G, false>(args, i, kStep);
  }
  if (i < args.channels) sum_channels<G, true>(args, i, args.channels - i);
}

template <class G>
void add_tile(const DepthwiseArgs& args) {
  constexpr int64_t kStep = kLanes<float>;
  int64_t i = 0;
  NACRE_NO_UNROLL for (; i + kStep <= args.channels; i += kStep) {
    add_channels<G, false>(args, i, kStep);
  }
  if (i < args.channels) add_channels<G, true>(args, i, args.channels - i);
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
