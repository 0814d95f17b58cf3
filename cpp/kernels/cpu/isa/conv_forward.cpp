// Float32 convolution, forward: tiles of pixels of one output row times panels of filters. A
// pixel's sum runs over the kernel's taps in row-major order, then channels, in one chain of
// multiply-adds.

#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa/finish_row.h"
#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

// What ConvPlan::choice holds.
enum Choice { kParts, kPacked };

// A tap per run, or a whole row of the kernel where that is one run of memory.
bool row_runs(const ConvCase& c) { return c.groups == 1 && c.dilation[kWide] == 1; }

// Floats of the weights packed in panels, a group after another.
int64_t packed_floats(const ConvCase& c) {
  const int64_t k = c.kernel[kHeight] * c.kernel[kWide] * (c.channels / c.groups);
  return c.groups * packed_b_floats(c.filters / c.groups, k);
}

bool plan_tiled(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  const int64_t filters = c.filters / c.groups;
  if (!can_tile(c) || (c.groups > 1 && filters < kWidth / 2)) return false;
  const Strips strips = make_strips(c);
  plan->nanoseconds = conv_nanoseconds(c);
  const int64_t total = strips.per_image * c.batch;
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  const int64_t most = strips.border ? kMaxParts : 16 * kMaxParts;
  plan->choice[kParts] = alone ? 1 : at_most(total, most);
  // Rows of few filters are as good as packed.
  plan->choice[kPacked] = filters > 2 * kPanel || (!kMaskedLoads && filters % kWidth != 0);
  const int64_t packed = plan->choice[kPacked] != 0 ? packed_floats(c) : 0;
  plan->workspace =
      align64(static_cast<size_t>(packed + plan->choice[kParts] * strips.copy) * sizeof(float));
  return true;
}

void pack_weights(const ConvPlan& plan, const float* kernel, float* packed,
                  const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const int64_t filters = c.filters / c.groups, panels = ceil_div(filters, kPanel);
  const int64_t k = c.kernel[kHeight] * c.kernel[kWide] * (c.channels / c.groups);
  const auto pack = [&](int64_t i) {
    const int64_t group = i / panels, column = i % panels * kPanel;
    const int64_t columns = at_most(kPanel, filters - column);
    pack_panel(kernel + group * filters + column, 1, c.filters, columns,
               ceil_div(columns, kWidth) * kWidth, k,
               packed + group * packed_b_floats(filters, k) + column * k);
  };
  if (plan.choice[kParts] > 1) return parallel_for(context, c.groups * panels, pack);
  for (int64_t i = 0; i < c.groups * panels; ++i) pack(i);
}

struct Weights {
  const float* at;
  bool packed;
};

// All panels of one group over a strip.
void run_group(const ConvCase& c, const Strips& strips, const Strip& strip, const Weights& weights,
               const float* bias, float* y, int64_t group) {
  const int64_t filters = c.filters / c.groups, channels = c.channels / c.groups;
  const int64_t pixel = c.channels, row = strips.width * pixel;
  int64_t runs[kMaxRuns];
  int64_t count = 0;
  for (int64_t h = 0; h < c.kernel[kHeight]; ++h) {
    for (int64_t w = 0; w < (row_runs(c) ? 1 : c.kernel[kWide]); ++w) {
      runs[count++] = h * c.dilation[kHeight] * row + w * c.dilation[kWide] * pixel;
    }
  }
  TileArgs args = {};
  args.a_row = c.stride[kWide] * pixel;
  args.k = row_runs(c) ? c.kernel[kWide] * channels : channels;
  args.runs = runs + 1;
  args.more_runs = count - 1;
  args.c_row = c.filters;
  args.relu = c.activation == Activation::Relu;
  const bool curved = c.activation == Activation::Sigmoid || c.activation == Activation::Tanh;
  const int64_t k = args.k * count;
  const EvenSplit tiles = even_split(c.out[kWide], ceil_div(c.out[kWide], kTileRows));
  for (int64_t column = 0; column < filters; column += kPanel) {
    const int64_t columns = at_most(kPanel, filters - column);
    const int64_t filter = group * filters + column;
    args.b_k = weights.packed ? ceil_div(columns, kWidth) * kWidth : c.filters;
    args.b = weights.packed ? weights.at + group * packed_b_floats(filters, k) + column * k
                            : weights.at + filter;
    args.tail = tail_of(columns);
    args.bias = bias == nullptr ? nullptr : bias + filter;
    for (int64_t r = 0; r < strip.rows; ++r) {
      const float* x = strip.x + r * c.stride[kHeight] * row + group * channels;
      float* to = y + ((strip.image * c.out[kHeight] + strip.row + r) * c.out[kWide]) * c.filters;
      for (int64_t tile = 0; tile < tiles.parts; ++tile) {
        const int64_t first = tiles.start(tile), pixels = tiles.size(tile);
        args.a = x + first * args.a_row;
        args.c = to + first * c.filters + filter;
        run_tile(args, pixels, columns, false);
        for (int64_t i = 0; curved && i < pixels; ++i) {
          finish_row(args.c + i * c.filters, columns, nullptr, false, c.activation);
        }
      }
    }
  }
}

void run_tiled(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const Strips strips = make_strips(c);
  float* packed = reinterpret_cast<float*>(context.workspace);
  Weights weights = {static_cast<const float*>(operands.second), plan.choice[kPacked] != 0};
  float* copies = packed;
  if (weights.packed) {
    pack_weights(plan, weights.at, packed, context);
    weights.at = packed;
    copies += packed_floats(c);
  }
  const EvenSplit parts = even_split(strips.per_image * c.batch, plan.choice[kParts]);
  parallel_for(context, parts.parts, [&](int64_t part) {
    const int64_t end = parts.start(part) + parts.size(part);
    for (int64_t i = parts.start(part); i < end; ++i) {
      const Strip strip = make_strip(c, strips, static_cast<const float*>(operands.first), i,
                                     copies + part * strips.copy);
      for (int64_t group = 0; group < c.groups; ++group) {
        run_group(c, strips, strip, weights, static_cast<const float*>(operands.bias),
                  static_cast<float*>(operands.result), group);
      }
    }
  });
}

// One tap, no stride, no border: the pixels are the rows of a matrix.
GemmProblem product_of(const ConvCase& c) {
  GemmProblem p;
  p.m = c.batch * c.in[0] * c.in[1] * c.in[2];
  p.n = c.filters;
  p.k = c.channels;
  p.a_row = c.channels;
  p.b_row = p.c_row = c.filters;
  p.has_bias = c.has_bias;
  p.activation = c.activation;
  return p;
}

bool plan_product(ConvPlan* plan) {
  if (!is_product(plan->shape)) return false;
  const GemmPlan gemm = gemm_table.plan(product_of(plan->shape));
  plan->workspace = gemm.workspace;
  plan->nanoseconds = gemm.nanoseconds;
  return true;
}

void run_product(const ConvPlan& plan, const ConvOperands& o, const KernelContext& context) {
  gemm_table.run(gemm_table.plan(product_of(plan.shape)), static_cast<const float*>(o.first),
                 static_cast<const float*>(o.second), static_cast<const float*>(o.bias),
                 static_cast<float*>(o.result), context);
}

}  // namespace

const ConvKernel conv_forward_product = {"product", plan_product, run_product};
const ConvKernel conv_forward_tiled = {"tiled", plan_tiled, run_tiled};

}  // namespace nacre::cpu::NACRE_ISA_NAME
