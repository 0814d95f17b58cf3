#include "kernels/cpu/special.h"

#include <cmath>
#include <limits>

namespace nacre::cpu {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Starting point for erfinv, within 2% (Winitzki).
double inverse_erf_guess(double x) {
  const double a = 0.147;
  const double l = std::log1p(-x * x);
  const double t = 2 / (kPi * a) + l / 2;
  return std::copysign(std::sqrt(std::sqrt(t * t - l / a) - t), x);
}

}  // namespace

double log_gamma(double x) {
  int sign = 0;  // ::lgamma would write the global signgam
  return ::lgamma_r(x, &sign);
}

double digamma_of(double x) {
  if (x <= 0) {
    if (x == std::floor(x)) return std::numeric_limits<double>::quiet_NaN();
    return digamma_of(1 - x) - kPi / std::tan(kPi * x);  // reflection
  }
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  const double z = 1 / (x * x);
  // Asymptotic series: Bernoulli numbers over 2k.
  const double series =
      z * (1.0 / 12 - z * (1.0 / 120 -
                           z * (1.0 / 252 -
                                z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z / 12))))));
  return sum + std::log(x) - 0.5 / x - series;
}

double inverse_erf(double x) {
  if (!(std::fabs(x) < 1)) {
    if (std::fabs(x) == 1) return std::copysign(std::numeric_limits<double>::infinity(), x);
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (x == 0) return x;
  double y = inverse_erf_guess(x);
  // Halley's steps: each triples the number of right digits. Near 1 the complement keeps them.
  for (int i = 0; i < 3; ++i) {
    const double error = std::fabs(x) < 0.5 ? std::erf(y) - x
                         : x > 0            ? (1 - x) - std::erfc(y)
                                            : std::erfc(-y) - (1 + x);
    const double step = error / (2 / std::sqrt(kPi) * std::exp(-y * y));
    y -= step / (1 + y * step);
  }
  return y;
}

}  // namespace nacre::cpu
