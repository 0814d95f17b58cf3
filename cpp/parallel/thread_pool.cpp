#include "parallel/thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/denormals.h"
#include "core/env.h"
#include "core/error.h"
#include "parallel/topology.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace nacre {
namespace {

using Clock = std::chrono::steady_clock;

// A worker that has run out of work looks for the next job this long before it sleeps: longer while
// jobs come one after another, since waking costs both sides some ten microseconds.
constexpr auto kShortSpin = std::chrono::microseconds(20);
constexpr auto kLongSpin = std::chrono::microseconds(300);
// Jobs closer together than this are a sequence.
constexpr auto kSequenceGap = std::chrono::microseconds(200);
// Pauses before a spinning thread lets others have its processor: about as long as the work between
// two parallel kernels of a small model's step, since a thread that is yielding notices late.
constexpr int kPausesBeforeYield = 1000;
// The caller waits for the last chunks this long before it sleeps.
constexpr auto kWaitSpin = std::chrono::microseconds(100);

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Looks at `ready` until it holds or the time is up: pauses first, then yields, so that a thread of
// another process on the same processor is not kept waiting.
template <class Ready>
bool spin(Clock::duration limit, Ready&& ready) {
  for (int i = 0; i < kPausesBeforeYield; ++i) {
    if (ready()) return true;
    pause();
  }
  const Clock::time_point end = Clock::now() + limit;
  do {
    for (int i = 0; i < 10; ++i) {
      if (ready()) return true;
      pause();
    }
    std::this_thread::yield();
  } while (Clock::now() < end);
  return ready();
}

thread_local bool inside_job = false;

int current_processor() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves this thread off a processor. The kernel likes to wake a worker on the processor of the
// thread that woke it, which then stands still until the scheduler notices.
void leave_processor(int processor) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return;
  if (processor < 0 || processor >= CPU_SETSIZE || !CPU_ISSET(processor, &set)) return;
  if (CPU_COUNT(&set) < 2) return;
  const cpu_set_t before = set;
  CPU_CLR(processor, &set);
  // The narrow mask moves the thread at once; the wide one leaves it free to move again.
  if (sched_setaffinity(0, sizeof(set), &set) == 0) sched_setaffinity(0, sizeof(before), &before);
#else
  (void)processor;
#endif
}

class Workers {
 public:
  explicit Workers(int count) {
    threads_.reserve(static_cast<size_t>(count));
    try {
      for (int i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system grants no more threads: those that exist, or the caller alone, do the work.
    }
  }

  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      stop_.store(true);
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  int count() const { return static_cast<int>(threads_.size()); }

  // Only one thread at a time may call this.
  void run(int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
    fn_ = fn;
    arg_ = arg;
    chunks_ = chunks;
    unfinished_.store(chunks, std::memory_order_relaxed);
    const Clock::time_point now = Clock::now();
    in_sequence_.store(now - last_job_ < kSequenceGap, std::memory_order_relaxed);
    caller_processor_.store(current_processor(), std::memory_order_relaxed);
    // Sequentially consistent, as is the counting of sleepers: one side always sees the other.
    unclaimed_.store(static_cast<uint64_t>(chunks) << 32);
    if (const int sleepers = sleepers_.load(); sleepers > 0) wake(chunks - 1, sleepers);
    take_chunks(false);
    wait_until_finished();
    last_job_ = Clock::now();
  }

 private:
  // Chunks that nobody has claimed: [low half, high half) of one word.
  static constexpr uint64_t kFront = 0xffffffffu, kBack = uint64_t{1} << 32;
  static bool empty(uint64_t range) { return (range & kFront) >= range >> 32; }

  void wake(int64_t wanted, int sleepers) {
    // A sleeper counts itself while it holds the mutex, before it waits.
    {
      const std::lock_guard lock(mutex_);
    }
    if (wanted >= sleepers) {
      wake_.notify_all();
    } else {
      for (int64_t i = 0; i < wanted; ++i) wake_.notify_one();
    }
  }

  // Runs chunks until none is left to claim, then reports them together. The caller claims from the
  // front and the workers from the back, so that in a sequence of jobs over the same data each
  // finds in its cache what it worked on before. The job's fields are read under a claim, and the
  // job ends only when every claimed chunk is reported, so they are stable, and what is reported
  // belongs to one job.
  void take_chunks(bool from_back) {
    uint64_t range = unclaimed_.load(std::memory_order_acquire);
    int64_t done = 0;
    inside_job = true;
    while (!empty(range)) {
      const uint64_t rest = from_back ? range - kBack : range + 1;
      if (!unclaimed_.compare_exchange_weak(range, rest, std::memory_order_acq_rel,
                                            std::memory_order_acquire)) {
        pause();
        continue;
      }
      fn_(arg_,
          from_back ? static_cast<int64_t>(rest >> 32) : static_cast<int64_t>(range & kFront));
      ++done;
      range = unclaimed_.load(std::memory_order_acquire);
    }
    inside_job = false;
    if (done > 0 && unfinished_.fetch_sub(done) == done) {
      if (caller_sleeps_.load()) {
        const std::lock_guard lock(mutex_);
        finished_.notify_one();
      }
    }
  }

  void wait_until_finished() {
    const auto finished = [this] { return unfinished_.load() == 0; };
    if (spin(kWaitSpin, finished)) return;
    std::unique_lock lock(mutex_);
    // Sequentially consistent with the count: the last worker sees the flag, or we see zero.
    caller_sleeps_.store(true);
    finished_.wait(lock, finished);
    caller_sleeps_.store(false);
  }

  void work() {
    for (;;) {
      const auto ready = [this] {
        return !empty(unclaimed_.load(std::memory_order_acquire)) ||
               stop_.load(std::memory_order_relaxed);
      };
      const bool sequence = in_sequence_.load(std::memory_order_relaxed);
      if (!spin(sequence ? kLongSpin : kShortSpin, ready)) sleep();
      if (stop_.load(std::memory_order_relaxed)) return;
      take_chunks(true);
    }
  }

  void sleep() {
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [this] { return !empty(unclaimed_.load()) || stop_.load(); });
    sleepers_.fetch_sub(1);
    lock.unlock();
    const int caller = caller_processor_.load(std::memory_order_relaxed);
    if (caller >= 0 && caller == current_processor()) leave_processor(caller);
  }

  // On lines of their own: the claims are contended, the rest is read by everyone.
  alignas(64) std::atomic<uint64_t> unclaimed_{0};  // first in the low half, end in the high
  alignas(64) std::atomic<int64_t> unfinished_{0};
  alignas(64) void (*fn_)(void*, int64_t) = nullptr;
  void* arg_ = nullptr;
  int64_t chunks_ = 0;
  std::atomic<bool> in_sequence_{false};
  std::atomic<int> caller_processor_{-1};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> stop_{false};
  Clock::time_point last_job_{};
  alignas(64) std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::vector<std::thread> threads_;
};

// Everything that fork() must not share. Never freed: workers may run until the process ends.
struct State {
  std::mutex busy;              // held by whoever runs a job
  std::atomic<int> threads{0};  // 0: not decided yet
  std::unique_ptr<Workers> workers;
};

std::atomic<State*> state_pointer{nullptr};
int threads_before_fork = 0;

// In the child only the forking thread exists: the workers are gone, locks may be held by nobody.
// The old state is abandoned and a new one is made when it is needed.
void after_fork_in_child() {
  const State* old = state_pointer.exchange(nullptr);
  threads_before_fork = old != nullptr ? old->threads.load() : 0;
  inside_job = false;
}

State& state() {
  State* current = state_pointer.load(std::memory_order_acquire);
  if (current != nullptr) return *current;
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, after_fork_in_child); });
  auto fresh = std::make_unique<State>();
  fresh->threads.store(threads_before_fork);
  if (state_pointer.compare_exchange_strong(current, fresh.get())) return *fresh.release();
  return *current;
}

int decide_threads(State& s) {
  int threads = s.threads.load(std::memory_order_relaxed);
  if (threads == 0) {
    threads = env_num_threads();
    if (threads == 0) threads = usable_cores();
    s.threads.store(threads, std::memory_order_relaxed);
  }
  return threads;
}

// More than a job's counters hold; no kernel cuts its work so finely.
constexpr int64_t kMaxChunks = int64_t{1} << 31;

void run_here(int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
  for (int64_t i = 0; i < chunks; ++i) fn(arg, i);
}

}  // namespace

ThreadPool& ThreadPool::instance() {
  static ThreadPool pool;
  return pool;
}

int ThreadPool::threads() { return decide_threads(state()); }

void ThreadPool::set_threads(int threads) {
  if (threads < 1) {
    throw ValueError("set_num_threads: expected at least 1. Received: " + std::to_string(threads));
  }
  State& s = state();
  const std::lock_guard lock(s.busy);
  s.threads.store(threads, std::memory_order_relaxed);
  if (s.workers != nullptr && s.workers->count() != threads - 1) s.workers.reset();
}

void ThreadPool::run(int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
  if (chunks <= 1 || inside_job || chunks > kMaxChunks) return run_here(chunks, fn, arg);
  State& s = state();
  const std::unique_lock lock(s.busy, std::try_to_lock);
  if (!lock.owns_lock()) return run_here(chunks, fn, arg);
  const int threads = decide_threads(s);
  if (threads <= 1) return run_here(chunks, fn, arg);
  if (s.workers == nullptr) s.workers.reset(new (std::nothrow) Workers(threads - 1));
  if (s.workers == nullptr || s.workers->count() == 0) return run_here(chunks, fn, arg);
  s.workers->run(chunks, fn, arg);
}

namespace {

void run_in_pool(const KernelContext&, int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
  ThreadPool::instance().run(chunks, fn, arg);
}

void run_flushing(const KernelContext&, int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
  struct Job {
    void (*fn)(void*, int64_t);
    void* arg;
  } job{fn, arg};
  const auto chunk = [](void* opaque, int64_t index) {
    const FlushDenormals flush;
    const Job& job = *static_cast<const Job*>(opaque);
    job.fn(job.arg, index);
  };
  ThreadPool::instance().run(chunks, chunk, &job);
}

void run_serially(const KernelContext&, int64_t chunks, void (*fn)(void*, int64_t), void* arg) {
  run_here(chunks, fn, arg);
}

}  // namespace

KernelContext make_context(uint32_t* status, int64_t* offender, char* workspace) {
  ThreadPool& pool = ThreadPool::instance();
  return {run_in_pool, &pool, pool.threads(), status, offender, workspace};
}

KernelContext make_flushing_context(uint32_t* status, int64_t* offender, char* workspace) {
  KernelContext context = make_context(status, offender, workspace);
  context.parallel = run_flushing;
  return context;
}

KernelContext make_serial_context(uint32_t* status, int64_t* offender, char* workspace) {
  return {run_serially, nullptr, 1, status, offender, workspace};
}

}  // namespace nacre
