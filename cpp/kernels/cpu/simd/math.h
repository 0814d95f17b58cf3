#pragma once

// Float32 functions of whole vectors: exponentials, logarithms and what is made of them. Every one
// is right at 0, infinity, NaN and denormal numbers, and within 4 units in the last place elsewhere
// (tests/cpp/test_math.cpp measures it). Coefficients are least-maximum fits over the reduced
// range. No library calls and no reciprocal estimates: a lane's result depends on its value only.

#include "kernels/cpu/simd/vec.h"

namespace nacre::cpu::NACRE_ISA_NAME {

NACRE_INLINE F32 f32(float value) { return broadcast<float>(value); }
NACRE_INLINE F32 f32_infinity() { return f32(__builtin_inff()); }
NACRE_INLINE F32 f32_nan() { return f32(__builtin_nanf("")); }

// The value as it is, rounded: keeps the compiler from merging a product into the sum around it.
NACRE_INLINE F32 rounded(F32 v) {
#if NACRE_VECTOR_BYTES == 64
  asm("" : "+v"(v));
#elif defined(__x86_64__)
  asm("" : "+x"(v));
#else
  asm("" : "+w"(v));
#endif
  return v;
}

// Horner's rule, lowest coefficient first.
template <int N>
NACRE_INLINE F32 polynomial(F32 x, const float (&c)[N]) {
  F32 y = f32(c[N - 1]);
  NACRE_UNROLL for (int i = N - 2; i >= 0; --i) y = fma(y, x, f32(c[i]));
  return y;
}

// Within [low, high]; a NaN stays one.
NACRE_INLINE F32 clamp(F32 x, float low, float high) { return max(f32(low), min(f32(high), x)); }

// 2^n for n in [-126, 127]. Other lanes (where the argument was NaN) may wrap, hence unsigned.
NACRE_INLINE F32 power_of_two(I32 n) { return (F32)(((U32)n + 127u) << 23); }

// y * 2^n with one rounding, for n in [-250, 250].
NACRE_INLINE F32 scale(F32 y, I32 n) {
  const I32 half = n >> 1;
  return y * power_of_two(half) * power_of_two(n - half);
}

inline constexpr float kLn2High = 0.693359375f;  // 9 bits: times an exponent it is exact
inline constexpr float kLn2Low = -2.12194440e-4f;

// x = n * ln 2 + r with |r| <= ln(2) / 2.
struct ExpParts {
  F32 r;
  I32 n;
};
NACRE_INLINE ExpParts split_exponent(F32 x) {
  const F32 n = round_even(x * f32(1.44269504f));
  const F32 r = fnma(n, f32(kLn2Low), fnma(n, f32(kLn2High), x));
  return {r, truncate_to_int(n)};
}

NACRE_INLINE F32 exp(F32 x) {
  const ExpParts parts = split_exponent(clamp(x, -104.0f, 89.0f));
  const F32 r = parts.r;
  const F32 p = polynomial(r, {0.5f, 0.16666518f, 0.041666206f, 0.008368883f, 0.0013950471f});
  return scale(fma(p, r * r, r) + 1.0f, parts.n);
}

NACRE_INLINE F32 expm1(F32 x) {
  const ExpParts parts = split_exponent(clamp(x, -20.0f, 89.0f));
  const F32 r = parts.r;
  const F32 p = fma(
      polynomial(r, {0.5f, 0.16666667f, 0.041666355f, 0.008333277f, 0.001394105f, 0.00019912119f}),
      r * r, r);
  const F32 half = power_of_two((I32)((U32)parts.n - 1u));  // 2^128 does not exist, 2^127 does
  const F32 y = fma(p, half, half - 0.5f) * 2.0f;
  return select(parts.n == 0, p, y);
}

// Logarithm of x > 0, finite; anything else gives nonsense.
NACRE_INLINE F32 log_positive(F32 x) {
  const I32 small = x < 1.17549435e-38f;
  const U32 scaled = (U32)select(small, x * 8388608.0f, x);
  const I32 k = (I32)(scaled - 0x3f3504f3u) >> 23;
  const F32 f = (F32)(scaled - ((U32)k << 23)) - 1.0f;  // in [sqrt(1/2) - 1, sqrt(2) - 1]
  const F32 e = to_float(k - (small & 23));
  const F32 q = polynomial(f, {0.3333331f, -0.24999987f, 0.20002227f, -0.1666925f, 0.14218655f,
                               -0.12384367f, 0.1187301f, -0.11789714f, 0.06915183f});
  const F32 z = f * f;
  F32 y = fma(q, f * z, e * f32(kLn2Low));
  y = fnma(f32(0.5f), z, y);
  return fma(e, f32(kLn2High), f + y);
}

NACRE_INLINE F32 log(F32 x) {
  F32 y = log_positive(x);
  y = select(x < f32_infinity(), y, x);  // infinity and NaN are their own logarithms
  y = select(x == 0.0f, -f32_infinity(), y);
  return select(x < 0.0f, f32_nan(), y);
}

NACRE_INLINE F32 log1p(F32 x) {
  const F32 u = x + 1.0f;
  F32 y = log(u) + (x - (u - 1.0f)) / u;  // the second term is what u lost to rounding
  y = select(u == 0.0f, -f32_infinity(), y);
  y = select(u == 1.0f, x, y);
  return select(x < f32_infinity(), y, x);
}

NACRE_INLINE F32 tanh(F32 x) {
  const F32 e = expm1(clamp(abs(x) * 2.0f, 0.0f, 20.0f));
  return copysign(e / (e + 2.0f), x);
}

NACRE_INLINE F32 sigmoid(F32 x) {
  const F32 e = exp(-abs(x));
  return select(x < 0.0f, e, f32(1.0f)) / (e + 1.0f);
}

// log(1 + exp(x)).
NACRE_INLINE F32 softplus(F32 x) {
  const F32 e = exp(-abs(x));
  const F32 u = e + 1.0f;
  // What u lost to rounding, over u; a line is near enough to 1 / u on [1, 2] for so small a term.
  const F32 lost = (e - (u - 1.0f)) * fnma(f32(0.5f), e, f32(1.0f));
  return max(f32(0.0f), x) + (log_positive(u) + lost);
}

NACRE_INLINE F32 erf(F32 x) {
  const F32 z = x * x;
  const F32 near = fma(polynomial(z, {0.12837917f, -0.37612635f, 0.11283694f, -0.02685927f,
                                      0.0052006342f, -0.00081374357f, 8.345216e-05f}),
                       x, x);
  const F32 t = clamp(abs(x), 0.0f, 4.0f);
  const F32 q = fma(polynomial(t, {0.12865217f, 0.6351359f, 0.10626321f, -0.023785407f,
                                   0.0036537938f, -0.00032566034f, 1.1523083e-05f}),
                    t, t);
  const F32 far = copysign(1.0f - exp(-q), x);
  return select(abs(x) < 0.93f, near, far);
}

NACRE_INLINE F32 erfinv(F32 x) {
  const F32 w = -log((1.0f - x) * (1.0f + x));
  const F32 middle = polynomial(
      w - 2.5f, {1.5014094f, 0.2466403f, -0.004177384f, -0.0012527638f, 0.00021834222f,
                 -4.9504742e-06f, -3.4621175e-06f, 4.633832e-07f, 2.3184507e-08f, -8.590573e-09f});
  const F32 outer =
      polynomial(sqrt(w) - 3.0f,
                 {2.8329768f, 1.0016749f, 0.009444528f, -0.0076365084f, 0.005693074f,
                  -0.0036022018f, 0.001469465f, -4.478993e-05f, -0.00029700986f, 0.00010551433f});
  const F32 y = select(w < 5.0f, middle, outer) * x;
  return select(abs(x) == 1.0f, x * f32_infinity(), y);
}

NACRE_INLINE F32 rsqrt(F32 x) { return 1.0f / sqrt(x); }

NACRE_INLINE F32 sinh(F32 x) {
  const F32 z = x * x;
  const F32 near =
      fma(polynomial(z, {0.16666667f, 0.0083333505f, 0.00019836066f, 2.81744e-06f}) * z, x, x);
  const F32 h = exp(abs(x) * 0.5f);  // exp(|x|) overflows before sinh does
  const F32 far = copysign(0.5f * h * h - 0.5f / (h * h), x);
  return select(abs(x) < 1.0f, near, far);
}

NACRE_INLINE F32 cosh(F32 x) {
  const F32 h = exp(abs(x) * 0.5f);
  return 0.5f * h * h + 0.5f / (h * h);
}

inline constexpr float kLn2 = 0.69314718f;

NACRE_INLINE F32 asinh(F32 x) {
  const F32 a = abs(x);
  const F32 z = a * a;
  const F32 near = log1p(a + z / (1.0f + sqrt(z + 1.0f)));
  return copysign(select(a > 1e9f, log(a) + kLn2, near), x);
}

NACRE_INLINE F32 acosh(F32 x) {
  const F32 t = x - 1.0f;
  const F32 near = log1p(t + sqrt(t * (t + 2.0f)));
  const F32 y = select(x > 1e9f, log(x) + kLn2, near);
  return select(x < 1.0f, f32_nan(), y);
}

NACRE_INLINE F32 atanh(F32 x) {
  const F32 a = abs(x);
  return copysign(0.5f * log1p(2.0f * a / (1.0f - a)), x);
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
