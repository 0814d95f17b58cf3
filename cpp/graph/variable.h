#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/rwlock.h"
#include "core/tensor.h"
#include "kernels/backend.h"

namespace nacre {

// State that outlives a step: weights, statistics, optimizer slots, counters. Its memory belongs to
// one backend at a time and moves when a program of another backend runs.
class Variable {
 public:
  Variable(const Tensor& initial, std::string name);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  const std::string& name() const { return name_; }
  const TensorSpec& spec() const { return spec_; }
  // Counts writes, so that what is derived from the value can tell when it is stale.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // A copy of the value. Takes the lock, unless a run on this thread holds it already.
  Tensor snapshot();
  // Replaces the value; the tensor must have this dtype and shape. Takes the lock; throws
  // ValueError when a run on this thread holds it.
  void assign(const Tensor& value);
  void assign_zeros();

  // The rest is for programs, which hold the lock while they use the memory.
  RwLock& lock() { return lock_; }
  bool at_home(const BackendTable& backend) const { return home_ == &backend; }
  void move_to(const BackendTable& backend);  // needs the exclusive lock
  void* data() { return data_; }
  void touched() { version_.fetch_add(1, std::memory_order_acq_rel); }
  // Whether a run on the calling thread holds the lock: it may be asked from a signal handler,
  // which Python calls in the middle of a step.
  bool held_here() const;

 private:
  void require_not_held() const;

  std::string name_;
  TensorSpec spec_;
  RwLock lock_;
  const BackendTable* home_ = nullptr;
  void* data_ = nullptr;
  std::atomic<uint64_t> version_{0};
};

using VariablePtr = std::shared_ptr<Variable>;

// Says which Variables the calling thread has locked, while it lives.
class HeldVariables {
 public:
  explicit HeldVariables(const std::vector<VariablePtr>& variables);
  ~HeldVariables();
  HeldVariables(const HeldVariables&) = delete;
  HeldVariables& operator=(const HeldVariables&) = delete;
  static bool any();
  // Whether the thread held the Variable before this object said so.
  bool held_outside(const Variable& variable) const { return held_by(outer_, variable); }

 private:
  friend class Variable;
  static bool held_by(const HeldVariables* held, const Variable& variable);
  const std::vector<VariablePtr>& variables_;
  const HeldVariables* outer_;
};

// Held shared while a step writes its Variables, and exclusively while the process forks: the child
// sees whole steps only.
RwLock& commit_lock();

// Bytes held by all live variables.
int64_t variable_bytes();

}  // namespace nacre
