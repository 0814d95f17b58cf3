// Pooling: which case an op is, cut into chunks of rows by shape only.

#include "kernels/cpu/pool.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/window_entries.h"

namespace nacre::cpu {
namespace {

struct PoolCall {
  const PoolTable* table;
  PoolCase shape;
  int64_t rows, step;  // of the result, and of one chunk
  bool indexed;        // max_pool: whether the index is wanted
  double cost;
};

using Operands = const void* const*;
using Results = void* const*;

void max_rows(const PoolCall& p, Operands in, Results out, int64_t begin, int64_t end) {
  p.table->max(p.shape, in[0], out[0], p.indexed ? out[1] : nullptr, begin, end);
}
void max_gradient_rows(const PoolCall& p, Operands in, Results out, int64_t begin, int64_t end) {
  p.table->max_gradient(p.shape, in[0], in[1], out[0], begin, end);
}
void max_gather_rows(const PoolCall& p, Operands in, Results out, int64_t begin, int64_t end) {
  p.table->max_gather(p.shape, in[0], in[1], out[0], begin, end);
}
void average_rows(const PoolCall& p, Operands in, Results out, int64_t begin, int64_t end) {
  p.table->average(p.shape, in[0], out[0], begin, end);
}
void average_gradient_rows(const PoolCall& p, Operands in, Results out, int64_t begin,
                           int64_t end) {
  p.table->average_gradient(p.shape, in[0], out[0], begin, end);
}

using Rows = void (*)(const PoolCall&, Operands, Results, int64_t begin, int64_t end);

template <Rows rows>
void run(const void* params, Operands inputs, Results outputs, const KernelContext& context) {
  const auto& p = *static_cast<const PoolCall*>(params);
  run_chunks(context, p.cost, (p.rows + p.step - 1) / p.step, [&](int64_t chunk) {
    rows(p, inputs, outputs, chunk * p.step, std::min(p.rows, (chunk + 1) * p.step));
  });
}

// `upwards` says that the result is x's side of the window: a gradient.
template <Rows rows, bool upwards>
Kernel prepare(const OpCase& op) {
  const std::vector<int64_t>& x = (upwards ? op.outputs[0] : op.inputs[0]).shape;
  const std::vector<int64_t>& y = (upwards ? op.inputs[0] : op.outputs[0]).shape;
  const size_t rank = x.size() - 2;
  const auto spatial = [&](int64_t* to, const int64_t* from) {
    std::copy_n(from, rank, to + 3 - rank);
  };
  PoolCall call{};
  call.table = find_pool_table(op.inputs[0].dtype);
  PoolCase& c = call.shape;
  c.batch = x[0];
  c.channels = x.back();
  spatial(c.in, x.data() + 1);
  spatial(c.out, y.data() + 1);
  spatial(c.window, op.attrs.ints("window").data());
  spatial(c.stride, op.attrs.ints("strides").data());
  spatial(c.low, op.attrs.ints("low").data());
  const int64_t* size = upwards ? c.in : c.out;
  call.rows = c.channels == 0 ? 0 : c.batch * size[0] * size[1];
  call.indexed = op.outputs.size() > 1;
  const double places = static_cast<double>(c.window[0] * c.window[1] * c.window[2]);
  const double touched = static_cast<double>(op.inputs[0].count()) * 2 +
                         static_cast<double>(c.batch * c.out[0] * c.out[1] * c.out[2]) *
                             static_cast<double>(c.channels) * places;
  call.cost = 20 + touched * 0.15;
  constexpr double kChunkCost = 20000;
  const double cost_of_row = call.cost / static_cast<double>(std::max<int64_t>(call.rows, 1));
  call.step = std::max<int64_t>(1, static_cast<int64_t>(kChunkCost / cost_of_row));
  const double cost = call.cost;
  return make_kernel(run<rows>, call, cost);
}

std::string refuse(const OpCase& op) {
  const PoolTable* table = find_pool_table(op.inputs[0].dtype);
  const bool averages = op.op.substr(0, 7) == "average";
  if (table == nullptr || (averages && table->average == nullptr)) {
    return no_kernel(op.op, op.inputs[0].dtype);
  }
  return "";
}

}  // namespace

Kernel prepare_max_pool(const OpCase& op) { return prepare<max_rows, false>(op); }
Kernel prepare_max_pool_gradient(const OpCase& op) { return prepare<max_gradient_rows, true>(op); }

namespace {

constexpr OpEntry kEntries[] = {
    {"max_pool", refuse, prepare<max_rows, false>},
    {"max_pool_gradient", refuse, prepare<max_gradient_rows, true>},
    {"max_pool_gather", refuse, prepare<max_gather_rows, false>},
    {"average_pool", refuse, prepare<average_rows, false>},
    {"average_pool_gradient", refuse, prepare<average_gradient_rows, true>},
};

}  // namespace

std::span<const OpEntry> pool_entries() { return kEntries; }

}  // namespace nacre::cpu
