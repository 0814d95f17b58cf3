#include "kernels/reference/special.h"

#include <math.h>  // lgamma_r is not in <cmath>

#include <cmath>
#include <limits>
#include <numbers>

namespace nacre::reference {

double erfinv(double x) {
  if (std::isnan(x) || x < -1 || x > 1) return std::nan("");
  if (std::fabs(x) == 1) return std::copysign(std::numeric_limits<double>::infinity(), x);
  const double magnitude = std::fabs(x);
  // Winitzki's closed form is right to about 2e-3; each Halley step triples the digits.
  constexpr double kA = 0.147;
  const double log_term = std::log1p(-magnitude * magnitude);
  const double half = 2 / (std::numbers::pi * kA) + log_term / 2;
  double y = std::sqrt(std::sqrt(half * half - log_term / kA) - half);
  for (int step = 0; step < 4; ++step) {
    // Near 1 the complement keeps the digits that erf has lost; 1 - magnitude is exact there.
    const double error = magnitude < 0.5 ? std::erf(y) - magnitude : (1 - magnitude) - std::erfc(y);
    const double slope = 2 * std::numbers::inv_sqrtpi * std::exp(-y * y);
    const double newton = error / slope;
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
}

double digamma(double x) {
  if (x == 0) return std::copysign(std::numeric_limits<double>::infinity(), -x);
  if (std::isinf(x)) return x > 0 ? x : std::nan("");
  if (x < 0) {
    if (x == std::floor(x)) return std::nan("");
    // Reflection; the tangent of the fraction alone keeps its digits for large |x|.
    const double fraction = x - std::floor(x);
    return digamma(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * fraction);
  }
  double result = 0;
  for (; x < 16; x += 1) result -= 1 / x;
  // Asymptotic series: log x - 1/(2x) - sum of B_2k / (2k x^2k).
  constexpr double kTerms[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                               1.0 / 132, -691.0 / 32760, 1.0 / 12};
  const double square = 1 / (x * x);
  double power = square;
  double series = 0;
  for (double term : kTerms) {
    series += term * power;
    power *= square;
  }
  return result + std::log(x) - 0.5 / x - series;
}

double lgamma(double x) {
  // std::lgamma writes a global, which concurrent runs must not share.
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

}  // namespace nacre::reference
