// Float32 functions of whole vectors against the C library in double, under every instruction set:
// error in units in the last place, special values, independence of place.

#include <functional>

#include "kernel_case.h"
#include "kernels/cpu/elementwise.h"

using namespace nacre;
using namespace nacre::check;

namespace {

constexpr double kInf = INFINITY;

// Distance in units in the last place of float32 around the exact value.
double ulps(float value, double exact) {
  if (std::isnan(value) || std::isnan(exact))
    return std::isnan(value) && std::isnan(exact) ? 0 : 1e9;
  if (static_cast<double>(value) == exact) return 0;
  if (std::fabs(exact) >= 3.4028235677973366e38) {  // rounds to infinity
    return std::isinf(value) && (value > 0) == (exact > 0) ? 0 : 1e9;
  }
  if (std::isinf(value)) return 1e9;
  int exponent;
  std::frexp(exact, &exponent);
  return std::fabs(value - exact) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

Tensor apply(const char* op, const std::vector<Tensor>& inputs) {
  Result r =
      run_op(cpu::elementwise_entries(), op, {}, inputs, {{DType::Float32, inputs[0].shape()}});
  CHECK_EQ(r.refused, std::string());
  return r.outputs.at(0);
}

struct Unary {
  const char* op;
  std::function<double(double)> exact;
  double low, high;
  double tolerance;
  bool logarithmic = false;  // arguments spread over exponents
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); }

std::vector<Unary> unary_cases() {
  using D = double;
  return {
      {"exp", [](D x) { return std::exp(x); }, -110, 95, 2},
      {"exp", [](D x) { return std::exp(x); }, -1, 1, 2},
      {"log", [](D x) { return std::log(x); }, 0, 4, 2},
      {"log", [](D x) { return std::log(x); }, -149, 128, 2, true},
      {"log1p", [](D x) { return std::log1p(x); }, -1, 3, 3},
      {"log1p", [](D x) { return std::log1p(x); }, -149, 128, 3, true},
      {"expm1", [](D x) { return std::expm1(x); }, -20, 90, 3},
      {"expm1", [](D x) { return std::expm1(x); }, -1, 1, 3},
      {"expm1", [](D x) { return std::expm1(x); }, -149, 4, 3, true},
      {"tanh", [](D x) { return std::tanh(x); }, -10, 10, 4},
      {"tanh", [](D x) { return std::tanh(x); }, -149, 128, 4, true},
      {"sigmoid", sigmoid, -100, 100, 4},
      {"sigmoid", sigmoid, -4, 4, 4},
      {"softplus", softplus, -30, 30, 4},
      {"erf", [](D x) { return std::erf(x); }, -5, 5, 3},
      {"erf", [](D x) { return std::erf(x); }, -149, 10, 3, true},
      {"erfinv",
       [](D x) -> D {
         (void)x;
         return 0;
       },
       0, 0, 0},
      {"sin", [](D x) { return std::sin(x); }, -100, 100, 2},
      {"sin", [](D x) { return std::sin(x); }, -149, 128, 2, true},
      {"cos", [](D x) { return std::cos(x); }, -100, 100, 2},
      {"cos", [](D x) { return std::cos(x); }, -149, 128, 2, true},
      {"tan", [](D x) { return std::tan(x); }, -100, 100, 4},
      {"tan", [](D x) { return std::tan(x); }, -149, 128, 4, true},
      {"asin", [](D x) { return std::asin(x); }, -1, 1, 4},
      {"acos", [](D x) { return std::acos(x); }, -1, 1, 4},
      {"atan", [](D x) { return std::atan(x); }, -8, 8, 4},
      {"atan", [](D x) { return std::atan(x); }, -149, 128, 4, true},
      {"sinh", [](D x) { return std::sinh(x); }, -92, 92, 4},
      {"sinh", [](D x) { return std::sinh(x); }, -2, 2, 4},
      {"cosh", [](D x) { return std::cosh(x); }, -92, 92, 4},
      {"asinh", [](D x) { return std::asinh(x); }, -10, 10, 4},
      {"asinh", [](D x) { return std::asinh(x); }, -149, 128, 4, true},
      {"acosh", [](D x) { return std::acosh(x); }, 1, 20, 4},
      {"acosh", [](D x) { return std::acosh(x); }, 0, 128, 4, true},
      {"atanh", [](D x) { return std::atanh(x); }, -1, 1, 4},
      {"sqrt", [](D x) { return std::sqrt(x); }, -149, 128, 0.51, true},
      {"rsqrt", [](D x) { return 1 / std::sqrt(x); }, -126, 128, 1.6, true},
      {"floor", [](D x) { return std::floor(x); }, -9, 9, 0},
      {"ceil", [](D x) { return std::ceil(x); }, -9, 9, 0},
      {"round", [](D x) { return std::nearbyint(x); }, -9, 9, 0},
      {"trunc", [](D x) { return std::trunc(x); }, -9, 9, 0},
      {"lgamma", [](D x) { return std::lgamma(x); }, 0.01, 30, 1},
  };
}

Tensor arguments(const Unary& c, int64_t n) {
  Random random(7);
  Tensor x = Tensor::empty(DType::Float32, {n});
  for (int64_t i = 0; i < n; ++i) {
    double v = random.uniform(c.low, c.high);
    if (c.logarithmic) v = std::ldexp(random.uniform(0.5, 1), static_cast<int>(std::floor(v)) + 1);
    x.mutable_data_as<float>()[i] = static_cast<float>(v);
  }
  return x;
}

}  // namespace

TEST(unary_accuracy) {
  for_each_isa([](const char* isa) {
    for (const Unary& c : unary_cases()) {
      if (c.low == c.high) continue;
      const Tensor x = arguments(c, 40000);
      const Tensor y = apply(c.op, {x});
      double worst = 0;
      float where = 0;
      for (int64_t i = 0; i < x.count(); ++i) {
        const double e = ulps(y.data_as<float>()[i], c.exact(x.data_as<float>()[i]));
        if (e > worst) worst = e, where = x.data_as<float>()[i];
      }
      if (worst > c.tolerance) {
        std::ostringstream message;
        message << isa << " " << c.op << " [" << c.low << ", " << c.high << "]: " << worst
                << " ulps at " << where;
        fail(__FILE__, __LINE__, message.str());
      }
      if (std::getenv("NACRE_VERBOSE")) std::printf("%-9s %-9s %.2f\n", isa, c.op, worst);
    }
  });
}

TEST(inverse_erf) {
  for_each_isa([](const char*) {
    const Tensor x = arguments({"", nullptr, -1, 1, 0}, 40000);
    const Tensor y = apply("erfinv", {x});
    for (int64_t i = 0; i < x.count(); ++i) {
      // One Newton step in double from the float result measures its error.
      const double v = x.data_as<float>()[i], w = y.data_as<float>()[i];
      const double gap = v > 0 ? (1 - v) - std::erfc(w) : std::erfc(-w) - (1 + v);
      const double exact = w - gap / (2 / std::sqrt(M_PI) * std::exp(-w * w));
      CHECK(ulps(static_cast<float>(w), exact) <= 4);
    }
  });
}

TEST(power_accuracy) {
  for_each_isa([](const char*) {
    Random random(3);
    const int64_t n = 40000;
    Tensor x = Tensor::empty(DType::Float32, {n}), y = Tensor::empty(DType::Float32, {n});
    for (int64_t i = 0; i < n; ++i) {
      x.mutable_data_as<float>()[i] =
          static_cast<float>(std::exp2(random.uniform(-20, 20)) * (i % 5 ? 1 : -1));
      y.mutable_data_as<float>()[i] =
          static_cast<float>(i % 3 ? random.uniform(-8, 8) : random.integer(-6, 6));
    }
    const Tensor z = apply("pow", {x, y});
    const Tensor a = apply("atan2", {x, y});
    for (int64_t i = 0; i < n; ++i) {
      const double u = x.data_as<float>()[i], v = y.data_as<float>()[i];
      CHECK(ulps(z.data_as<float>()[i], std::pow(u, v)) <= 1);
      CHECK(ulps(a.data_as<float>()[i], std::atan2(u, v)) <= 4);
    }
  });
}

TEST(special_values) {
  const double nan = NAN;
  const std::vector<double> v = {0.0, -0.0, kInf, -kInf, nan, 1e-40, -1e-40, 1, -1, 3e38, -3e38, 2};
  const int64_t n = static_cast<int64_t>(v.size());
  for_each_isa([&](const char* isa) {
    const Tensor x = tensor_of(DType::Float32, {n}, v);
    for (const Unary& c : unary_cases()) {
      if (c.low == c.high) continue;
      const Tensor y = apply(c.op, {x});
      for (int64_t i = 0; i < n; ++i) {
        const double exact = c.exact(x.data_as<float>()[i]);
        if (!(ulps(y.data_as<float>()[i], exact) <= 4)) {
          std::ostringstream message;
          message << isa << " " << c.op << "(" << v[i] << ") = " << y.data_as<float>()[i]
                  << ", expected " << exact;
          fail(__FILE__, __LINE__, message.str());
        }
      }
    }
    for (const char* op : {"pow", "atan2"}) {
      for (const double base : v) {
        const Tensor z = apply(op, {tensor_of(DType::Float32, {n}, {base}), x});
        for (int64_t i = 0; i < n; ++i) {
          const double b = static_cast<float>(base), e = x.data_as<float>()[i];
          const double exact = op[0] == 'p' ? std::pow(b, e) : std::atan2(b, e);
          if (!(ulps(z.data_as<float>()[i], exact) <= 4)) {
            std::ostringstream message;
            message << isa << " " << op << "(" << b << ", " << e << ") = " << z.data_as<float>()[i]
                    << ", expected " << exact;
            fail(__FILE__, __LINE__, message.str());
          }
        }
      }
    }
  });
}

// The same value gives the same bits at any place of an array of any length.
TEST(place_does_not_matter) {
  for_each_isa([](const char*) {
    for (const Unary& c : unary_cases()) {
      const Tensor x = arguments({c.op, nullptr, 0.1, 0.9, 0}, 67);
      const Tensor whole = apply(c.op, {x});
      for (int64_t length = 1; length <= 67; length += 3) {
        for (int64_t offset = 0; offset + length <= 67; offset += 7) {
          const Tensor part = apply(c.op, {Tensor::external(x.data_as<float>() + offset,
                                                            DType::Float32, {length}, nullptr)});
          CHECK(std::memcmp(part.data(), whole.data_as<float>() + offset, part.bytes()) == 0);
        }
      }
    }
  });
}
