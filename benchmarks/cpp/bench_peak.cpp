// Prints what independent multiply-adds reach: one line for each instruction set, its name and
// GFLOP/s on so many threads. It needs no library:
//
//   c++ -O2 -std=c++20 -ffp-contract=fast -pthread bench_peak.cpp
//
//   bench_peak [threads]

#include <cstdio>
#include <cstdlib>

#include "peak.h"

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1;
  if (argc > 2 || threads < 1) {
    std::fprintf(stderr, "usage: bench_peak [threads]\n");
    return 2;
  }
  for (const bench::Probe& probe : bench::probes()) {
    std::printf("%s %.1f\n", probe.isa, bench::peak(probe, threads));
  }
  return 0;
}
