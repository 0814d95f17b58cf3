#pragma once

// Vectors of the widest kind that the instruction set being compiled has. Everything lives in the
// namespace nacre::cpu::<isa>, is inlined always, and emits no symbol. Arithmetic, comparison and
// bit operators are those of GCC's and Clang's vector extensions: a + b, a < b (lanes of -1 or 0),
// mask & bits, and so on; this file adds what the operators lack.
//
// Tails: load_partial and store_partial touch exactly n lanes of memory, so that the last elements
// go through the same arithmetic as the others.

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#ifndef NACRE_ISA_NAME
#error "compile this file once per instruction set: see cmake/isa.cmake"
#endif

#if defined(__AVX512F__)
#define NACRE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define NACRE_VECTOR_BYTES 32
#else
#define NACRE_VECTOR_BYTES 16
#endif

// A multiply-add that rounds once.
#if defined(__FMA__) || defined(__aarch64__)
#define NACRE_HAS_FMA 1
#else
#define NACRE_HAS_FMA 0
#endif

#define NACRE_INLINE inline __attribute__((always_inline))
#define NACRE_PRAGMA(text) _Pragma(#text)
// Loops over a tile's registers are unrolled whole; the loop over k is not.
#define NACRE_UNROLL NACRE_PRAGMA(GCC unroll 32)
#define NACRE_NO_UNROLL NACRE_PRAGMA(GCC unroll 1)

namespace nacre::cpu::NACRE_ISA_NAME {

inline constexpr int kVectorBytes = NACRE_VECTOR_BYTES;

// Vec<T>: the register. Memory<T>: the same bytes at any address that suits T.
template <class T>
struct VecTypes;
#define NACRE_VEC_TYPES(T)                                                               \
  template <>                                                                            \
  struct VecTypes<T> {                                                                   \
    typedef T Register __attribute__((vector_size(NACRE_VECTOR_BYTES)));                 \
    typedef T Memory                                                                     \
        __attribute__((vector_size(NACRE_VECTOR_BYTES), aligned(sizeof(T)), may_alias)); \
  };
NACRE_VEC_TYPES(float)
NACRE_VEC_TYPES(double)
NACRE_VEC_TYPES(int32_t)
NACRE_VEC_TYPES(uint32_t)
NACRE_VEC_TYPES(int64_t)
NACRE_VEC_TYPES(uint64_t)
NACRE_VEC_TYPES(uint8_t)
#undef NACRE_VEC_TYPES

template <class T>
using Vec = typename VecTypes<T>::Register;

template <class T>
inline constexpr int kLanes = NACRE_VECTOR_BYTES / static_cast<int>(sizeof(T));

typedef VecTypes<float>::Register F32;
typedef VecTypes<double>::Register F64;
typedef VecTypes<int32_t>::Register I32;  // also the mask type of F32
typedef VecTypes<uint32_t>::Register U32;
typedef VecTypes<int64_t>::Register I64;  // also the mask type of F64
typedef VecTypes<uint64_t>::Register U64;

template <class T>
NACRE_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename VecTypes<T>::Memory*>(p);
}

// Named by element type, as vector types do not say it: store<float>(p, v) or store(p, v).
template <class T>
NACRE_INLINE void store(T* p, typename VecTypes<T>::Register v) {
  *reinterpret_cast<typename VecTypes<T>::Memory*>(p) = v;
}

template <class T>
NACRE_INLINE Vec<T> broadcast(T s) {
  return s - Vec<T>{};  // unlike s + 0, keeps the sign of -0
}

// Lane numbers 0, 1, 2, ...
NACRE_INLINE I32 lane_index() {
#if NACRE_VECTOR_BYTES == 64
  return I32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
#elif NACRE_VECTOR_BYTES == 32
  return I32{0, 1, 2, 3, 4, 5, 6, 7};
#else
  return I32{0, 1, 2, 3};
#endif
}

// Lanes below n are -1, the others 0.
NACRE_INLINE I32 lanes_below(int64_t n) {
  return lane_index() < broadcast<int32_t>(static_cast<int32_t>(n));
}

// ---- partial access: 0 <= n <= lanes; lanes from n on are zero
// -----------------------------------

template <class T>
NACRE_INLINE Vec<T> load_partial(const T* p, int64_t n) {
#if NACRE_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    const __mmask16 mask = static_cast<__mmask16>((1u << n) - 1);
    return (Vec<T>)_mm512_maskz_loadu_epi32(mask, p);
  } else if constexpr (sizeof(T) == 8) {
    const __mmask8 mask = static_cast<__mmask8>((1u << n) - 1);
    return (Vec<T>)_mm512_maskz_loadu_epi64(mask, p);
  }
#elif NACRE_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    return (Vec<T>)_mm256_maskload_epi32(reinterpret_cast<const int*>(p), (__m256i)lanes_below(n));
  }
#endif
  alignas(NACRE_VECTOR_BYTES) T lanes[kLanes<T>] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load<T>(lanes);
}

template <class T>
NACRE_INLINE void store_partial(T* p, typename VecTypes<T>::Register v, int64_t n) {
#if NACRE_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) {
    _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << n) - 1), (__m512i)v);
    return;
  } else if constexpr (sizeof(T) == 8) {
    _mm512_mask_storeu_epi64(p, static_cast<__mmask8>((1u << n) - 1), (__m512i)v);
    return;
  }
#elif NACRE_VECTOR_BYTES == 32
  if constexpr (sizeof(T) == 4) {
    _mm256_maskstore_epi32(reinterpret_cast<int*>(p), (__m256i)lanes_below(n), (__m256i)v);
    return;
  }
#endif
  alignas(NACRE_VECTOR_BYTES) T lanes[kLanes<T>];
  store<T>(lanes, v);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// Booleans in memory are bytes of 0 or 1; in registers they are masks of 32-bit lanes.
NACRE_INLINE I32 load_mask(const uint8_t* p) {
#if NACRE_VECTOR_BYTES == 64
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return (I32)_mm512_movm_epi32(_mm_test_epi8_mask(bytes, bytes));
#elif NACRE_VECTOR_BYTES == 32
  const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return (I32)_mm256_cvtepu8_epi32(bytes) != I32{};
#else
  return I32{p[0], p[1], p[2], p[3]} != I32{};
#endif
}

NACRE_INLINE void store_mask(uint8_t* p, I32 mask) {
#if NACRE_VECTOR_BYTES == 64
  const __mmask16 lanes = _mm512_movepi32_mask((__m512i)mask);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_maskz_set1_epi8(lanes, 1));
#elif NACRE_VECTOR_BYTES == 32
  const __m256i m = (__m256i)mask;
  const __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
  const __m128i ones = _mm_and_si128(_mm_packs_epi16(half, half), _mm_set1_epi8(1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), ones);
#else
  for (int i = 0; i < 4; ++i) p[i] = static_cast<uint8_t>(mask[i] & 1);
#endif
}

NACRE_INLINE I32 load_mask_partial(const uint8_t* p, int64_t n) {
  uint8_t lanes[kLanes<int32_t>] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load_mask(lanes);
}

NACRE_INLINE void store_mask_partial(uint8_t* p, I32 mask, int64_t n) {
  uint8_t lanes[kLanes<int32_t>];
  store_mask(lanes, mask);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}

// ---- selection ----------------------------------------------------------------------------------

// mask ? a : b, lane by lane; the mask is the result of a comparison of the same lane size.
NACRE_INLINE F32 select(I32 mask, F32 a, F32 b) { return mask ? a : b; }
NACRE_INLINE I32 select(I32 mask, I32 a, I32 b) { return mask ? a : b; }
NACRE_INLINE F64 select(I64 mask, F64 a, F64 b) { return mask ? a : b; }

NACRE_INLINE I32 bits(F32 v) { return (I32)v; }
NACRE_INLINE F32 from_bits(I32 v) { return (F32)v; }
NACRE_INLINE I32 truncate_to_int(F32 v) { return __builtin_convertvector(v, I32); }
NACRE_INLINE F32 to_float(I32 v) { return __builtin_convertvector(v, F32); }

// Whether any, or every, lane of a mask is set.
NACRE_INLINE bool any(I32 mask) {
#if NACRE_VECTOR_BYTES == 64
  return _mm512_movepi32_mask((__m512i)mask) != 0;
#elif NACRE_VECTOR_BYTES == 32
  return _mm256_movemask_ps((__m256)mask) != 0;
#elif defined(__x86_64__)
  return _mm_movemask_ps((__m128)mask) != 0;
#else
  return vmaxvq_u32((uint32x4_t)mask) != 0;
#endif
}
NACRE_INLINE bool all(I32 mask) { return !any(~mask); }

// ---- arithmetic that operators lack -------------------------------------------------------------

#if NACRE_VECTOR_BYTES == 64
// The zero-masked forms: GCC 12 warns about the undefined operand inside the plain ones.
#define NACRE_F32_CALL(name, ...) \
  (F32) _mm512_maskz_##name##_ps(static_cast<__mmask16>(-1), __VA_ARGS__)
#elif NACRE_VECTOR_BYTES == 32
#define NACRE_F32_CALL(name, ...) (F32) _mm256_##name##_ps(__VA_ARGS__)
#elif defined(__x86_64__)
#define NACRE_F32_CALL(name, ...) (F32) _mm_##name##_ps(__VA_ARGS__)
#endif

// a * b + c, rounded once where the machine can; where it cannot, twice, in body and tail alike.
NACRE_INLINE F32 fma(F32 a, F32 b, F32 c) {
#if defined(__aarch64__)
  return (F32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif NACRE_VECTOR_BYTES == 64
  return (F32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif NACRE_HAS_FMA
  return (F32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  return a * b + c;
#endif
}
NACRE_INLINE F64 fma(F64 a, F64 b, F64 c) {
#if defined(__aarch64__)
  return (F64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif NACRE_VECTOR_BYTES == 64
  return (F64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif NACRE_HAS_FMA
  return (F64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
  return a * b + c;
#endif
}

// c - a * b, under the same rule.
NACRE_INLINE F32 fnma(F32 a, F32 b, F32 c) { return fma(-a, b, c); }
NACRE_INLINE F64 fnma(F64 a, F64 b, F64 c) { return fma(-a, b, c); }

// a < b ? a : b and a > b ? a : b: with a NaN on either side the result is b.
NACRE_INLINE F32 min(F32 a, F32 b) {
#if defined(__x86_64__)
  return NACRE_F32_CALL(min, a, b);
#else
  return a < b ? a : b;
#endif
}
NACRE_INLINE F32 max(F32 a, F32 b) {
#if defined(__x86_64__)
  return NACRE_F32_CALL(max, a, b);
#else
  return a > b ? a : b;
#endif
}
NACRE_INLINE I32 min(I32 a, I32 b) { return a < b ? a : b; }
NACRE_INLINE I32 max(I32 a, I32 b) { return a > b ? a : b; }

NACRE_INLINE F32 abs(F32 v) { return from_bits(bits(v) & 0x7fffffff); }
// Magnitude of the first, sign of the second.
NACRE_INLINE F32 copysign(F32 magnitude, F32 sign) {
  return from_bits((bits(magnitude) & 0x7fffffff) | (bits(sign) & INT32_MIN));
}

// Correctly rounded.
NACRE_INLINE F32 sqrt(F32 v) {
#if defined(__x86_64__)
  return NACRE_F32_CALL(sqrt, v);
#else
  return (F32)vsqrtq_f32((float32x4_t)v);
#endif
}

#if NACRE_VECTOR_BYTES == 64
#define NACRE_ROUND(mode, neon) return NACRE_F32_CALL(roundscale, v, (mode) | _MM_FROUND_NO_EXC)
#elif defined(__x86_64__)
#define NACRE_ROUND(mode, neon) return NACRE_F32_CALL(round, v, (mode) | _MM_FROUND_NO_EXC)
#else
#define NACRE_ROUND(mode, neon) return (F32)neon((float32x4_t)v)
#endif
NACRE_INLINE F32 round_even(F32 v) { NACRE_ROUND(_MM_FROUND_TO_NEAREST_INT, vrndnq_f32); }
NACRE_INLINE F32 floor(F32 v) { NACRE_ROUND(_MM_FROUND_TO_NEG_INF, vrndmq_f32); }
NACRE_INLINE F32 ceil(F32 v) { NACRE_ROUND(_MM_FROUND_TO_POS_INF, vrndpq_f32); }
NACRE_INLINE F32 trunc(F32 v) { NACRE_ROUND(_MM_FROUND_TO_ZERO, vrndq_f32); }
#undef NACRE_ROUND

// ---- reductions over lanes, always in the same order (halves folded together)
// ---------------------

typedef float Quad __attribute__((vector_size(16)));
typedef float QuadMemory __attribute__((vector_size(16), aligned(4), may_alias));

// Folds the lanes of v to four with `op`, then to one.
template <class Op>
NACRE_INLINE float fold_lanes(F32 v, Op op) {
#if NACRE_VECTOR_BYTES == 64
  const auto low = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
  const auto high = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto eight = op(low, high);
#elif NACRE_VECTOR_BYTES == 32
  const F32 eight = v;
#endif
#if NACRE_VECTOR_BYTES >= 32
  const Quad four = op(__builtin_shufflevector(eight, eight, 0, 1, 2, 3),
                       __builtin_shufflevector(eight, eight, 4, 5, 6, 7));
#else
  const Quad four = v;
#endif
  const Quad two = op(four, __builtin_shufflevector(four, four, 2, 3, 0, 1));
  const Quad one = op(two, __builtin_shufflevector(two, two, 1, 0, 3, 2));
  return one[0];
}

NACRE_INLINE float reduce_add(F32 v) {
  return fold_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
NACRE_INLINE float reduce_max(F32 v) {
  return fold_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
}
NACRE_INLINE float reduce_min(F32 v) {
  return fold_lanes(v, [](auto a, auto b) __attribute__((always_inline)) { return a < b ? a : b; });
}

#undef NACRE_F32_CALL

}  // namespace nacre::cpu::NACRE_ISA_NAME
