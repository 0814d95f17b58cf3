#include "graph/variable.h"

#include <cstring>
#include <mutex>
#include <shared_mutex>

#include "core/error.h"

namespace nacre {
namespace {
std::atomic<int64_t> g_variable_bytes{0};
}  // namespace

int64_t variable_bytes() { return g_variable_bytes.load(); }

Variable::Variable(const Tensor& initial, std::string name)
    : name_(std::move(name)), spec_{initial.dtype(), initial.shape()} {
  home_ = &find_backend("cpu");
  data_ = home_->allocate(spec_.bytes());
  home_->copy_in(data_, initial.data(), spec_.bytes());
  g_variable_bytes += static_cast<int64_t>(spec_.bytes());
}

Variable::~Variable() {
  home_->release(data_, spec_.bytes());
  g_variable_bytes -= static_cast<int64_t>(spec_.bytes());
}

Tensor Variable::snapshot() {
  Tensor result = Tensor::empty(spec_.dtype, spec_.shape);
  std::shared_lock guard(lock_);
  home_->copy_out(result.mutable_data(), data_, spec_.bytes());
  return result;
}

void Variable::assign(const Tensor& value) {
  if (value.dtype() != spec_.dtype || value.shape() != spec_.shape) {
    throw ValueError("Variable \"" + name_ + "\": expected a value of shape " +
                     shape_str(spec_.shape) + " and dtype " +
                     std::string(dtype_name(spec_.dtype)) + ". Received shape " +
                     shape_str(value.shape()) + ", dtype " +
                     std::string(dtype_name(value.dtype())) + ".");
  }
  std::unique_lock guard(lock_);
  home_->copy_in(data_, value.data(), spec_.bytes());
  touched();
}

void Variable::assign_zeros() {
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
