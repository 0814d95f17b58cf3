#include "kernels/cpu/matmul.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "kernels/cpu/epilogue.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_generic.h"
#include "kernels/cpu/isa.h"

namespace nacre::cpu {
namespace {

// What a prepared call keeps: a plan for float32, the bare problem for the other types.
struct MatmulCall {
  GemmPlan plan;
  GemmProblem problem;
  const GemmTable* table = nullptr;
  GenericGemm generic = nullptr;
  std::vector<int64_t> a_offsets, b_offsets;
};

std::string refuse(const OpCase& op) {
  const std::string name(op.op);
  const bool has_bias = flag_of(op, "has_bias");
  if (op.inputs.size() != (has_bias ? 3u : 2u) || op.outputs.size() != 1) {
    return name + ": expected " + (has_bias ? "three inputs" : "two inputs") + " and one output";
  }
  const TensorSpec& a = op.inputs[0];
  const TensorSpec& b = op.inputs[1];
  if (a.shape.size() < 2 || b.shape.size() < 2) return name + ": expected rank 2 or more";
  const DType dtype = a.dtype;
  for (const TensorSpec& input : op.inputs) {
    if (input.dtype != dtype) return name + ": expected operands of one dtype";
  }
  if (op.outputs[0].dtype != dtype) return name + ": expected a result of the operands' dtype";
  if (dtype != DType::Float32 && generic_gemm(dtype) == nullptr) {
    return name + ": no cpu kernel for " + std::string(dtype_name(dtype));
  }
  const bool transpose_b = flag_of(op, "transpose_b");
  const int64_t n = b.shape[b.shape.size() - (transpose_b ? 2 : 1)];
  if (has_bias && element_count(op.inputs[2].shape) != n) {
    return name + ": expected a bias of " + std::to_string(n) + " values";
  }
  Activation activation = Activation::None;
  if (!activation_of(op, &activation)) {
    return name + ": no cpu kernel for activation " + op.attrs.text("activation");
  }
  const bool curved = activation == Activation::Sigmoid || activation == Activation::Tanh;
  if (curved && !is_floating(dtype)) {
    return name + ": no cpu kernel for " + std::string(dtype_name(dtype)) + " with activation " +
           op.attrs.text("activation");
  }
  return "";
}

// One leading dimension of the result and what a step along it moves in each operand.
struct LeadingDim {
  int64_t size, a_step, b_step;
};

// Elements between neighbours along leading dimension `index` of `rank`; 0 where it broadcasts.
int64_t leading_step(const std::vector<int64_t>& shape, size_t rank, size_t index) {
  const size_t missing = rank + 2 - shape.size();
  if (index < missing || shape[index - missing] == 1) return 0;
  int64_t step = 1;
  for (size_t d = index - missing + 1; d < shape.size(); ++d) step *= shape[d];
  return step;
}

// Dimensions of one element dropped, neighbours that step alike joined.
std::vector<LeadingDim> leading_dims(const OpCase& op) {
  const std::vector<int64_t>& shape = op.outputs[0].shape;
  const size_t rank = shape.size() - 2;
  std::vector<LeadingDim> dims;
  for (size_t d = 0; d < rank; ++d) {
    const LeadingDim next = {shape[d], leading_step(op.inputs[0].shape, rank, d),
                             leading_step(op.inputs[1].shape, rank, d)};
    if (next.size == 1) continue;
    if (!dims.empty() && dims.back().a_step == next.a_step * next.size &&
        dims.back().b_step == next.b_step * next.size) {
      dims.back() = {dims.back().size * next.size, next.a_step, next.b_step};
    } else {
      dims.push_back(next);
    }
  }
  return dims;
}

void fill_offsets(const std::vector<LeadingDim>& dims, MatmulCall* call) {
  const auto count = static_cast<size_t>(call->problem.batch);
  call->a_offsets.reserve(count);
  call->b_offsets.reserve(count);
  for (int64_t item = 0; item < call->problem.batch; ++item) {
    int64_t rest = item, a = 0, b = 0;
    for (size_t d = dims.size(); d-- > 0;) {
      a += rest % dims[d].size * dims[d].a_step;
      b += rest % dims[d].size * dims[d].b_step;
      rest /= dims[d].size;
    }
    call->a_offsets.push_back(a);
    call->b_offsets.push_back(b);
  }
  call->problem.a_offsets = call->a_offsets.data();
  call->problem.b_offsets = call->b_offsets.data();
}

void set_batch(const OpCase& op, MatmulCall* call) {
  GemmProblem& p = call->problem;
  const std::vector<LeadingDim> dims = leading_dims(op);
  for (const LeadingDim& dim : dims) p.batch *= dim.size;
  p.c_batch = p.m * p.n;
  if (dims.empty() || p.batch == 0) return;
  if (dims.size() > 1) return fill_offsets(dims, call);
  const LeadingDim& dim = dims[0];
  if (dim.b_step == 0 && dim.a_step == p.m * p.k && p.a_col == 1 && p.a_row == p.k) {
    // One B for all: the items' rows form one tall A.
    p.m *= dim.size;
    p.batch = 1;
    return;
  }
  p.a_batch = dim.a_step;
  p.b_batch = dim.b_step;
}

GemmProblem make_problem(const OpCase& op) {
  const std::vector<int64_t>& a = op.inputs[0].shape;
  const std::vector<int64_t>& b = op.inputs[1].shape;
  const std::vector<int64_t>& c = op.outputs[0].shape;
  const bool transpose_a = flag_of(op, "transpose_a");
  const bool transpose_b = flag_of(op, "transpose_b");
  const int64_t a_columns = a.back(), b_columns = b.back();
  GemmProblem p;
  p.m = c[c.size() - 2];
  p.n = c.back();
  p.k = transpose_a ? a[a.size() - 2] : a_columns;
  p.a_row = transpose_a ? 1 : a_columns;
  p.a_col = transpose_a ? a_columns : 1;
  p.b_row = transpose_b ? 1 : b_columns;
  p.b_col = transpose_b ? b_columns : 1;
  p.c_row = p.n;
  p.has_bias = flag_of(op, "has_bias");
  activation_of(op, &p.activation);
  return p;
}

void run_float32(const void* params, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto* call = static_cast<const MatmulCall*>(params);
  const bool has_bias = call->plan.problem.has_bias;
  call->table->run(call->plan, static_cast<const float*>(inputs[0]),
                   static_cast<const float*>(inputs[1]),
                   has_bias ? static_cast<const float*>(inputs[2]) : nullptr,
                   static_cast<float*>(outputs[0]), context);
}

void run_generic(const void* params, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto* call = static_cast<const MatmulCall*>(params);
  const void* bias = call->problem.has_bias ? inputs[2] : nullptr;
  call->generic(call->problem, inputs[0], inputs[1], bias, outputs[0], context);
}

Kernel prepare(const OpCase& op) {
  if (const std::string why = refuse(op); !why.empty()) throw InternalError(why);
  auto call = std::make_shared<MatmulCall>();
  call->problem = make_problem(op);
  set_batch(op, call.get());
  Kernel kernel;
  if (op.inputs[0].dtype == DType::Float32) {
    call->table = active_isa().gemm;
    call->plan = call->table->plan(call->problem);
    kernel.fn = run_float32;
    kernel.workspace = call->plan.workspace;
    kernel.cost = call->plan.nanoseconds;
  } else {
    const GemmProblem& p = call->problem;
    call->generic = generic_gemm(op.inputs[0].dtype);
    kernel.fn = run_generic;
    kernel.workspace = generic_gemm_workspace(op.inputs[0].dtype, p);
    kernel.cost = static_cast<double>(p.batch) * static_cast<double>(p.m) *
                  static_cast<double>(p.n) * static_cast<double>(p.k);
  }
  kernel.params = std::move(call);
  return kernel;
}

constexpr OpEntry kEntries[] = {{"matmul", refuse, prepare}, {"cpu.matmul", refuse, prepare}};

}  // namespace

std::span<const OpEntry> matmul_entries() { return kEntries; }

}  // namespace nacre::cpu
