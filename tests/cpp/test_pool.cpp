#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "parallel/thread_pool.h"
#include "parallel/topology.h"

namespace nacre {
namespace {

KernelContext context() {
  static uint32_t status = 0;
  static int64_t offender = 0;
  return make_context(&status, &offender, nullptr);
}

// Every chunk runs exactly once.
void check_coverage(int64_t chunks) {
  std::vector<std::atomic<int>> count(static_cast<size_t>(chunks));
  parallel_for(context(), chunks, [&](int64_t i) { count[static_cast<size_t>(i)] += 1; });
  for (const auto& c : count) CHECK_EQ(c.load(), 1);
}

TEST(usable_cores_is_positive) { CHECK(usable_cores() >= 1); }

TEST(every_chunk_runs_once) {
  for (const int threads : {1, 2, 3, 5, 8}) {
    ThreadPool::instance().set_threads(threads);
    CHECK_EQ(context().threads, threads);
    for (const int64_t chunks : {0, 1, 2, 3, 7, 64, 1000}) check_coverage(chunks);
  }
}

TEST(many_small_jobs) {
  ThreadPool::instance().set_threads(3);
  std::atomic<int64_t> total{0};
  for (int job = 0; job < 20000; ++job) {
    parallel_for(context(), 4, [&](int64_t i) { total.fetch_add(i + 1); });
  }
  CHECK_EQ(total.load(), int64_t{200000});
}

TEST(jobs_after_sleep) {
  ThreadPool::instance().set_threads(4);
  for (int round = 0; round < 10; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    check_coverage(16);
  }
}

TEST(work_is_shared) {
  ThreadPool::instance().set_threads(4);
  std::mutex mutex;
  std::set<std::thread::id> seen;
  parallel_for(context(), 32, [&](int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  CHECK(seen.size() > 1);
  CHECK(seen.size() <= 4);
}

TEST(nested_jobs_run_inline) {
  ThreadPool::instance().set_threads(3);
  std::atomic<int> total{0};
  std::atomic<int> moved{0};
  parallel_for(context(), 6, [&](int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(context(), 5, [&](int64_t) {
      total += 1;
      moved += std::this_thread::get_id() != outer;
    });
  });
  CHECK_EQ(total.load(), 30);
  CHECK_EQ(moved.load(), 0);
}

TEST(concurrent_callers) {
  ThreadPool::instance().set_threads(2);
  std::atomic<int64_t> total{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 16; ++c) {
    callers.emplace_back([&] {
      for (int job = 0; job < 500; ++job) {
        parallel_for(context(), 8, [&](int64_t i) { total.fetch_add(i); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK_EQ(total.load(), int64_t{16} * 500 * 28);
}

TEST(resize_while_others_work) {
  std::atomic<bool> stop{false};
  std::atomic<int64_t> jobs{0};
  std::thread caller([&] {
    while (!stop.load()) {
      std::atomic<int> count{0};
      parallel_for(context(), 10, [&](int64_t) { count += 1; });
      CHECK_EQ(count.load(), 10);
      jobs += 1;
    }
  });
  for (int i = 0; i < 30; ++i) ThreadPool::instance().set_threads(1 + i % 5);
  while (jobs.load() < 10) std::this_thread::yield();
  stop.store(true);
  caller.join();
}

TEST(denormals_are_flushed_only_where_asked) {
  const auto smallest_times_half = [] {
    volatile float smallest = 1.2e-38f;
    return smallest * 0.5f;
  };
  KernelContext flushing = make_flushing_context(nullptr, nullptr, nullptr);
  const int before = ThreadPool::instance().threads();
  ThreadPool::instance().set_threads(3);
  std::vector<float> flushed(64, 1), kept(64, 0);
  parallel_for(flushing, 64,
               [&](int64_t chunk) { flushed[static_cast<size_t>(chunk)] = smallest_times_half(); });
  parallel_for(context(), 64,
               [&](int64_t chunk) { kept[static_cast<size_t>(chunk)] = smallest_times_half(); });
  ThreadPool::instance().set_threads(before);
  for (float value : flushed) CHECK_EQ(value, 0.0f);
  for (float value : kept) CHECK(value > 0.0f);
  CHECK(smallest_times_half() > 0.0f);
}

TEST(bad_size_is_refused) {
  CHECK_THROWS(ValueError, "Received: 0", ThreadPool::instance().set_threads(0));
}

TEST(child_of_fork_starts_afresh) {
  ThreadPool::instance().set_threads(3);
  check_coverage(8);  // workers exist
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    std::atomic<int> count{0};
    for (int job = 0; job < 100; ++job) {
      parallel_for(context(), 8, [&](int64_t) { count += 1; });
    }
    _exit(count.load() == 800 && ThreadPool::instance().threads() == 3 ? 0 : 1);
  }
  int status = -1;
  CHECK_EQ(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check_coverage(8);  // the parent's pool is unharmed
}

}  // namespace
}  // namespace nacre
