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

  // A copy of the value. Takes the lock.
  Tensor snapshot();
  // Replaces the value; the tensor must have this dtype and shape. Takes the lock.
  void assign(const Tensor& value);
  void assign_zeros();

  // The rest is for programs, which hold the lock while they use the memory.
  RwLock& lock() { return lock_; }
  bool at_home(const BackendTable& backend) const { return home_ == &backend; }
  void move_to(const BackendTable& backend);  // needs the exclusive lock
  void* data() { return data_; }
  void touched() { version_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::string name_;
  TensorSpec spec_;
  RwLock lock_;
  const BackendTable* home_ = nullptr;
  void* data_ = nullptr;
  std::atomic<uint64_t> version_{0};
};

using VariablePtr = std::shared_ptr<Variable>;

// Bytes held by all live variables.
int64_t variable_bytes();

}  // namespace nacre
