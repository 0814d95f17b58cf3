#pragma once

// Runs one op on the reference backend.

#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "core/error.h"
#include "core/tensor.h"
#include "kernels/reference/reference.h"

namespace nacre::check {

inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

using Shape64 = std::vector<int64_t>;
using Values = std::vector<double>;
using Ints = std::vector<int64_t>;

// A tensor of those values, converted to the dtype.
inline Tensor make(DType dtype, Shape64 shape, const Values& values) {
  Tensor result = Tensor::empty(dtype, std::move(shape));
  const size_t size = dtype_size(dtype);
  auto* to = static_cast<char*>(result.mutable_data());
  for (double value : values) {
    const Tensor element = Tensor::scalar(value, dtype);
    for (size_t i = 0; i < size; ++i) *to++ = static_cast<const char*>(element.data())[i];
  }
  return result;
}

inline Values values_of(const Tensor& tensor) {
  Values values;
  const size_t size = dtype_size(tensor.dtype());
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const char* element = static_cast<const char*>(tensor.data()) + i * int64_t(size);
    values.push_back(Tensor::from_bytes(element, tensor.dtype(), {}).item_as_double());
  }
  return values;
}

struct Outcome {
  std::string refused;  // the reason, when the backend has no kernel for the case
  Tensor result;
  uint32_t status = 0;
  int64_t offender = 0;
};

inline const OpEntry* reference_entry(std::string_view op) {
  for (const OpEntry& entry : reference_backend().entries()) {
    if (entry.op == op) return &entry;
  }
  return nullptr;
}

inline Outcome run(std::string_view op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                   DType dtype, Shape64 shape) {
  const BackendTable& backend = reference_backend();
  std::vector<TensorSpec> input_specs;
  for (const Tensor& tensor : inputs) input_specs.push_back({tensor.dtype(), tensor.shape()});
  const std::vector<TensorSpec> output_specs{{dtype, shape}};
  const OpCase op_case{op, attrs, input_specs, output_specs};
  const OpEntry* entry = reference_entry(op);
  if (!entry) return {"no entry for " + std::string(op), {}, 0, 0};
  Outcome outcome{entry->refuse(op_case), Tensor::empty(dtype, shape), 0, 0};
  if (!outcome.refused.empty()) return outcome;

  std::vector<const void*> operands;
  std::vector<std::pair<void*, size_t>> blocks;
  const auto allocate = [&](size_t bytes) {
    blocks.emplace_back(backend.allocate(bytes), bytes);
    return blocks.back().first;
  };
  for (const Tensor& tensor : inputs) {
    void* memory = allocate(tensor.bytes());
    backend.copy_in(memory, tensor.data(), tensor.bytes());
    operands.push_back(memory);
  }
  void* result = allocate(outcome.result.bytes());
  const Kernel kernel = entry->prepare(op_case);
  const KernelContext context{nullptr, nullptr, 1, &outcome.status, &outcome.offender, nullptr};
  kernel.fn(kernel.params.get(), operands.data(), &result, context);
  backend.copy_out(outcome.result.mutable_data(), result, outcome.result.bytes());
  for (const auto& [memory, bytes] : blocks) backend.release(memory, bytes);
  return outcome;
}

inline void compare(std::string_view op, const Outcome& outcome, const Values& expected,
                    double tolerance = 0) {
  const std::string name(op);
  if (!outcome.refused.empty()) return fail(name.c_str(), 0, "refused: " + outcome.refused);
  const Values found = values_of(outcome.result);
  if (found.size() != expected.size()) return fail(name.c_str(), 0, "number of elements");
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string text = name + "[" + std::to_string(i) + "]";
    check_near(found[i], expected[i], tolerance, text.c_str(), name.c_str(), 0);
  }
}

// The result equals those values, and no status bit is set.
inline void expect(std::string_view op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                   DType dtype, Shape64 shape, const Values& expected, double tolerance = 0) {
  const Outcome outcome = run(op, attrs, inputs, dtype, std::move(shape));
  compare(op, outcome, expected, tolerance);
  CHECK_EQ(outcome.status, 0u);
}

}  // namespace nacre::check
