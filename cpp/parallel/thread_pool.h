#pragma once

#include <cstdint>

#include "core/kernel_context.h"

namespace nacre {

// The process's pool of worker threads. Nothing starts before the first parallel job. One job runs
// at a time: whoever comes while the pool is busy, or from inside a job, runs its chunks itself.
// The caller works too, and never waits for a worker that has not begun. A child of fork() starts
// afresh.
class ThreadPool {
 public:
  static ThreadPool& instance();

  // Threads that a job may use, the caller among them. The default follows from NACRE_NUM_THREADS,
  // or from the processors that this process may use.
  int threads();
  // Throws ValueError unless threads >= 1. Waits for a job that is running.
  void set_threads(int threads);

  void run(int64_t chunks, void (*fn)(void* arg, int64_t chunk), void* arg);

 private:
  ThreadPool() = default;
};

// A context whose parallel loops use the pool.
KernelContext make_context(uint32_t* status, int64_t* offender, char* workspace);
// The same, with denormal numbers flushed to zero in every chunk.
KernelContext make_flushing_context(uint32_t* status, int64_t* offender, char* workspace);
// A context that runs everything on the calling thread.
KernelContext make_serial_context(uint32_t* status, int64_t* offender, char* workspace);

}  // namespace nacre
