// Element i takes its bits from its own place in the Philox stream of (seed, counter), so any
// thread may make any part.

#include "kernels/cpu/random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/special.h"

namespace nacre::cpu {
namespace {

constexpr double kTwoPi = 6.283185307179586477;
constexpr int64_t kTask = 16384;  // elements
constexpr int64_t kBatch = 512;   // elements at a time, a multiple of 128

struct RandomParams {
  int64_t count;
  double cost;
  const RandomTable* table;
  void (*convert)(const uint32_t* bits, float* out, int64_t n);  // float32
  double (*draw)(uint32_t seed, uint32_t counter, int64_t i);    // float64
  DType dtype;
};

struct State {
  uint32_t seed, counter;
};
State state_of(const void* input) {
  const auto* words = static_cast<const uint32_t*>(input);
  return {words[0], words[1]};
}

template <class Body>
void over_elements(const RandomParams& p, const KernelContext& context, Body&& body) {
  run_chunks(context, p.cost, (p.count + kTask - 1) / kTask, [&](int64_t task) {
    const int64_t end = std::min(p.count, (task + 1) * kTask);
    for (int64_t i = task * kTask; i < end; i += kBatch) body(i, std::min(kBatch, end - i));
  });
}

// Words for n elements from a multiple of 4 on; more are written, to a multiple of 128.
void draw_words(const RandomParams& p, const State& state, int64_t first, int64_t n,
                uint32_t* out) {
  p.table->words(state.seed, state.counter, static_cast<uint64_t>(first) / 4, (n + 3) / 4, out);
}

void run_bits(const void* opaque, const void* const* inputs, void* const* outputs,
              const KernelContext& context) {
  const auto& p = *static_cast<const RandomParams*>(opaque);
  const State state = state_of(inputs[0]);
  over_elements(p, context, [&](int64_t i, int64_t n) {
    uint32_t* out = static_cast<uint32_t*>(outputs[0]) + i;
    if (n == kBatch) return draw_words(p, state, i, n, out);
    alignas(64) uint32_t bits[kBatch];
    draw_words(p, state, i, n, bits);
    std::copy_n(bits, n, out);
  });
}

void run_float32(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto& p = *static_cast<const RandomParams*>(opaque);
  const State state = state_of(inputs[0]);
  over_elements(p, context, [&](int64_t i, int64_t n) {
    alignas(64) uint32_t bits[kBatch];
    alignas(64) float values[kBatch];
    float* out = static_cast<float*>(outputs[0]) + i;
    draw_words(p, state, i, n, bits);
    if (n == kBatch) return p.convert(bits, out, n);
    p.convert(bits, values, n);
    std::copy_n(values, n, out);
  });
}

void run_float64(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto& p = *static_cast<const RandomParams*>(opaque);
  const State state = state_of(inputs[0]);
  over_elements(p, context, [&](int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; ++i) {
      static_cast<double*>(outputs[0])[i] = p.draw(state.seed, state.counter, i);
    }
  });
}

double uniform64(uint32_t seed, uint32_t counter, int64_t i) {
  const PhiloxBlock block = philox(seed, counter, static_cast<uint64_t>(i / 2));
  return uniform_double(block.word[2 * (i % 2)], block.word[2 * (i % 2) + 1]);
}

double normal64(uint32_t seed, uint32_t counter, int64_t i) {
  const PhiloxBlock block = philox(seed, counter, static_cast<uint64_t>(i / 2));
  const double u = uniform_double(block.word[0], block.word[1]);
  const double v = uniform_double(block.word[2], block.word[3]);
  const double r = std::sqrt(-2 * std::log(1 - u));
  return i % 2 ? r * std::sin(kTwoPi * v) : r * std::cos(kTwoPi * v);
}

double truncated64(uint32_t seed, uint32_t counter, int64_t i) {
  const double high = std::erf(std::sqrt(2.0));
  const double u = uniform64(seed, counter, i);
  return std::clamp(std::sqrt(2.0) * inverse_erf(-high + u * 2 * high), -2.0, 2.0);
}

// By the upper 32 bits, stable: four passes of eight bits, to and from `other`.
void sort_by_high_word(uint64_t* keys, uint64_t* other, int64_t n) {
  for (int shift = 32; shift < 64; shift += 8) {
    int64_t place[257] = {};
    for (int64_t i = 0; i < n; ++i) ++place[(keys[i] >> shift & 255) + 1];
    for (int digit = 0; digit < 256; ++digit) place[digit + 1] += place[digit];
    for (int64_t i = 0; i < n; ++i) other[place[keys[i] >> shift & 255]++] = keys[i];
    std::swap(keys, other);
  }
}

// Positions in the order of their random bits, ties by position.
void run_permutation(const void* opaque, const void* const* inputs, void* const* outputs,
                     const KernelContext& context) {
  const auto& p = *static_cast<const RandomParams*>(opaque);
  const State state = state_of(inputs[0]);
  uint64_t* keys = reinterpret_cast<uint64_t*>(context.workspace);
  for (int64_t i = 0; i < p.count; i += kBatch) {
    uint32_t bits[kBatch];
    const int64_t n = std::min(kBatch, p.count - i);
    draw_words(p, state, i, n, bits);
    for (int64_t j = 0; j < n; ++j) {
      keys[i + j] = uint64_t{bits[j]} << 32 | static_cast<uint64_t>(i + j);
    }
  }
  sort_by_high_word(keys, keys + p.count, p.count);
  for (int64_t i = 0; i < p.count; ++i) {
    static_cast<int32_t*>(outputs[0])[i] = static_cast<int32_t>(keys[i] & 0xffffffff);
  }
}

// In (0, 1), so that its logarithm is finite.
double open_uniform(uint32_t word) { return (word + 0.5) * 0x1p-32; }

// Marsaglia and Tsang; every element draws from its own stream. Below 1, alpha is raised by 1 and
// the draw multiplied by u^(1/alpha).
double gamma_draw(double alpha, uint32_t seed, uint32_t counter, int64_t i) {
  if (!(alpha > 0)) return std::nan("");
  if (std::isinf(alpha)) return alpha;
  const uint64_t stream = static_cast<uint64_t>(i) + (uint64_t{1} << 32);  // not the main one
  double scale = 1;
  if (alpha < 1) {
    scale = std::pow(open_uniform(philox(seed, counter, 0, stream).word[0]), 1 / alpha);
    alpha += 1;
  }
  const double d = alpha - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (uint32_t attempt = 1;; ++attempt) {
    const PhiloxBlock block = philox(seed, counter, attempt, stream);
    const double x = std::sqrt(-2 * std::log(open_uniform(block.word[0]))) *
                     std::cos(kTwoPi * open_uniform(block.word[1]));
    const double t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t;
    if (std::log(open_uniform(block.word[2])) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return scale * d * v;
    }
  }
}

template <class T>
void run_gamma(const void* opaque, const void* const* inputs, void* const* outputs,
               const KernelContext& context) {
  const auto& p = *static_cast<const RandomParams*>(opaque);
  const State state = state_of(inputs[0]);
  over_elements(p, context, [&](int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; ++i) {
      static_cast<T*>(outputs[0])[i] = static_cast<T>(
          gamma_draw(static_cast<const T*>(inputs[1])[i], state.seed, state.counter, i));
    }
  });
}

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.outputs[0].dtype;
  if (op_case.op == "random_bits" || op_case.op == "random_permutation") return "";
  return dtype == DType::Float32 || dtype == DType::Float64 ? "" : no_kernel(op_case.op, dtype);
}

Kernel prepare_integers(const OpCase& op_case) {
  RandomParams p{};
  p.table = active_isa().random;
  p.count = op_case.outputs[0].count();
  const bool bits = op_case.op == "random_bits";
  p.cost = 20 + (bits ? 0.5 : 10.0) * static_cast<double>(p.count);
  return make_kernel(bits ? run_bits : run_permutation, p, p.cost,
                     bits ? 0 : static_cast<size_t>(2 * p.count) * sizeof(uint64_t));
}

Kernel prepare_floats(const OpCase& op_case) {
  const RandomTable& table = *active_isa().random;
  RandomParams p{};
  p.table = &table;
  p.count = op_case.outputs[0].count();
  p.dtype = op_case.outputs[0].dtype;
  const bool narrow = p.dtype == DType::Float32;
  p.cost = 20 + (narrow ? 1.5 : 30.0) * static_cast<double>(p.count);
  if (op_case.op == "random_uniform") {
    p.convert = table.uniform;
    p.draw = uniform64;
  } else if (op_case.op == "random_normal") {
    p.convert = table.normal;
    p.draw = normal64;
  } else {
    p.convert = table.truncated_normal;
    p.draw = truncated64;
  }
  return make_kernel(narrow ? run_float32 : run_float64, p, p.cost);
}

Kernel prepare_gamma(const OpCase& op_case) {
  RandomParams p{};
  p.count = op_case.outputs[0].count();
  p.cost = 20 + 150.0 * static_cast<double>(p.count);
  const bool narrow = op_case.outputs[0].dtype == DType::Float32;
  return make_kernel(narrow ? run_gamma<float> : run_gamma<double>, p, p.cost);
}

}  // namespace

std::span<const OpEntry> random_entries() {
  static const std::array entries = {
      OpEntry{"random_bits", refuse, prepare_integers},
      OpEntry{"random_uniform", refuse, prepare_floats},
      OpEntry{"random_normal", refuse, prepare_floats},
      OpEntry{"random_truncated_normal", refuse, prepare_floats},
      OpEntry{"random_permutation", refuse, prepare_integers},
      OpEntry{"random_gamma", refuse, prepare_gamma},
  };
  return entries;
}

}  // namespace nacre::cpu
