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
    const uint32_t before = state_.fetch_sub(kReader, std::memory_order_release);
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
    state_.store(0, std::memory_order_release);
    state_.notify_all();  // libstdc++ makes no system call when nobody waits
  }

 private:
  static constexpr uint32_t kWriter = 1, kPending = 2, kReader = 4;
  std::atomic<uint32_t> state_{0};
};

}  // namespace nacre
