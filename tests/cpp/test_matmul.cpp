#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "core/attrs.h"
#include "core/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"
#include "parallel/thread_pool.h"

namespace nacre::cpu {
namespace {

using check::Random;
using Dims = std::vector<int64_t>;

const OpEntry& entry_of(const std::string& op) {
  for (const OpEntry& entry : matmul_entries()) {
    if (op == entry.op) return entry;
  }
  throw InternalError("no entry " + op);
}

struct Call {
  std::string op = "matmul";
  Attrs attrs;
  std::vector<TensorSpec> inputs, outputs;
  OpCase op_case() const { return {op, attrs, inputs, outputs}; }
};

template <class T>
std::vector<T> run(const Call& call, const std::vector<std::vector<T>>& operands) {
  const OpEntry& entry = entry_of(call.op);
  CHECK_EQ(entry.refuse(call.op_case()), "");
  const Kernel kernel = entry.prepare(call.op_case());
  std::vector<T> out(static_cast<size_t>(call.outputs[0].count()));
  void* workspace = std::aligned_alloc(64, kernel.workspace + 64);
  uint32_t status = 0;
  int64_t offender = 0;
  std::vector<const void*> inputs;
  for (const auto& operand : operands) inputs.push_back(operand.data());
  void* output = out.data();
  kernel.fn(kernel.params.get(), inputs.data(), &output,
            make_context(&status, &offender, static_cast<char*>(workspace)));
  std::free(workspace);
  return out;
}

Dims broadcast(const Dims& a, const Dims& b) {
  Dims out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    out[out.size() - 1 - i] = x == 1 ? y : x;
  }
  return out;
}

// Where item `index` of the result's leading dimensions lies in an operand with dimensions `lead`.
int64_t item_of(int64_t index, const Dims& out, const Dims& lead) {
  int64_t item = 0, scale = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t size = out[out.size() - 1 - i];
    const int64_t coordinate = index % size;
    index /= size;
    if (i >= lead.size()) continue;
    const int64_t own = lead[lead.size() - 1 - i];
    if (own != 1) item += coordinate * scale;
    scale *= own;
  }
  return item;
}

double activated(double v, const std::string& activation) {
  if (activation == "relu") return v < 0 ? 0 : v;
  if (activation == "sigmoid") return 1 / (1 + std::exp(-v));
  if (activation == "tanh") return std::tanh(v);
  return v;
}

template <class T>
void check_case(DType dtype, const Dims& a_lead, const Dims& b_lead, int64_t m, int64_t n,
                int64_t k, bool transpose_a, bool transpose_b, bool has_bias,
                const std::string& activation) {
  Random random(static_cast<uint64_t>(m * 31 + n * 7 + k));
  const auto fill = [&](int64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    for (T& v : values) {
      v = is_floating(dtype) ? static_cast<T>(random.uniform())
                             : static_cast<T>(random.integer(0, 3));
    }
    return values;
  };
  const auto with = [](Dims lead, int64_t rows, int64_t cols) {
    lead.push_back(rows);
    lead.push_back(cols);
    return lead;
  };
  const Dims lead = broadcast(a_lead, b_lead);
  Call call;
  call.op = has_bias || activation != "none" ? "cpu.matmul" : "matmul";
  call.attrs.set("transpose_a", transpose_a);
  call.attrs.set("transpose_b", transpose_b);
  if (call.op == "cpu.matmul") {
    call.attrs.set("has_bias", has_bias);
    call.attrs.set("activation", activation);
  }
  const Dims a_shape = transpose_a ? with(a_lead, k, m) : with(a_lead, m, k);
  const Dims b_shape = transpose_b ? with(b_lead, n, k) : with(b_lead, k, n);
  call.inputs = {{dtype, a_shape}, {dtype, b_shape}};
  if (has_bias) call.inputs.push_back({dtype, {n}});
  call.outputs = {{dtype, with(lead, m, n)}};
  std::vector<std::vector<T>> operands = {fill(element_count(a_shape)),
                                          fill(element_count(b_shape))};
  if (has_bias) operands.push_back(fill(n));
  const std::vector<T> c = run<T>(call, operands);
  double worst = 0;
  for (int64_t item = 0; item < element_count(lead); ++item) {
    const T* a = operands[0].data() + item_of(item, lead, a_lead) * m * k;
    const T* b = operands[1].data() + item_of(item, lead, b_lead) * k * n;
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = has_bias ? static_cast<double>(operands[2][static_cast<size_t>(j)]) : 0;
        for (int64_t q = 0; q < k; ++q) {
          sum += static_cast<double>(transpose_a ? a[q * m + i] : a[i * k + q]) *
                 static_cast<double>(transpose_b ? b[j * k + q] : b[q * n + j]);
        }
        const auto got = static_cast<double>(c[static_cast<size_t>((item * m + i) * n + j)]);
        worst = std::fmax(worst, std::fabs(got - activated(sum, activation)));
      }
    }
  }
  const double tolerance = dtype == DType::Float32 ? 1e-5 : dtype == DType::Float64 ? 1e-13 : 0;
  CHECK_NEAR(worst, 0, tolerance);
}

const char* const kActivations[] = {"none", "relu", "sigmoid", "tanh"};

TEST(ranks_transpositions_and_broadcasting) {
  ThreadPool::instance().set_threads(2);
  const Dims leads[] = {{}, {3}, {1}, {2, 3}, {2, 1}, {4, 2, 3}, {1, 2, 1}};
  const std::string before = active_isa().name;
  for (const IsaTable* isa : available_isas()) {
    set_isa(isa->name);
    int index = 0;
    for (const Dims& a : leads) {
      for (const Dims& b : leads) {
        for (const int64_t n : {1, 5, 33}) {
          ++index;
          check_case<float>(DType::Float32, a, b, 1 + index % 4, n, 6 + index % 3, index % 2 != 0,
                            index % 3 != 0, index % 5 == 0, kActivations[index % 4]);
        }
      }
    }
  }
  set_isa(before);
}

TEST(other_dtypes) {
  for (const bool transpose_a : {false, true}) {
    for (const bool transpose_b : {false, true}) {
      for (const int64_t n : {1, 7, 600}) {
        check_case<double>(DType::Float64, {2, 1}, {3}, 5, n, 70, transpose_a, transpose_b, true,
                           kActivations[n % 4]);
        check_case<int32_t>(DType::Int32, {3}, {}, 90, n, 20, transpose_a, transpose_b, true,
                            "relu");
        check_case<int64_t>(DType::Int64, {}, {2}, 4, n, 20, transpose_a, transpose_b, false,
                            "none");
      }
    }
  }
}

TEST(integers_wrap) {
  Call call;
  call.attrs.set("transpose_a", false);
  call.attrs.set("transpose_b", false);
  call.inputs = {{DType::Int32, {1, 2}}, {DType::Int32, {2, 1}}};
  call.outputs = {{DType::Int32, {1, 1}}};
  const auto c = run<int32_t>(call, {{INT32_MAX, 2}, {2, 3}});
  CHECK_EQ(c[0], 4);
}

TEST(empty_dimensions) {
  check_case<float>(DType::Float32, {2}, {}, 3, 4, 0, false, false, true, "sigmoid");
  check_case<float>(DType::Float32, {0}, {}, 3, 4, 5, false, true, false, "none");
  check_case<float>(DType::Float32, {0, 2}, {1, 2}, 3, 4, 5, true, true, true, "relu");
  check_case<double>(DType::Float64, {2}, {2}, 3, 4, 0, false, true, true, "none");
  check_case<double>(DType::Float64, {2}, {2}, 0, 4, 3, false, true, true, "none");
}

TEST(refusals_say_why) {
  Call call;
  call.attrs.set("transpose_a", false);
  call.attrs.set("transpose_b", false);
  call.inputs = {{DType::Float16, {2, 2}}, {DType::Float16, {2, 2}}};
  call.outputs = {{DType::Float16, {2, 2}}};
  CHECK_EQ(entry_of("matmul").refuse(call.op_case()), "matmul: no cpu kernel for float16");
}

}  // namespace
}  // namespace nacre::cpu
