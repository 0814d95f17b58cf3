// Reductions over any axes: neighbouring axes are merged, then one group of reduced axes after the
// other is removed, innermost first. Each pass sees (outer, axis, inner); long axes are cut into
// pieces of a length fixed by the shape, whose partial results stand in the workspace.

#include "kernels/cpu/reduce.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_tools.h"

namespace nacre::cpu {
namespace {

constexpr int64_t kPiece = 65536;     // elements of one piece of a long axis
constexpr int64_t kColumns = 2048;    // columns reduced by one task
constexpr int64_t kTaskWork = 32768;  // elements of one task of many short reductions

struct Pass {
  int64_t outer, axis, inner;
  int64_t pieces = 1;   // of the axis
  int64_t piece = 0;    // length of one
  size_t partials = 0;  // offset in the workspace, when pieces > 1
  size_t result = 0;    // offset in the workspace, when another pass follows
};

struct ReduceParams {
  const ReduceTable* table;
  ReduceOp op;
  size_t size;  // bytes of an element
  double cost;
  std::vector<Pass> passes;  // none: a copy
  int64_t count;             // of the input
};

void run_pass(const ReduceParams& params, const Pass& pass, const char* in, char* out,
              const KernelContext& context) {
  const int op = static_cast<int>(params.op);
  const auto contiguous = params.table->contiguous[op];
  const auto rows = params.table->rows[op];
  const int64_t size = static_cast<int64_t>(params.size);
  char* partial = pass.pieces > 1 ? context.workspace + pass.partials : out;
  auto begin_of = [&](int64_t p) { return p * pass.piece; };
  auto length_of = [&](int64_t p) { return std::min(pass.piece, pass.axis - begin_of(p)); };
  if (pass.inner == 1) {
    const int64_t items = pass.outer * pass.pieces;
    const int64_t batch = std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, pass.piece));
    run_chunks(context, params.cost, (items + batch - 1) / batch, [&](int64_t task) {
      for (int64_t i = task * batch; i < std::min(items, (task + 1) * batch); ++i) {
        const int64_t o = i / pass.pieces, p = i % pass.pieces;
        contiguous(in + (o * pass.axis + begin_of(p)) * size, length_of(p), partial + i * size);
      }
    });
  } else {
    const int64_t strips = (pass.inner + kColumns - 1) / kColumns;
    const int64_t items = pass.outer * pass.pieces * strips;
    const int64_t work = pass.piece * std::min(kColumns, pass.inner);
    const int64_t batch = std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, work));
    run_chunks(context, params.cost, (items + batch - 1) / batch, [&](int64_t task) {
      for (int64_t i = task * batch; i < std::min(items, (task + 1) * batch); ++i) {
        const int64_t strip = i % strips, p = i / strips % pass.pieces,
                      o = i / strips / pass.pieces;
        const int64_t first = strip * kColumns;
        rows(in + ((o * pass.axis + begin_of(p)) * pass.inner + first) * size, length_of(p),
             pass.inner, std::min(kColumns, pass.inner - first),
             partial + ((o * pass.pieces + p) * pass.inner + first) * size);
      }
    });
  }
  if (pass.pieces == 1) return;
  for (int64_t o = 0; o < pass.outer; ++o) {
    rows(partial + o * pass.pieces * pass.inner * size, pass.pieces, pass.inner, pass.inner,
         out + o * pass.inner * size);
  }
}

void run_reduce(const void* opaque, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  const auto& params = *static_cast<const ReduceParams*>(opaque);
  if (params.passes.empty()) {
    if (params.count) {
      std::memcpy(outputs[0], inputs[0], static_cast<size_t>(params.count) * params.size);
    }
    return;
  }
  const char* in = static_cast<const char*>(inputs[0]);
  for (const Pass& pass : params.passes) {
    const bool last = &pass == &params.passes.back();
    char* out = last ? static_cast<char*>(outputs[0]) : context.workspace + pass.result;
    run_pass(params, pass, in, out, context);
    in = out;
  }
}

// Sizes of alternately kept and reduced groups of axes, ones dropped.
struct Groups {
  std::vector<int64_t> size;
  std::vector<bool> reduced;
};

Groups group_axes(const std::vector<int64_t>& shape, const std::vector<int64_t>& axes) {
  Groups groups;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!groups.size.empty() && groups.reduced.back() == reduced) {
      groups.size.back() *= shape[i];
    } else {
      groups.size.push_back(shape[i]);
      groups.reduced.push_back(reduced);
    }
  }
  return groups;
}

size_t rounded(int64_t bytes) { return (static_cast<size_t>(bytes) + 63) / 64 * 64; }

// Cuts a long axis of few results into pieces.
void cut(Pass* pass) {
  pass->piece = pass->axis;
  const int64_t results = pass->outer * pass->inner;
  if (pass->axis * std::min(pass->inner, kColumns) < 2 * kPiece || results > kPiece) return;
  pass->piece = std::max<int64_t>(64, kPiece / std::min(pass->inner, kColumns));
  pass->pieces = (pass->axis + pass->piece - 1) / pass->piece;
  const int64_t most = 256;
  if (pass->pieces > most) {
    pass->piece = (pass->axis + most - 1) / most;
    pass->pieces = (pass->axis + pass->piece - 1) / pass->piece;
  }
}

const ReduceTable* find_table(DType dtype) {
  return dtype == DType::Float32 ? active_isa().reduce : generic_reduce_table(dtype);
}

bool find_op(std::string_view name, ReduceOp* op) {
  constexpr std::string_view names[] = {"reduce_sum", "reduce_prod", "reduce_max", "reduce_min"};
  for (int i = 0; i < kReduceOps; ++i) {
    if (names[i] == name) {
      *op = static_cast<ReduceOp>(i);
      return true;
    }
  }
  return false;
}

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.inputs[0].dtype;
  const bool adds = op_case.op == "reduce_sum" || op_case.op == "reduce_prod";
  if (!find_table(dtype) || (dtype == DType::Bool && adds)) return no_kernel(op_case.op, dtype);
  return "";
}

Kernel prepare(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  ReduceParams params{};
  params.table = find_table(x.dtype);
  find_op(op_case.op, &params.op);
  params.size = dtype_size(x.dtype);
  params.count = x.count();
  params.cost =
      20 + 0.1 * static_cast<double>(params.count) * (x.dtype == DType::Float32 ? 1.0 : 4.0);
  Groups groups = group_axes(x.shape, op_case.attrs.ints("axes"));
  size_t workspace = 0;
  for (size_t i = groups.size.size(); i-- > 0;) {
    if (!groups.reduced[i]) continue;
    Pass pass{};
    pass.outer = pass.inner = 1;
    for (size_t j = 0; j < i; ++j) pass.outer *= groups.size[j];
    for (size_t j = i + 1; j < groups.size.size(); ++j) pass.inner *= groups.size[j];
    pass.axis = groups.size[i];
    cut(&pass);
    const int64_t results = pass.outer * pass.inner * static_cast<int64_t>(params.size);
    if (pass.pieces > 1) {
      pass.partials = workspace;
      workspace += rounded(results * pass.pieces);
    }
    pass.result = workspace;
    workspace += rounded(results);
    groups.size[i] = 1;  // removed from the passes to come
    params.passes.push_back(pass);
  }
  const double cost = params.cost;
  return make_kernel(run_reduce, std::move(params), cost, workspace);
}

}  // namespace

std::span<const OpEntry> reduce_entries() {
  static const std::array entries = {
      OpEntry{"reduce_sum", refuse, prepare},
      OpEntry{"reduce_prod", refuse, prepare},
      OpEntry{"reduce_max", refuse, prepare},
      OpEntry{"reduce_min", refuse, prepare},
  };
  return entries;
}

}  // namespace nacre::cpu
