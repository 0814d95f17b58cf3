#pragma once

// Trigonometric functions and powers of float32 vectors. Where float32 cannot hold what must be
// held between (the reduced angle, the logarithm of the base) halves of the vector go through
// float64. Within 4 units in the last place; see math.h.

#include "kernels/cpu/simd/math.h"

namespace nacre::cpu::NACRE_ISA_NAME {

typedef float HalfF32 __attribute__((vector_size(NACRE_VECTOR_BYTES / 2)));
typedef int32_t HalfI32 __attribute__((vector_size(NACRE_VECTOR_BYTES / 2)));

struct Wide {
  F64 part[2];
};

NACRE_INLINE Wide widen(F32 v) {
  HalfF32 half[2];
  __builtin_memcpy(half, &v, sizeof v);
  return {{__builtin_convertvector(half[0], F64), __builtin_convertvector(half[1], F64)}};
}

NACRE_INLINE F32 narrow(const Wide& wide) {
  const HalfF32 half[2] = {__builtin_convertvector(wide.part[0], HalfF32),
                           __builtin_convertvector(wide.part[1], HalfF32)};
  F32 v;
  __builtin_memcpy(&v, half, sizeof v);
  return v;
}

// Added to a double of moderate size, it leaves the nearest integer in the low bits.
inline constexpr double kRoundingShift = 6755399441055744.0;  // 1.5 * 2^52

template <int N>
NACRE_INLINE F64 polynomial(F64 x, const double (&c)[N]) {
  F64 y = broadcast<double>(c[N - 1]);
  NACRE_UNROLL for (int i = N - 2; i >= 0; --i) y = fma(y, x, broadcast<double>(c[i]));
  return y;
}

// x = quadrant * pi / 2 + r, |r| <= pi / 4.
struct Angle {
  F32 r;
  I32 quadrant;
};

// Any finite |x| >= 1: multiplies the mantissa by the 128 bits of 2 / pi that matter (Payne and
// Hanek). Rare, so one lane at a time.
inline __attribute__((noinline, unused)) static void reduce_large_angle(float x, float* r,
                                                                        int32_t* quadrant) {
  static const uint32_t kTwoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                        0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a};
  uint32_t pattern;
  __builtin_memcpy(&pattern, &x, sizeof x);
  const int exponent = static_cast<int>((pattern >> 23) & 255) - 150;
  const uint64_t mantissa = (pattern & 0x7fffff) | 0x800000;
  // The window's first bit has the weight 2 once multiplied by 2^exponent; bit 0 of the table
  // stands 32 places before the binary point's first digit.
  const int first = exponent - 2 + 32;
  unsigned __int128 window = 0;
  for (int i = 0; i < 5; ++i) {
    const int word = first / 32 + i;
    const unsigned __int128 bits = word < 10 ? kTwoOverPi[word] : 0;
    const int shift = 96 - 32 * i + first % 32;
    window |= shift >= 0 ? bits << shift : bits >> -shift;
  }
  const unsigned __int128 product = window * mantissa;  // (x * 2 / pi mod 4) * 2^126
  const int64_t high = static_cast<int64_t>(product >> 64);
  const uint64_t turned = static_cast<uint64_t>(high) + (uint64_t{1} << 61);  // nearest quadrant
  const int32_t q = static_cast<int32_t>(turned >> 62);
  const int64_t rest =
      static_cast<int64_t>(static_cast<uint64_t>(high) - (static_cast<uint64_t>(q) << 62));
  const double angle = static_cast<double>(rest) * (0x1p-62 * 1.5707963267948966);
  *r = static_cast<float>(x < 0 ? -angle : angle);
  *quadrant = x < 0 ? -q : q;
}

NACRE_INLINE Angle reduce_angle(F32 x) {
  const Wide wide = widen(x);
  Wide r;
  HalfI32 quadrant[2];
  for (int i = 0; i < 2; ++i) {
    const F64 shifted = fma(wide.part[i], broadcast<double>(0.63661977236758134),
                            broadcast<double>(kRoundingShift));
    const F64 n = shifted - kRoundingShift;
    r.part[i] = fnma(n, broadcast<double>(9.9209357968054043e-10),
                     fnma(n, broadcast<double>(1.570796325802803), wide.part[i]));
    quadrant[i] = __builtin_convertvector((I64)shifted, HalfI32);
  }
  Angle angle{narrow(r), {}};
  __builtin_memcpy(&angle.quadrant, quadrant, sizeof quadrant);
  const I32 large = abs(x) > 1e6f;
  if (__builtin_expect(any(large), 0)) {
    float xs[kLanes<float>], rs[kLanes<float>];
    int32_t qs[kLanes<float>];
    store<float>(xs, x);
    store<float>(rs, angle.r);
    store<int32_t>(qs, angle.quadrant);
    for (int i = 0; i < kLanes<float>; ++i) {
      const float a = __builtin_fabsf(xs[i]);
      if (a > 1e6f && a < __builtin_inff()) reduce_large_angle(xs[i], &rs[i], &qs[i]);
    }
    angle.r = load<float>(rs);
    angle.quadrant = load<int32_t>(qs);
  }
  angle.r = select(abs(x) < f32_infinity(), angle.r, f32_nan());
  return angle;
}

NACRE_INLINE F32 sin_reduced(F32 r) {
  const F32 z = r * r;
  const F32 p = polynomial(z, {-0.16666667f, 0.008333329f, -0.00019839327f, 2.7182368e-06f});
  return fma(p * z, r, r);
}
NACRE_INLINE F32 cos_reduced(F32 r) {
  const F32 z = r * r;
  const F32 p = polynomial(z, {0.041666646f, -0.0013887362f, 2.4437722e-05f});
  return fma(p, z * z, fnma(f32(0.5f), z, f32(1.0f)));
}

// sin of r + quadrant * pi / 2.
NACRE_INLINE F32 sin_of(const Angle& angle) {
  const I32 odd = (angle.quadrant & 1) != 0;
  const F32 y = select(odd, cos_reduced(angle.r), sin_reduced(angle.r));
  return from_bits(bits(y) ^ ((angle.quadrant & 2) << 30));
}

NACRE_INLINE F32 sin(F32 x) { return select(x == 0.0f, x, sin_of(reduce_angle(x))); }
NACRE_INLINE F32 cos(F32 x) {
  Angle angle = reduce_angle(x);
  angle.quadrant += 1;
  return sin_of(angle);
}

NACRE_INLINE F32 tan(F32 x) {
  const Angle angle = reduce_angle(x);
  const F32 s = sin_reduced(angle.r), c = cos_reduced(angle.r);
  const I32 odd = (angle.quadrant & 1) != 0;
  return select(x == 0.0f, x, select(odd, -c, s) / select(odd, s, c));
}

// sin and cos of 2 pi u for u in [0, 1]: the quadrant is exact.
NACRE_INLINE void sincos_turns(F32 u, F32* sine, F32* cosine) {
  const F32 n = round_even(u * 4.0f);
  Angle angle{fnma(n, f32(0.25f), u) * 6.28318531f, truncate_to_int(n)};
  *sine = sin_of(angle);
  angle.quadrant += 1;
  *cosine = sin_of(angle);
}

NACRE_INLINE F32 asin_small(F32 x, F32 z) {  // |x| <= 1/2, z = x * x
  const F32 p = polynomial(z, {0.16666754f, 0.074952416f, 0.045477092f, 0.024147647f, 0.04221848f});
  return fma(p * z, x, x);
}

inline constexpr float kHalfPi = 1.57079633f;
inline constexpr float kHalfPiLow = -4.37113883e-8f;  // pi / 2 - kHalfPi

NACRE_INLINE F32 asin(F32 x) {
  const F32 a = abs(x);
  const F32 z = (1.0f - a) * 0.5f;
  const F32 root = sqrt(z);
  const F32 far = kHalfPi - (2.0f * asin_small(root, z) - kHalfPiLow);
  return copysign(select(a > 0.5f, far, asin_small(a, a * a)), x);
}

NACRE_INLINE F32 acos(F32 x) {
  const F32 a = abs(x);
  const F32 z = (1.0f - a) * 0.5f;
  const F32 far = 2.0f * asin_small(sqrt(z), z);
  const F32 outer = select(x < 0.0f, (kHalfPi - far) + (kHalfPi + 2.0f * kHalfPiLow), far);
  const F32 inner = kHalfPi - (asin_small(x, x * x) - kHalfPiLow);
  return select(a > 0.5f, outer, inner);
}

// atan of y / x for 0 <= y, 0 <= x, without leaving the first quadrant.
NACRE_INLINE F32 atan_quotient(F32 y, F32 x) {
  const I32 steep = y > x;
  const F32 low = select(steep, x, y), high = select(steep, y, x);
  const I32 upper = low > high * 0.41421356f;  // beyond tan(pi / 8) turn by pi / 4
  const F32 t = select(upper, low - high, low) / select(upper, low + high, high);
  const F32 z = t * t;
  const F32 p = polynomial(z, {-0.33332953f, 0.19977807f, -0.13878438f, 0.08055402f});
  const F32 turned = fma(p * z, t, t) + select(upper, f32(0.78539816f), f32(0.0f));
  return select(steep, kHalfPi - (turned - kHalfPiLow), turned);
}

NACRE_INLINE F32 atan(F32 x) {
  const F32 a = abs(x);
  const F32 y = atan_quotient(select(a < f32_infinity(), a, f32(1.0f)),
                              select(a < f32_infinity(), f32(1.0f), f32(0.0f)));
  return select(x != x, x, copysign(y, x));
}

NACRE_INLINE F32 atan2(F32 y, F32 x) {
  F32 ay = abs(y), ax = abs(x);
  const F32 infinity = f32_infinity();
  const I32 y_infinite = ay == infinity, x_infinite = ax == infinity;
  // Infinities become finite numbers of the same direction; so do two zeros and huge numbers.
  const I32 any_infinite = y_infinite | x_infinite;
  ay = select(any_infinite, select(y_infinite, f32(1.0f), f32(0.0f)), ay);
  ax = select(any_infinite, select(x_infinite, f32(1.0f), f32(0.0f)), ax);
  const F32 largest = max(ay, ax);
  const F32 factor =
      select(largest > 1e37f, f32(0.0625f), select(largest < 1e-30f, f32(1.6777216e7f), f32(1.0f)));
  ay *= factor;
  ax = select(largest == 0.0f, f32(1.0f), ax * factor);
  const F32 first = atan_quotient(ay, ax);
  const I32 left = bits(x) < 0;
  const F32 turned = select(left, (kHalfPi - first) + (kHalfPi + 2.0f * kHalfPiLow), first);
  return select((x != x) | (y != y), x + y, copysign(turned, y));
}

// log2 of a positive finite double, to 40 bits or better.
NACRE_INLINE F64 log2_double(F64 x) {
  const U64 pattern = (U64)x;
  const I64 k = (I64)(pattern - 0x3fe6a09e667f3bcdu) >> 52;
  const F64 m = (F64)(pattern - ((U64)k << 52));
  const F64 e = (F64)((U64)k + 0x4338000000000000u) - kRoundingShift;
  const F64 s = (m - 1.0) / (m + 1.0);
  const F64 p = polynomial(s * s, {2.8853900817778477, 0.96179669411516611, 0.57707794181281968,
                                   0.41220931100366986, 0.31990319604288975, 0.28293716305311978});
  return fma(p, s, e);
}

NACRE_INLINE F64 exp2_double(F64 t) {
  t = select(t > 300.0, broadcast<double>(300.0), t);
  t = select(t < -300.0, broadcast<double>(-300.0), t);
  const F64 shifted = t + kRoundingShift;
  const F64 f = t - (shifted - kRoundingShift);
  const F64 p = polynomial(f, {0.9999999999595498, 0.6931471805350452, 0.24022651213586044,
                               0.055504109760487232, 0.0096180256039358984, 0.0013333422692894869,
                               0.00015469731722198132, 1.5316450998553248e-05});
  return (F64)((U64)p + ((U64)shifted << 52));
}

NACRE_INLINE F32 pow(F32 x, F32 y) {
  const F32 a = abs(x);
  const Wide base = widen(a), exponent = widen(y);
  Wide power;
  for (int i = 0; i < 2; ++i) {
    power.part[i] = exp2_double(exponent.part[i] * log2_double(base.part[i]));
  }
  F32 r = narrow(power);
  const F32 zero = f32(0.0f), infinity = f32_infinity();
  r = select(a == 0.0f, select(y < 0.0f, infinity, zero), r);
  r = select(a == infinity, select(y < 0.0f, zero, infinity), r);
  r = select((a == 1.0f) & (abs(y) == infinity), f32(1.0f), r);
  const F32 half = y * 0.5f;
  const I32 whole = trunc(y) == y;
  const I32 odd = whole & (trunc(half) != half);
  r = select((bits(x) < 0) & odd, -r, r);
  r = select((x < 0.0f) & ~whole & (a < infinity), f32_nan(), r);
  r = select((x != x) | (y != y), x + y, r);
  return select((x == 1.0f) | (y == 0.0f), f32(1.0f), r);
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
