#include "graph/variable.h"

#include <pthread.h>

#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <unordered_set>

#include "core/error.h"

namespace nacre {
namespace {

std::atomic<int64_t> g_variable_bytes{0};
thread_local const HeldVariables* t_held = nullptr;

// The live Variables, whose locks a child of fork() has to free: the threads that held them are not
// there any more. Never destroyed, as Variables may outlive everything else.
struct Registry {
  std::mutex mutex;
  std::unordered_set<Variable*> live;
};

Registry& registry() {
  static Registry& instance = [&]() -> Registry& {
    pthread_atfork(
        [] {
          registry().mutex.lock();
          commit_lock().lock();
        },
        [] {
          commit_lock().unlock();
          registry().mutex.unlock();
        },
        [] {
          commit_lock().reset();
          for (Variable* variable : registry().live) {
            if (!variable->held_here()) variable->lock().reset();
          }
          registry().mutex.unlock();
        });
    return *new Registry;
  }();
  return instance;
}

}  // namespace

RwLock& commit_lock() {
  static RwLock lock;
  return lock;
}

HeldVariables::HeldVariables(const std::vector<VariablePtr>& variables)
    : variables_(variables), outer_(t_held) {
  t_held = this;
}
HeldVariables::~HeldVariables() { t_held = outer_; }
bool HeldVariables::any() { return t_held != nullptr; }

bool HeldVariables::held_by(const HeldVariables* held, const Variable& variable) {
  for (; held; held = held->outer_) {
    for (const VariablePtr& each : held->variables_) {
      if (each.get() == &variable) return true;
    }
  }
  return false;
}

bool Variable::held_here() const { return HeldVariables::held_by(t_held, *this); }

void Variable::require_not_held() const {
  if (!held_here()) return;
  throw ValueError(
      "Variable \"" + name_ +
      "\": cannot be written in the middle of a step that uses it (by a signal handler).");
}

int64_t variable_bytes() { return g_variable_bytes.load(); }

Variable::Variable(const Tensor& initial, std::string name)
    : name_(std::move(name)), spec_{initial.dtype(), initial.shape()} {
  home_ = &find_backend("cpu");
  data_ = home_->allocate(spec_.bytes());
  home_->copy_in(data_, initial.data(), spec_.bytes());
  g_variable_bytes += static_cast<int64_t>(spec_.bytes());
  const std::lock_guard guard(registry().mutex);
  registry().live.insert(this);
}

Variable::~Variable() {
  {
    const std::lock_guard guard(registry().mutex);
    registry().live.erase(this);
  }
  home_->release(data_, spec_.bytes());
  g_variable_bytes -= static_cast<int64_t>(spec_.bytes());
}

Tensor Variable::snapshot() {
  Tensor result = Tensor::empty(spec_.dtype, spec_.shape);
  std::shared_lock guard(lock_, std::defer_lock);
  if (!held_here()) guard.lock();
  home_->copy_out(result.mutable_data(), data_, spec_.bytes());
  return result;
}

void Variable::assign(const Tensor& value) {
  if (value.dtype() != spec_.dtype || value.shape() != spec_.shape) {
    throw ValueError("Variable \"" + name_ + "\": expected a value of shape " +
                     shape_str(spec_.shape) + " and dtype " + std::string(dtype_name(spec_.dtype)) +
                     ". Received shape " + shape_str(value.shape()) + ", dtype " +
                     std::string(dtype_name(value.dtype())) + ".");
  }
  require_not_held();
  std::unique_lock guard(lock_);
  home_->copy_in(data_, value.data(), spec_.bytes());
  touched();
}

void Variable::assign_zeros() {
  require_not_held();
  std::unique_lock guard(lock_);
  if (home_->host) {
    std::memset(data_, 0, spec_.bytes());
  } else {
    home_->copy_in(data_, Tensor::zeros(spec_.dtype, spec_.shape).data(), spec_.bytes());
  }
  touched();
}

void Variable::move_to(const BackendTable& backend) {
  if (home_ == &backend) return;
  const size_t bytes = spec_.bytes();
  void* fresh = backend.allocate(bytes);
  if (home_->host) {
    backend.copy_in(fresh, data_, bytes);
  } else if (backend.host) {
    home_->copy_out(fresh, data_, bytes);
  } else {
    Tensor staging = Tensor::empty(spec_.dtype, spec_.shape);
    home_->copy_out(staging.mutable_data(), data_, bytes);
    backend.copy_in(fresh, staging.data(), bytes);
  }
  home_->release(data_, bytes);
  home_ = &backend;
  data_ = fresh;
}

}  // namespace nacre
