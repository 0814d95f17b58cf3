// Float32 convolution, forward: tiles of pixels of one output row times panels of filters. A
// pixel's sum runs over the kernel's taps in row-major order, then channels, in one chain of
// multiply-adds. Rows of the kernel that meet nothing but padding are left out.

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

// Pixels that no window covers are not computed.
ConvCase covered(const ConvCase& c) {
  ConvCase result = c;
  if (!c.pooled) return result;
  for (int i = 0; i < 3; ++i) result.out[i] -= c.out[i] % c.window[i];
  return result;
}

Strips strips_of(const ConvCase& c) { return make_strips(c, c.window[kHeight]); }

// Floats of one row of windows and one panel of filters, before the maxima are taken.
int64_t window_floats(const ConvCase& c) {
  return c.pooled ? c.window[kHeight] * c.out[kWide] * kPanel : 0;
}

bool plan_tiled(ConvPlan* plan) {
  const ConvCase c = covered(plan->shape);
  const int64_t filters = c.filters / c.groups;
  if (!can_tile(c) || (c.groups > 1 && filters < kWidth / 2)) return false;
  if (!can_pool(c)) return false;
  const Strips strips = strips_of(c);
  plan->nanoseconds = conv_nanoseconds(c);
  const int64_t total = strips.per_image * c.batch;
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  const int64_t most = strips.border || c.pooled ? kMaxParts : 16 * kMaxParts;
  plan->choice[kParts] = alone ? 1 : at_most(total, most);
  // Rows of few filters are as good as packed.
  plan->choice[kPacked] = filters > 2 * kPanel || (!kMaskedLoads && filters % kWidth != 0);
  const int64_t packed = plan->choice[kPacked] != 0 ? packed_floats(c) : 0;
  plan->workspace = align64(
      static_cast<size_t>(packed + plan->choice[kParts] * (strips.copy + window_floats(c))) *
      sizeof(float));
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

// Where results go: row `row` of an image, from `filter` on. `c_row` is between its pixels.
struct Target {
  float* at;
  int64_t c_row;
};

// What the tiles of one group have in common.
struct Group {
  TileArgs args;
  EvenSplit tiles;   // of a row's pixels
  int64_t first;     // filter
  int64_t row_runs;  // of a row of the kernel
  const float* b;    // of the whole kernel
  int64_t runs[kMaxRuns];
};

void set_group(const ConvCase& c, const Strips& strips, int64_t group, Group* g) {
  const int64_t pixel = c.channels, row = strips.width * pixel;
  int64_t count = 0;
  for (int64_t h = 0; h < c.kernel[kHeight]; ++h) {
    for (int64_t w = 0; w < (row_runs(c) ? 1 : c.kernel[kWide]); ++w) {
      g->runs[count++] = h * c.dilation[kHeight] * row + w * c.dilation[kWide] * pixel;
    }
  }
  g->args = TileArgs{};
  g->args.a_row = c.stride[kWide] * pixel;
  g->args.k = (row_runs(c) ? c.kernel[kWide] : 1) * (c.channels / c.groups);
  g->args.runs = g->runs + 1;
  g->row_runs = count / c.kernel[kHeight];
  g->args.relu = c.activation == Activation::Relu;
  g->tiles = even_split(c.out[kWide], ceil_div(c.out[kWide], kTileRows));
  g->first = group * (c.filters / c.groups);
}

// The panel of filters from `column` on.
void set_panel(const ConvCase& c, const Weights& weights, const float* bias, int64_t column,
               int64_t columns, Group* g) {
  const int64_t k = g->args.k * g->row_runs * c.kernel[kHeight];
  g->args.b_k = weights.packed ? ceil_div(columns, kWidth) * kWidth : c.filters;
  g->b = weights.at + (weights.packed ? g->first / (c.filters / c.groups) *
                                                packed_b_floats(c.filters / c.groups, k) +
                                            column * k
                                      : g->first + column);
  g->args.tail = tail_of(columns);
  g->args.bias = bias == nullptr ? nullptr : bias + g->first + column;
}

// The taps of an output row: those rows of the kernel that meet rows of the image. x: what the
// first pixel's first tap meets, moved to the first of them.
const float* set_taps(const ConvCase& c, const Strips& strips, const float* x, int64_t row,
                      Group* g) {
  const WindowAxis::Taps taps = axis_of(c, kHeight).taps_to_in(row);
  const int64_t rows = at_least(0, taps.end - taps.begin);
  const int64_t first = rows > 0 ? taps.begin : 0;
  g->args.b = g->b + first * g->row_runs * g->args.k * g->args.b_k;
  g->args.more_runs = rows * g->row_runs - 1;
  return x + first * c.dilation[kHeight] * strips.width * c.channels;
}

// One row of pixels of one panel. x: what the first pixel's first tap meets.
void run_row(const ConvCase& c, Group* g, const float* x, int64_t columns, const Target& to) {
  const bool curved = c.activation == Activation::Sigmoid || c.activation == Activation::Tanh;
  g->args.c_row = to.c_row;
  for (int64_t tile = 0; tile < g->tiles.parts; ++tile) {
    const int64_t first = g->tiles.start(tile), pixels = g->tiles.size(tile);
    g->args.a = x + first * g->args.a_row;
    g->args.c = to.at + first * to.c_row;
    run_tile(g->args, pixels, columns, false);
    if (!curved) continue;
    // Few filters side by side fill vectors.
    const int64_t rows = columns == to.c_row ? 1 : pixels;
    for (int64_t i = 0; i < rows; ++i) {
      finish_row(g->args.c + i * to.c_row, columns * pixels / rows, nullptr, false, c.activation);
    }
  }
}

// The maxima of one row of windows, one panel of filters.
void pool_row(const ConvCase& c, const float* rows, int64_t columns, float* y, uint8_t* index) {
  const WindowShape window = {c.window[kHeight], c.window[kWide], kPanel, c.out[kWide] * kPanel};
  for (int64_t w = 0; w < c.out[kWide] / c.window[kWide]; ++w) {
    max_window(window, rows + w * c.window[kWide] * kPanel, columns, y + w * c.filters,
               index == nullptr ? nullptr : index + w * c.filters);
  }
}

// All panels of one group over a strip. `windows` holds rows whose maxima are to be taken.
void run_group(const ConvCase& c, const Strips& strips, const Strip& strip, const Weights& weights,
               const ConvOperands& o, int64_t group, float* windows) {
  const int64_t filters = c.filters / c.groups, step = c.window[kHeight];
  const int64_t height = c.out[kHeight] / step, width = c.out[kWide] / c.window[kWide];
  const int64_t x_row = c.stride[kHeight] * strips.width * c.channels;
  const float* x = strip.x + group * (c.channels / c.groups);
  Group g;
  set_group(c, strips, group, &g);
  for (int64_t column = 0; column < filters; column += kPanel) {
    const int64_t columns = at_most(kPanel, filters - column);
    set_panel(c, weights, static_cast<const float*>(o.bias), column, columns, &g);
    for (int64_t r = 0; r < strip.rows; r += step) {
      const int64_t row = strip.image * height + (strip.row + r) / step;
      const int64_t to = row * width * c.filters + g.first + column;
      float* y = static_cast<float*>(o.result) + to;
      if (!c.pooled) {
        run_row(c, &g, set_taps(c, strips, x + r * x_row, strip.row + r, &g), columns,
                {y, c.filters});
        continue;
      }
      for (int64_t i = 0; i < step; ++i) {
        const float* from = set_taps(c, strips, x + (r + i) * x_row, strip.row + r + i, &g);
        run_row(c, &g, from, columns, {windows + i * c.out[kWide] * kPanel, kPanel});
      }
      pool_row(c, windows, columns, y, c.indexed ? o.index + to : nullptr);
    }
  }
}

void run_tiled(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const ConvCase c = covered(plan.shape);
  const Strips strips = strips_of(c);
  float* scratch = reinterpret_cast<float*>(context.workspace);
  Weights weights = {static_cast<const float*>(operands.second), plan.choice[kPacked] != 0};
  if (weights.packed) {
    pack_weights(plan, weights.at, scratch, context);
    weights.at = scratch;
    scratch += packed_floats(c);
  }
  const EvenSplit parts = even_split(strips.per_image * c.batch, plan.choice[kParts]);
  parallel_for(context, parts.parts, [&](int64_t part) {
    float* copy = scratch + part * (strips.copy + window_floats(c));
    const int64_t end = parts.start(part) + parts.size(part);
    for (int64_t i = parts.start(part); i < end; ++i) {
      const Strip strip = make_strip(c, strips, static_cast<const float*>(operands.first), i, copy);
      for (int64_t group = 0; group < c.groups; ++group) {
        run_group(c, strips, strip, weights, operands, group, copy + strips.copy);
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
  if (!is_product(plan->shape) || plan->shape.pooled) return false;
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
