#pragma once

// float16 and bfloat16 as their bit patterns, converted one value at a time. Rounding is to
// nearest, ties to even, once: a double goes straight to the narrow type.

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace nacre {

struct Float16 {
  uint16_t bits = 0;
};

struct BFloat16 {
  uint16_t bits = 0;
};

namespace detail {

// A float format with an implicit leading one, of 16 bits in all.
struct HalfFormat {
  int mantissa_bits;
  int exponent_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  uint16_t infinity() const {
    return static_cast<uint16_t>(((1 << exponent_bits) - 1) << mantissa_bits);
  }
};

inline constexpr HalfFormat kFloat16{10, 5};
inline constexpr HalfFormat kBFloat16{7, 8};

inline uint16_t pack_half(double value, HalfFormat format) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) {
    const int quiet = 1 << (format.mantissa_bits - 1);
    return static_cast<uint16_t>(sign | format.infinity() | quiet);
  }
  if (std::isinf(value)) return sign | format.infinity();
  const int lowest = 1 - format.bias();  // exponent of the smallest normal, and of subnormals
  const int exponent = magnitude == 0 ? lowest : std::max(std::ilogb(magnitude), lowest);
  // In units of the last place, rounded to even whatever the rounding mode of the machine.
  const double scaled = std::ldexp(magnitude, format.mantissa_bits - exponent);
  double units = std::floor(scaled);
  const double rest = scaled - units;
  if (rest > 0.5 || (rest == 0.5 && std::fmod(units, 2.0) == 1.0)) units += 1.0;
  // A normal's leading one carries into the exponent field, and so does a mantissa that rounds up.
  const double field = units + std::ldexp(exponent - lowest, format.mantissa_bits);
  if (field >= format.infinity()) return sign | format.infinity();
  return static_cast<uint16_t>(sign | static_cast<uint16_t>(field));
}

inline double unpack_half(uint16_t bits, HalfFormat format) {
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const int field = (bits & format.infinity()) >> format.mantissa_bits;
  double magnitude = 0;
  if ((bits & format.infinity()) == format.infinity()) {
    magnitude = mantissa ? std::nan("") : HUGE_VAL;
  } else {
    const int leading = field ? 1 << format.mantissa_bits : 0;
    const int exponent = std::max(field, 1) - format.bias() - format.mantissa_bits;
    magnitude = std::ldexp(leading + mantissa, exponent);
  }
  return bits & 0x8000 ? -magnitude : magnitude;
}

}  // namespace detail

inline Float16 to_float16(double value) { return {detail::pack_half(value, detail::kFloat16)}; }
inline BFloat16 to_bfloat16(double value) { return {detail::pack_half(value, detail::kBFloat16)}; }
inline double to_double(Float16 value) { return detail::unpack_half(value.bits, detail::kFloat16); }
inline double to_double(BFloat16 value) {
  return detail::unpack_half(value.bits, detail::kBFloat16);
}

}  // namespace nacre
