// Random numbers: Philox4x32-10, keyed by the state (seed, counter). Every element has its own
// words, so that a number depends on nothing but the state and its position.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "kernels/reference/call.h"
#include "kernels/reference/special.h"

namespace nacre::reference {
namespace {

using Words = std::array<uint32_t, 4>;

Words philox(Words counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0, static_cast<uint32_t>(product1),
        static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1, static_cast<uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// The draws of one call.
class Draws {
 public:
  explicit Draws(const Call& c) {
    const auto* state = static_cast<const uint32_t*>(c.in(0));
    seed_ = state[0];
    counter_ = state[1];
  }

  uint32_t bits(int64_t i) const { return block(i / 4)[static_cast<size_t>(i % 4)]; }

  // In [0, 1): 24 bits for float32, 53 for float64.
  double uniform(DType dtype, int64_t i) const {
    if (dtype == DType::Float32) return (bits(i) >> 8) * 0x1p-24;
    const Words words = block(i / 2);
    const size_t first = i % 2 ? 2 : 0;
    const uint64_t both = uint64_t{words[first + 1]} << 32 | words[first];
    return static_cast<double>(both >> 11) * 0x1p-53;
  }

  // Box and Muller: elements 2j and 2j + 1 share the uniforms 2j and 2j + 1.
  double normal(DType dtype, int64_t i) const {
    const int64_t first = i - i % 2;
    const double radius = std::sqrt(-2 * std::log(1 - uniform(dtype, first)));
    const double angle = 2 * std::numbers::pi * uniform(dtype, first + 1);
    return radius * (i % 2 ? std::sin(angle) : std::cos(angle));
  }

  // Element i's own stream, for draws that take a random number of words: its n-th block.
  Words substream(int64_t i, uint32_t n) const {
    // The last word is not 0, which keeps these apart from the blocks above.
    const auto low = static_cast<uint32_t>(i);
    const auto high = static_cast<uint32_t>(static_cast<uint64_t>(i) >> 32);
    return philox({n, 0, low, high + 1}, seed_, counter_);
  }

 private:
  Words block(int64_t i) const {
    const auto low = static_cast<uint32_t>(i);
    const auto high = static_cast<uint32_t>(static_cast<uint64_t>(i) >> 32);
    return philox({low, high, 0, 0}, seed_, counter_);
  }

  uint32_t seed_;
  uint32_t counter_;
};

void run_bits(const Call& c) {
  const Draws draws(c);
  const int64_t count = c.out_count();
  for (int64_t i = 0; i < count; ++i) store<uint32_t>(c.out(), i, draws.bits(i));
}

template <auto draw>
void run_draw(const Call& c) {
  const Draws draws(c);
  const DType dtype = c.out_dtype();
  const int64_t count = c.out_count();
  with_type<kFloats>(dtype, [&]<class T>(Tag<T>) {
    for (int64_t i = 0; i < count; ++i) store<T>(c.out(), i, draw(draws, dtype, i));
  });
}

double draw_uniform(const Draws& draws, DType dtype, int64_t i) { return draws.uniform(dtype, i); }
double draw_normal(const Draws& draws, DType dtype, int64_t i) { return draws.normal(dtype, i); }

// By the inverse of the distribution function between -2 and 2.
double draw_truncated_normal(const Draws& draws, DType dtype, int64_t i) {
  const double high = std::erf(std::numbers::sqrt2);
  const double low = -high;
  const double x = std::numbers::sqrt2 * erfinv(low + draws.uniform(dtype, i) * (high - low));
  return std::clamp(x, -2.0, 2.0);
}

// Positions in the order of their random bits.
void run_permutation(const Call& c) {
  const Draws draws(c);
  std::vector<uint32_t> keys(static_cast<size_t>(c.out_count()));
  for (size_t i = 0; i < keys.size(); ++i) keys[i] = draws.bits(static_cast<int64_t>(i));
  std::vector<int32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return keys[static_cast<size_t>(a)] < keys[static_cast<size_t>(b)];
  });
  for (size_t i = 0; i < order.size(); ++i) {
    store<int32_t>(c.out(), static_cast<int64_t>(i), order[i]);
  }
}

// In (0, 1), so that its logarithm is finite.
double open_uniform(uint32_t word) { return (word + 0.5) * 0x1p-32; }

// Marsaglia and Tsang. Below 1, alpha is raised by 1 and the draw multiplied by u^(1/alpha).
double draw_gamma(const Draws& draws, int64_t i, double alpha) {
  if (!(alpha > 0)) return std::nan("");
  if (std::isinf(alpha)) return alpha;
  double scale = 1;
  if (alpha < 1) {
    scale = std::pow(open_uniform(draws.substream(i, 0)[0]), 1 / alpha);
    alpha += 1;
  }
  const double d = alpha - 1.0 / 3;
  const double spread = 1 / std::sqrt(9 * d);
  for (uint32_t attempt = 1;; ++attempt) {
    const Words words = draws.substream(i, attempt);
    const double x = std::sqrt(-2 * std::log(open_uniform(words[0]))) *
                     std::cos(2 * std::numbers::pi * open_uniform(words[1]));
    const double root = 1 + spread * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(open_uniform(words[2])) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return scale * d * v;
    }
  }
}

void run_gamma(const Call& c) {
  const Draws draws(c);
  const int64_t count = c.out_count();
  with_type<kFloats>(c.out_dtype(), [&]<class T>(Tag<T>) {
    for (int64_t i = 0; i < count; ++i) {
      store<T>(c.out(), i, draw_gamma(draws, i, load<T>(c.in(1), i)));
    }
  });
}

constexpr uint32_t kState = set_of(DType::UInt32);
constexpr uint32_t kPositions = set_of(DType::Int32);

constexpr OpEntry kEntries[] = {
    {"random_bits", makes<kState, kState>, prepare<run_bits>},
    {"random_uniform", makes<kFloats, kState>, prepare<run_draw<draw_uniform>>},
    {"random_normal", makes<kFloats, kState>, prepare<run_draw<draw_normal>>},
    {"random_truncated_normal", makes<kFloats, kState>, prepare<run_draw<draw_truncated_normal>>},
    {"random_permutation", makes<kPositions, kState>, prepare<run_permutation>},
    {"random_gamma", makes<kFloats, kState, kFloats>, prepare<run_gamma>},
};

}  // namespace

std::span<const OpEntry> random_entries() { return kEntries; }

}  // namespace nacre::reference
