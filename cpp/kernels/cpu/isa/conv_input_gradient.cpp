// Float32 gradient of a convolution's input: for each tap of the kernel, tiles of pixels of dy
// times panels of channels are added to the pixels of dx that the tap meets. A pixel's sum runs
// over taps in row-major order, each a chain of multiply-adds over filters.

#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

enum Choice { kPanelParts, kParts };

// Filters by channels of one tap and group, in panels of channels.
int64_t tap_floats(const ConvCase& c) {
  return packed_b_floats(c.channels / c.groups, c.filters / c.groups);
}

// Rows of dy that are worked on at a time.
int64_t strip_rows(const ConvCase& c) {
  const int64_t row = c.out[kWide] * c.filters + c.stride[kHeight] * c.in[kWide] * c.channels;
  return at_least(1, at_most(c.out[kHeight], kStripFloats / row));
}

// Floats of dy that a pooled case spreads at a time.
int64_t spread_floats(const ConvCase& c) {
  return c.pooled ? (strip_rows(c) * c.out[kWide] * c.filters + 15) & ~int64_t{15} : 0;
}

int64_t packed_floats(const ConvCase& c) {
  return c.kernel[kHeight] * c.kernel[kWide] * c.groups * tap_floats(c);
}

bool plan_tiled(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  const int64_t channels = c.channels / c.groups;
  if (!can_tile(c) || !can_pool(c) || (c.groups > 1 && channels < kWidth / 2)) return false;
  plan->nanoseconds = conv_nanoseconds(c);
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  // Images are independent; where there are few, so are panels of channels.
  const bool few = c.batch < 8 && !alone;
  plan->choice[kPanelParts] = few ? c.groups * ceil_div(channels, kPanel) : 1;
  const int64_t pieces = c.batch * plan->choice[kPanelParts];
  plan->choice[kParts] = alone ? 1 : c.pooled ? at_most(pieces, kMaxParts) : pieces;
  const int64_t scratch = plan->choice[kParts] * spread_floats(c);
  plan->workspace = align64(static_cast<size_t>(packed_floats(c) + scratch) * sizeof(float));
  return true;
}

void pack_weights(const ConvPlan& plan, const float* kernel, float* packed,
                  const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const int64_t filters = c.filters / c.groups, channels = c.channels / c.groups;
  const auto pack = [&](int64_t i) {
    const int64_t tap = i / c.groups, group = i % c.groups;
    for (int64_t column = 0; column < channels; column += kPanel) {
      const int64_t columns = at_most(kPanel, channels - column);
      pack_panel(kernel + (tap * channels + column) * c.filters + group * filters, c.filters, 1,
                 columns, ceil_div(columns, kWidth) * kWidth, filters,
                 packed + i * tap_floats(c) + column * filters);
    }
  };
  const int64_t pieces = c.kernel[kHeight] * c.kernel[kWide] * c.groups;
  if (plan.nanoseconds >= kParallelNanoseconds) return parallel_for(context, pieces, pack);
  for (int64_t i = 0; i < pieces; ++i) pack(i);
}

// The outputs of an axis that meet the input through tap k: [begin, end).
struct Reach {
  int64_t begin, end;
};
Reach reach_of(const ConvCase& c, int axis, int64_t k) {
  const int64_t shift = c.low[axis] - k * c.dilation[axis];  // in = out * stride - shift
  const int64_t stride = c.stride[axis];
  const int64_t begin = shift > 0 ? ceil_div(shift, stride) : 0;
  const int64_t last = c.in[axis] - 1 + shift;
  const int64_t end = last < 0 ? 0 : at_most(c.out[axis], last / stride + 1);
  return {begin, at_least(begin, end)};
}

// One tap, over rows [begin, end) of dy, which start at `dy`, and one panel of channels.
void add_tap(const ConvCase& c, const float* dy, float* dx, int64_t h, int64_t w, int64_t begin,
             int64_t end, TileArgs args, int64_t columns) {
  const Reach rows = reach_of(c, kHeight, h), pixels = reach_of(c, kWide, w);
  const int64_t count = pixels.end - pixels.begin;
  if (count == 0) return;
  const EvenSplit tiles = even_split(count, ceil_div(count, kTileRows));
  for (int64_t r = at_least(begin, rows.begin); r < at_most(end, rows.end); ++r) {
    const int64_t to = r * c.stride[kHeight] + h * c.dilation[kHeight] - c.low[kHeight];
    for (int64_t tile = 0; tile < tiles.parts; ++tile) {
      const int64_t first = pixels.begin + tiles.start(tile);
      const int64_t x = first * c.stride[kWide] + w * c.dilation[kWide] - c.low[kWide];
      args.a = dy + ((r - begin) * c.out[kWide] + first) * c.filters;
      args.c = dx + (to * c.in[kWide] + x) * c.channels;
      run_tile(args, tiles.size(tile), columns, false);
    }
  }
}

void clear(const ConvCase& c, float* dx, int64_t columns) {
  for (int64_t i = 0; i < c.in[kHeight] * c.in[kWide]; ++i) {
    __builtin_memset(dx + i * c.channels, 0, static_cast<size_t>(columns) * sizeof(float));
  }
}

// One panel of channels over rows [begin, end) of dy.
void run_panel(const ConvCase& c, const float* packed, const float* dy, float* dx, int64_t group,
               int64_t column, int64_t begin, int64_t end) {
  const int64_t filters = c.filters / c.groups, channels = c.channels / c.groups;
  const int64_t columns = at_most(kPanel, channels - column);
  TileArgs args = {};
  args.a_row = c.filters;
  args.k = filters;
  args.b_k = ceil_div(columns, kWidth) * kWidth;
  args.c_row = c.stride[kWide] * c.channels;
  args.tail = tail_of(columns);
  args.accumulate = true;
  for (int64_t h = 0; h < c.kernel[kHeight]; ++h) {
    for (int64_t w = 0; w < c.kernel[kWide]; ++w) {
      const int64_t tap = h * c.kernel[kWide] + w;
      args.b = packed + (tap * c.groups + group) * tap_floats(c) + column * filters;
      add_tap(c, dy + group * filters, dx + group * channels + column, h, w, begin, end, args,
              columns);
    }
  }
}

// Panels [first, last) of one image. `spread` holds rows of a pooled dy.
void run_image(const ConvCase& c, const float* packed, const ConvOperands& o, int64_t image,
               int64_t first, int64_t last, float* spread) {
  const int64_t channels = c.channels / c.groups, panels = ceil_div(channels, kPanel);
  const int64_t row = c.out[kWide] * c.filters, strip = strip_rows(c);
  const float* dy = static_cast<const float*>(o.first);
  float* dx = static_cast<float*>(o.result) + image * c.in[kHeight] * c.in[kWide] * c.channels;
  for (int64_t i = first; i < last; ++i) {
    const int64_t column = i % panels * kPanel;
    clear(c, dx + i / panels * channels + column, at_most(kPanel, channels - column));
  }
  for (int64_t begin = 0; begin < c.out[kHeight]; begin += strip) {
    const int64_t end = at_most(c.out[kHeight], begin + strip);
    const float* rows = spread;
    if (c.pooled) {
      spread_rows(c, dy, o.index, image, begin, end - begin, spread);
    } else {
      rows = dy + (image * c.out[kHeight] + begin) * row;
    }
    for (int64_t i = first; i < last; ++i) {
      run_panel(c, packed, rows, dx, i / panels, i % panels * kPanel, begin, end);
    }
  }
}

void run_tiled(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const ConvCase& c = plan.shape;
  float* packed = reinterpret_cast<float*>(context.workspace);
  pack_weights(plan, static_cast<const float*>(operands.second), packed, context);
  float* spreads = packed + packed_floats(c);
  const int64_t all = c.groups * ceil_div(c.channels / c.groups, kPanel);
  const int64_t per_image = plan.choice[kPanelParts];
  const EvenSplit parts = even_split(c.batch * per_image, plan.choice[kParts]);
  parallel_for(context, parts.parts, [&](int64_t part) {
    const int64_t end = parts.start(part) + parts.size(part);
    for (int64_t i = parts.start(part); i < end; ++i) {
      const int64_t first = per_image == 1 ? 0 : i % per_image;
      const int64_t last = per_image == 1 ? all : first + 1;
      run_image(c, packed, operands, i / per_image, first, last, spreads + part * spread_floats(c));
    }
  });
}

// One tap, no stride, no border: a product with the transposed weights.
GemmProblem product_of(const ConvCase& c) {
  GemmProblem p;
  p.m = c.batch * c.in[0] * c.in[1] * c.in[2];
  p.n = c.channels;
  p.k = c.filters;
  p.a_row = c.filters;
  p.b_row = 1;
  p.b_col = c.filters;
  p.c_row = c.channels;
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
                 static_cast<const float*>(o.second), nullptr, static_cast<float*>(o.result),
                 context);
}

}  // namespace

const ConvKernel conv_input_gradient_product = {"product", plan_product, run_product};
const ConvKernel conv_input_gradient_tiled = {"tiled", plan_tiled, run_tiled};

}  // namespace nacre::cpu::NACRE_ISA_NAME
