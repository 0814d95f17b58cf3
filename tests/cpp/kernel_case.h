#pragma once

// Runs one kernel of a list of entries on tensors, on as many threads as asked for.

#include <atomic>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "core/kernel_context.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "kernels/backend.h"
#include "kernels/cpu/isa.h"

namespace nacre::check {

// Threads made for each parallel call: slow, and without state.
struct TestContext {
  explicit TestContext(int threads) {
    context.parallel = [](const KernelContext& self, int64_t chunks, void (*fn)(void*, int64_t),
                          void* arg) {
      std::atomic<int64_t> next{0};
      auto work = [&] {
        for (int64_t i; (i = next.fetch_add(1)) < chunks;) fn(arg, i);
      };
      std::vector<std::thread> workers;
      for (int i = 1; i < self.threads; ++i) workers.emplace_back(work);
      work();
      for (std::thread& worker : workers) worker.join();
    };
    context.pool = nullptr;
    context.threads = threads;
    context.status = &status;
    context.offender = &offender;
    context.workspace = nullptr;
  }
  KernelContext context{};
  uint32_t status = 0;
  int64_t offender = 0;
};

inline void run_kernel(const Kernel& kernel, std::span<const Tensor> inputs,
                       std::span<Tensor> outputs, TestContext& test) {
  HostBlock workspace(allocate_host(kernel.workspace + 64));
  std::memset(workspace.get(), 0xff, kernel.workspace);  // NaN wherever it is not written
  test.context.workspace = static_cast<char*>(workspace.get());
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Tensor& t : inputs) in.push_back(t.data());
  for (Tensor& t : outputs) out.push_back(t.mutable_data());
  kernel.fn(kernel.params.get(), in.data(), out.data(), test.context);
}

inline const OpEntry* entry_of(std::span<const OpEntry> entries, std::string_view op) {
  for (const OpEntry& entry : entries) {
    if (op == entry.op) return &entry;
  }
  return nullptr;
}

struct Result {
  std::vector<Tensor> outputs;
  uint32_t status = 0;
  std::string refused;
};

inline TensorSpec spec_of(const Tensor& t) { return {t.dtype(), t.shape()}; }

inline Result run_op(std::span<const OpEntry> entries, std::string_view op, const Attrs& attrs,
                     const std::vector<Tensor>& inputs, const std::vector<TensorSpec>& outputs,
                     int threads = 1) {
  Result result;
  const OpEntry* entry = entry_of(entries, op);
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
  for (const TensorSpec& spec : outputs) {
    Tensor t = Tensor::empty(spec.dtype, spec.shape);
    std::memset(t.mutable_data(), 0xee, t.bytes());
    result.outputs.push_back(t);
  }
  TestContext test(threads);
  run_kernel(kernel, inputs, result.outputs, test);
  result.status = test.status;
  return result;
}

inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

// The tensor's elements from a list, converted.
inline Tensor tensor_of(DType dtype, std::vector<int64_t> shape, const std::vector<double>& values);

inline double value_at(const Tensor& t, int64_t i) {
  switch (t.dtype()) {
    case DType::Float32:
      return t.data_as<float>()[i];
    case DType::Float64:
      return t.data_as<double>()[i];
    case DType::Int32:
      return t.data_as<int32_t>()[i];
    case DType::UInt32:
      return t.data_as<uint32_t>()[i];
    case DType::Int64:
      return static_cast<double>(t.data_as<int64_t>()[i]);
    case DType::UInt64:
      return static_cast<double>(t.data_as<uint64_t>()[i]);
    case DType::Int16:
      return t.data_as<int16_t>()[i];
    case DType::UInt16:
      return t.data_as<uint16_t>()[i];
    case DType::Int8:
      return t.data_as<int8_t>()[i];
    case DType::Bool:
    case DType::UInt8:
      return t.data_as<uint8_t>()[i];
    default:
      return std::nan("");
  }
}

inline Tensor tensor_of(DType dtype, std::vector<int64_t> shape,
                        const std::vector<double>& values) {
  Tensor t = Tensor::empty(dtype, std::move(shape));
  const size_t size = dtype_size(dtype);
  for (int64_t i = 0; i < t.count(); ++i) {
    const Tensor one = Tensor::scalar(values[static_cast<size_t>(i) % values.size()], dtype);
    std::memcpy(t.mutable_data_as<char>() + static_cast<size_t>(i) * size, one.data(), size);
  }
  return t;
}

inline Tensor random_tensor(Random& random, DType dtype, std::vector<int64_t> shape,
                            double low = -1, double high = 1) {
  Tensor t = Tensor::empty(dtype, std::move(shape));
  const size_t size = dtype_size(dtype);
  for (int64_t i = 0; i < t.count(); ++i) {
    const double v = random.uniform(low, high);
    if (dtype == DType::Float32) {
      t.mutable_data_as<float>()[i] = static_cast<float>(v);
    } else if (dtype == DType::Float64) {
      t.mutable_data_as<double>()[i] = v;
    } else {
      const Tensor one = Tensor::scalar(dtype == DType::Bool ? v > 0 : std::floor(v), dtype);
      std::memcpy(t.mutable_data_as<char>() + static_cast<size_t>(i) * size, one.data(), size);
    }
  }
  return t;
}

// Runs `body` under every instruction set of this machine.
template <class Body>
void for_each_isa(Body body) {
  const std::string before = cpu::active_isa().name;
  for (const cpu::IsaTable* isa : cpu::available_isas()) {
    cpu::set_isa(isa->name);
    body(isa->name);
  }
  cpu::set_isa(before);
}

}  // namespace nacre::check
