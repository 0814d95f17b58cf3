// Speed of the float32 matrix product on every instruction set that the machine has.
//
//   bench_gemm [--threads N] [--isa NAME] [M K N [flags]] ...
//
// flags: any of a (A is stored transposed), b (B is stored transposed), - (neither). Without
// shapes, a list of square, tall, wide and thin ones. Printed is the best of many repetitions; the
// first lines are what independent multiply-adds reach on one core.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa.h"
#include "parallel/thread_pool.h"
#include "peak.h"

namespace {

using nacre::cpu::GemmPlan;
using nacre::cpu::GemmProblem;
using nacre::cpu::IsaTable;

struct Shape {
  int64_t m, k, n;
  std::string flags;
};

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Best time of one call of fn, in seconds.
template <class Fn>
double best_time(Fn&& fn) {
  fn();
  double start = seconds();
  fn();
  const double once = std::max(seconds() - start, 1e-8);
  const int repeats = std::max(1, static_cast<int>(0.002 / once));
  double best = once;
  const double end = seconds() + 0.25;
  do {
    start = seconds();
    for (int i = 0; i < repeats; ++i) fn();
    best = std::min(best, (seconds() - start) / repeats);
  } while (seconds() < end);
  return best;
}

void print_peak() {
  for (const bench::Probe& probe : bench::probes()) {
    std::printf("peak of one core with %s: %.1f GFLOP/s\n", probe.isa, bench::peak(probe, 1));
  }
}

std::vector<float> filled(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  uint32_t state = 1;
  for (float& v : values) {
    state = state * 1664525u + 1013904223u;
    v = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

void measure(const IsaTable& isa, const Shape& s) {
  const bool a_transposed = s.flags.find('a') != std::string::npos;
  const bool b_transposed = s.flags.find('b') != std::string::npos;
  GemmProblem p;
  p.m = s.m, p.n = s.n, p.k = s.k;
  p.a_row = a_transposed ? 1 : s.k, p.a_col = a_transposed ? s.m : 1;
  p.b_row = b_transposed ? 1 : s.n, p.b_col = b_transposed ? s.k : 1;
  p.c_row = s.n;
  const GemmPlan plan = isa.gemm->plan(p);
  const std::vector<float> a = filled(s.m * s.k), b = filled(s.k * s.n);
  std::vector<float> c(static_cast<size_t>(s.m * s.n));
  void* workspace = std::aligned_alloc(64, plan.workspace + 64);
  uint32_t status = 0;
  int64_t offender = 0;
  const nacre::KernelContext context =
      nacre::make_context(&status, &offender, static_cast<char*>(workspace));
  const double time =
      best_time([&] { isa.gemm->run(plan, a.data(), b.data(), nullptr, c.data(), context); });
  const double flops =
      2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
  std::printf("%-9s %6lld x %6lld x %6lld %-2s %12.2f us %8.1f GFLOP/s\n", isa.name,
              static_cast<long long>(s.m), static_cast<long long>(s.k), static_cast<long long>(s.n),
              s.flags.c_str(), time * 1e6, flops / time * 1e-9);
  std::fflush(stdout);
  std::free(workspace);
}

const std::vector<Shape> kShapes = {
    {32, 784, 64, "-"},      {784, 32, 64, "a"},     {32, 64, 10, "-"},     {64, 32, 10, "a"},
    {32, 10, 64, "b"},       {1, 784, 64, "-"},      {32, 32, 32, "-"},     {64, 64, 64, "-"},
    {128, 128, 128, "-"},    {256, 256, 256, "-"},   {512, 512, 512, "-"},  {1024, 1024, 1024, "-"},
    {2048, 2048, 2048, "-"}, {512, 512, 512, "b"},   {512, 512, 512, "a"},  {1, 4096, 4096, "-"},
    {4096, 4096, 1, "-"},    {32, 1024, 1024, "-"},  {10000, 784, 64, "-"}, {784, 10000, 64, "a"},
    {16, 100000, 16, "a"},   {100, 100, 10000, "-"},
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<Shape> shapes;
  std::string only;
  for (int i = 1; i < argc;) {
    if (std::strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
      nacre::ThreadPool::instance().set_threads(std::atoi(argv[i + 1]));
      i += 2;
    } else if (std::strcmp(argv[i], "--isa") == 0 && i + 1 < argc) {
      only = argv[i + 1];
      i += 2;
    } else if (i + 2 < argc) {
      shapes.push_back(
          {std::atoll(argv[i]), std::atoll(argv[i + 1]), std::atoll(argv[i + 2]), "-"});
      i += 3;
      if (i < argc && std::strspn(argv[i], "ab-") == std::strlen(argv[i])) {
        shapes.back().flags = argv[i++];
      }
    } else {
      std::fprintf(stderr, "usage: bench_gemm [--threads N] [--isa NAME] [M K N [flags]] ...\n");
      return 2;
    }
  }
  std::printf("%d threads\n", nacre::ThreadPool::instance().threads());
  print_peak();
  for (const IsaTable* isa : nacre::cpu::available_isas()) {
    if (!only.empty() && only != isa->name) continue;
    for (const Shape& shape : shapes.empty() ? kShapes : shapes) measure(*isa, shape);
  }
  return 0;
}
