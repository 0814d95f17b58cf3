#pragma once

// A kernel of the CPU backend against the same op of the reference backend, for every instruction
// set, and against itself on other numbers of threads.

#include <algorithm>

#include "kernel_case.h"
#include "kernels/cpu/entries.h"
#include "kernels/reference/reference.h"

namespace nacre::check {

inline Result run_reference(std::string_view op, const Attrs& attrs,
                            const std::vector<Tensor>& inputs,
                            const std::vector<TensorSpec>& outputs) {
  const BackendTable& backend = reference_backend();
  Result result;
  const OpEntry* entry = entry_of(backend.entries(), op);
  if (!entry) {
    result.refused = "no entry";
    return result;
  }
  std::vector<TensorSpec> specs;
  for (const Tensor& t : inputs) specs.push_back(spec_of(t));
  const OpCase op_case{op, attrs, specs, outputs};
  result.refused = entry->refuse(op_case);
  if (!result.refused.empty()) return result;
  const Kernel kernel = entry->prepare(op_case);
  std::vector<void*> in, out;
  for (const Tensor& t : inputs) {
    in.push_back(backend.allocate(t.bytes()));
    backend.copy_in(in.back(), t.data(), t.bytes());
  }
  for (const TensorSpec& spec : outputs) out.push_back(backend.allocate(spec.bytes()));
  void* workspace = backend.allocate(kernel.workspace);
  TestContext test(1);
  test.context.workspace = static_cast<char*>(workspace);
  const std::vector<const void*> constant(in.begin(), in.end());
  kernel.fn(kernel.params.get(), constant.data(), out.data(), test.context);
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor t = Tensor::empty(outputs[i].dtype, outputs[i].shape);
    backend.copy_out(t.mutable_data(), out[i], t.bytes());
    result.outputs.push_back(t);
    backend.release(out[i], t.bytes());
  }
  for (size_t i = 0; i < in.size(); ++i) backend.release(in[i], inputs[i].bytes());
  backend.release(workspace, kernel.workspace);
  result.status = test.status;
  return result;
}

// Largest error over the largest magnitude among the finite ones; infinite when they disagree.
inline double relative_error(const Tensor& a, const Tensor& b) {
  double largest = 1e-30, error = 0;
  for (int64_t i = 0; i < a.count(); ++i) {
    const double x = value_at(a, i), y = value_at(b, i);
    if (x == y || (std::isnan(x) && std::isnan(y))) {
      if (std::isfinite(y)) largest = std::max(largest, std::fabs(y));
      continue;
    }
    if (!std::isfinite(x) || !std::isfinite(y)) return INFINITY;
    largest = std::max(largest, std::fabs(y));
    error = std::max(error, std::fabs(x - y));
  }
  return error / largest;
}

inline std::string shape_text(const Tensor& t) {
  std::string text(dtype_name(t.dtype()));
  text += "(";
  for (const int64_t d : t.shape()) text += std::to_string(d) + ",";
  return text + ")";
}

// `tolerance` is relative to the largest value; exact dtypes must agree bit for bit.
inline void compare(std::string_view op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                    const std::vector<TensorSpec>& outputs, double tolerance) {
  std::string what = std::string(op) + " " + attrs.key();
  for (const Tensor& t : inputs) what += " " + shape_text(t);
  const Result expected = run_reference(op, attrs, inputs, outputs);
  if (!expected.refused.empty()) {
    fail(__FILE__, __LINE__, what + ": reference: " + expected.refused);
    return;
  }
  for_each_isa([&](const char* isa) {
    const Result one = run_op(cpu::kernel_entries(), op, attrs, inputs, outputs, 1);
    if (!one.refused.empty()) {
      fail(__FILE__, __LINE__, what + ": " + one.refused);
      return;
    }
    if (one.status != expected.status) fail(__FILE__, __LINE__, what + ": status");
    for (size_t i = 0; i < outputs.size(); ++i) {
      const bool exact = !is_floating(outputs[i].dtype);
      const double limit = exact ? 0 : outputs[i].dtype == DType::Float64 ? 1e-12 : tolerance;
      const double error = relative_error(one.outputs[i], expected.outputs[i]);
      if (!(error <= limit)) {
        fail(__FILE__, __LINE__,
             what + " output " + std::to_string(i) + " on " + isa + ": error " +
                 std::to_string(error * 1e6) + "e-6");
      }
    }
    for (const int threads : {2, 3, 5}) {
      const Result many = run_op(cpu::kernel_entries(), op, attrs, inputs, outputs, threads);
      for (size_t i = 0; i < outputs.size(); ++i) {
        if (!same_bits(one.outputs[i], many.outputs[i])) {
          fail(__FILE__, __LINE__,
               what + ": other bits on " + std::to_string(threads) + " threads");
        }
      }
    }
  });
}

using Ints = std::vector<int64_t>;

}  // namespace nacre::check
