#pragma once

#include <atomic>
#include <cstdint>

namespace nacre {

// A small reader-writer lock: one word, a few nanoseconds when nobody competes, and it sleeps in
// the kernel when someone does. A waiting writer keeps new readers out, so that a stream of
// predictions cannot starve training.
class RwLock {
 public:
  void lock_shared() {
    for (;;) {
      uint32_t state = state_.load(std::memory_order_relaxed);
      if (!(state & (kWriter | kPending)) &&
          state_.compare_exchange_weak(state, state + kReader, std::memory_order_acquire)) {
        return;
      }
      if (state & (kWriter | kPending)) state_.wait(state, std::memory_order_relaxed);
    }
  }

  void unlock_shared() {
    const uint32_t before = state_.fetch_sub(kReader);
    if ((before & kPending) && before / kReader == 1) state_.notify_all();
  }

  void lock() {
    for (;;) {
      uint32_t state = state_.load(std::memory_order_relaxed);
      if (!(state & kWriter) && state < kReader) {
        if (state_.compare_exchange_weak(state, kWriter, std::memory_order_acquire)) return;
        continue;
      }
      if (!(state & kPending)) {
        if (!state_.compare_exchange_weak(state, state | kPending, std::memory_order_relaxed)) {
          continue;
        }
        state |= kPending;
      }
      state_.wait(state, std::memory_order_relaxed);
    }
  }

  void unlock() {
    // An exchange, not a release store: libstdc++'s notify_all makes no system call when it counts
    // no waiters, and that count could be read before a plain store is seen by one who is about to
    // sleep.
    state_.exchange(0);
    state_.notify_all();
  }

  // For the child of a fork, where whoever held the lock does not exist.
  void reset() { state_.store(0); }

 private:
  static constexpr uint32_t kWriter = 1, kPending = 2, kReader = 4;
  std::atomic<uint32_t> state_{0};
};

}  // namespace nacre
