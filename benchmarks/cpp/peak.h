// How many multiply-adds the machine can do: what kernels are measured against.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace bench {

// Chains of multiply-adds that do not wait for each other: enough to hide their latency.
template <class Vector>
[[gnu::always_inline]] inline float multiply_adds(int64_t steps) {
  constexpr int kChains = 12;
  Vector chain[kChains];
#pragma GCC unroll 12
  for (int j = 0; j < kChains; ++j) chain[j] = Vector{} + 1.0f;
  const Vector scale = Vector{} + 0.999f, shift = Vector{} + 0.001f;
  for (int64_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) chain[j] = chain[j] * scale + shift;
#pragma GCC unroll 12
    for (int j = 0; j < kChains; ++j) {
#if defined(__x86_64__)
      __asm__ volatile("" : "+v"(chain[j]));
#else
      __asm__ volatile("" : "+w"(chain[j]));
#endif
    }
  }
#pragma GCC unroll 12
  for (int j = 1; j < kChains; ++j) chain[0] += chain[j];
  return chain[0][0];
}

// One width of vectors: a name, floats a vector, and the loop.
struct Probe {
  const char* isa;
  int lanes;
  float (*run)(int64_t steps);
};

#if defined(__x86_64__)
typedef float Eight __attribute__((vector_size(32)));
typedef float Sixteen __attribute__((vector_size(64)));
[[gnu::target("avx2,fma"), gnu::noinline]] inline float probe_avx2(int64_t steps) {
  return multiply_adds<Eight>(steps);
}
[[gnu::target("avx512f"), gnu::noinline]] inline float probe_avx512(int64_t steps) {
  return multiply_adds<Sixteen>(steps);
}
inline std::vector<Probe> probes() {
  std::vector<Probe> found;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back({"avx2", 8, probe_avx2});
  }
  if (__builtin_cpu_supports("avx512f")) found.push_back({"avx512", 16, probe_avx512});
  return found;
}
#elif defined(__aarch64__)
typedef float Four __attribute__((vector_size(16)));
[[gnu::noinline]] inline float probe_neon(int64_t steps) { return multiply_adds<Four>(steps); }
inline std::vector<Probe> probes() { return {{"neon", 4, probe_neon}}; }
#else
inline std::vector<Probe> probes() { return {}; }
#endif

// GFLOP/s of all threads together: the best of several attempts.
inline double peak(const Probe& probe, int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSteps = 400000;
  double best = 0.0;
  for (int attempt = 0; attempt < 20; ++attempt) {
    const auto start = Clock::now();
    std::vector<std::thread> others;
    const auto work = [&probe] {
      const volatile float result = probe.run(kSteps);
      (void)result;
    };
    for (int i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, 2.0 * 12 * kSteps * probe.lanes * threads / seconds * 1e-9);
  }
  return best;
}

}  // namespace bench
