// Float32 depthwise convolution: every row of results is cut into
// tiles of columns (conv_depthwise_tile.h). Forward and the input's gradient gather each result in
// one chain of multiply-adds, over the kernel's rows and then its columns. The kernel's gradient
// sums rows in parts whose number follows from the shape, and the parts in their order.

#include "kernels/cpu/isa/conv_depthwise_tile.h"
#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa/finish_row.h"
#include "kernels/cpu/isa/gemm_thin.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

enum Choice { kParts, kImages };

constexpr int64_t kMostPartialFloats = int64_t{4} << 20;

// The tiles of 1, 2, ... columns.
struct Tiles {
  int64_t most;
  DepthwiseFn fns[8];
};

template <int K, int S>
constexpr Tiles kGather = {};
template <int K, int S, int P>
constexpr Tiles kSpread = {};
template <int K, int S>
constexpr Tiles kProducts = {};

// A row of a larger kernel leaves fewer registers, and shares less of what it reads.
#define NACRE_TILES_OF_FOUR(variable, fn, geometry, K, ...)              \
  template <>                                                            \
  constexpr Tiles variable<K, __VA_ARGS__> = {                           \
      4,                                                                 \
      {fn<geometry<K, __VA_ARGS__, 1>>, fn<geometry<K, __VA_ARGS__, 2>>, \
       fn<geometry<K, __VA_ARGS__, 3>>, fn<geometry<K, __VA_ARGS__, 4>>}};
#define NACRE_TILES(variable, fn, geometry, ...)                           \
  template <>                                                              \
  constexpr Tiles variable<3, __VA_ARGS__> = {                             \
      8,                                                                   \
      {fn<geometry<3, __VA_ARGS__, 1>>, fn<geometry<3, __VA_ARGS__, 2>>,   \
       fn<geometry<3, __VA_ARGS__, 3>>, fn<geometry<3, __VA_ARGS__, 4>>,   \
       fn<geometry<3, __VA_ARGS__, 5>>, fn<geometry<3, __VA_ARGS__, 6>>,   \
       fn<geometry<3, __VA_ARGS__, 7>>, fn<geometry<3, __VA_ARGS__, 8>>}}; \
  NACRE_TILES_OF_FOUR(variable, fn, geometry, 5, __VA_ARGS__)              \
  NACRE_TILES_OF_FOUR(variable, fn, geometry, 7, __VA_ARGS__)
NACRE_TILES(kGather, sum_tile, Gather, 1)
NACRE_TILES(kGather, sum_tile, Gather, 2)
NACRE_TILES(kSpread, sum_tile, Spread, 2, 0)
NACRE_TILES(kSpread, sum_tile, Spread, 2, 1)
NACRE_TILES(kProducts, add_tile, Gather, 1)
NACRE_TILES(kProducts, add_tile, Gather, 2)
#undef NACRE_TILES
#undef NACRE_TILES_OF_FOUR

template <int K>
const Tiles* tiles_for(ConvDirection direction, int64_t stride, int64_t low) {
  if (direction == ConvDirection::KernelGradient) {
    return stride == 1 ? &kProducts<K, 1> : &kProducts<K, 2>;
  }
  if (stride == 1) return &kGather<K, 1>;  // the input's gradient: with the kernel turned
  if (direction == ConvDirection::Forward) return &kGather<K, 2>;
  return low % 2 == 0 ? &kSpread<K, 2, 0> : &kSpread<K, 2, 1>;
}

const Tiles* tiles_of(const ConvCase& c) {
  const int64_t taps = c.kernel[kWide], stride = c.stride[kWide], low = c.low[kWide];
  if (taps == 3) return tiles_for<3>(c.direction, stride, low);
  return taps == 5 ? tiles_for<5>(c.direction, stride, low)
                   : tiles_for<7>(c.direction, stride, low);
}

bool can_run(const ConvCase& c) {
  if (c.channels != c.groups || c.filters != c.groups || c.pooled || !can_tile(c)) return false;
  const int64_t taps = c.kernel[kWide], stride = c.stride[kWide], low = c.low[kWide];
  if ((taps != 3 && taps != 5 && taps != 7) || stride > 2) return false;
  if (c.dilation[kWide] != 1 || c.dilation[kHeight] != 1) return false;
  // Every window meets a column, and every column has a window, but for what a stride skips.
  const int64_t high = (c.out[kWide] - 1) * stride + taps - low - c.in[kWide];
  return low < taps && high < taps && high > -stride;
}

// The rows of results (of dy for the kernel's gradient), and how they are cut into tiles.
struct Rows {
  const Tiles* tiles;
  int64_t height, width;
  int64_t source_width;
  int64_t unit;  // columns that tiles begin at a multiple of
  EvenSplit cuts;
  // Columns of the source for each result, or results for each column.
  int64_t columns, results;
};

Rows rows_of(const ConvCase& c) {
  const bool input = c.direction == ConvDirection::InputGradient;
  const int64_t stride = c.stride[kWide], skipped = c.stride[kHeight] * stride;
  Rows rows = {};
  rows.tiles = tiles_of(c);
  rows.height = (input ? c.in : c.out)[kHeight];
  rows.width = (input ? c.in : c.out)[kWide];
  rows.source_width = (input ? c.out : c.in)[kWide];
  rows.unit = input ? stride : 1;
  rows.cuts = even_split(ceil_div(rows.width, rows.unit), ceil_div(rows.width, rows.tiles->most));
  rows.columns = input ? 1 : skipped;
  rows.results = input ? skipped : 1;
  return rows;
}

// What row `at` of the results meets: rows of the kernel, every `tap_step`th from `tap` on, and of
// the source, every `step`th from `place` on. The next row meets more from `fresh` on.
struct Met {
  int64_t count, tap, tap_step, place, step, fresh;
};

Met met_by(const ConvCase& c, int64_t at) {
  const WindowAxis axis = axis_of(c, kHeight);
  if (c.direction != ConvDirection::InputGradient) {
    const WindowAxis::Taps taps = axis.taps_to_in(at);
    const int64_t count = at_least(0, taps.end - taps.begin);
    return {count, taps.begin, 1, axis.to_in(at, taps.begin), 1, axis.to_in(at, axis.taps)};
  }
  const WindowAxis::Taps taps = axis.taps_to_out(at);
  if (taps.begin >= taps.end) return {};
  const int64_t tap = taps.begin + (at + axis.low - taps.begin) % axis.stride;
  const int64_t count = at_least(0, ceil_div(taps.end - tap, axis.stride));
  const int64_t place = (at + axis.low - tap) / axis.stride;
  return {count, tap, axis.stride, place, -1, place + 1};
}

// The first column of the source of the tile that begins at column `at` of the results.
int64_t first_column(const ConvCase& c, int64_t at) {
  const int64_t stride = c.stride[kWide], low = c.low[kWide];
  if (c.direction != ConvDirection::InputGradient) return at * stride - low;
  return (at + low) / stride - (c.kernel[kWide] - 1 - low % stride) / stride;
}

// What the tiles of row `at` have in common. source: of the row's image.
DepthwiseArgs row_args(const ConvCase& c, const Rows& rows, const Met& met, const float* source) {
  const int64_t row = rows.source_width * c.channels;
  DepthwiseArgs args = {};
  args.source = source + met.place * row;
  args.source_row = met.step * row;
  args.tap_row = met.tap_step * c.kernel[kWide] * c.channels;
  args.tap = c.channels;
  args.rows = met.count;
  args.channels = c.channels;
  args.ahead = source + met.fresh * row;
  args.next_row = rows.width * c.channels;
  return args;
}

// Runs the tiles of a row. row: as for column 0 of everything.
void run_row(const ConvCase& c, const Rows& rows, const DepthwiseArgs& row) {
  DepthwiseArgs args = row;
  for (int64_t i = 0; i < rows.cuts.parts; ++i) {
    const int64_t at = rows.cuts.start(i) * rows.unit;
    const int64_t count = at_most(rows.cuts.size(i) * rows.unit, rows.width - at);
    const int64_t column = first_column(c, at);
    args.source = row.source + column * c.channels;
    args.first = -column;
    args.last = rows.source_width - column;
    args.ahead = row.ahead + at * rows.columns / rows.results * c.channels;
    args.result = row.result + at * c.channels;
    args.dy = row.dy + at * c.channels;
    rows.tiles->fns[count - 1](args);
  }
}

double nanoseconds(const ConvCase& c) {
  const int64_t pixels = c.batch * (c.in[kHeight] * c.in[kWide] + c.out[kHeight] * c.out[kWide]);
  const double moves =
      static_cast<double>(pixels * c.channels) * sizeof(float) / kBytesPerNanosecond;
  const double work = conv_nanoseconds(c);
  return work > moves ? work : moves;
}

// Rows [begin, end) of the results of forward or of the input's gradient, all images counted.
void sum_rows(const ConvCase& c, const Rows& rows, const ConvOperands& operands, int64_t begin,
              int64_t end) {
  const bool input = c.direction == ConvDirection::InputGradient;
  const bool curved = c.activation == Activation::Sigmoid || c.activation == Activation::Tanh;
  const bool turned = input && c.stride[kWide] == 1;
  const int64_t image = (input ? c.out : c.in)[kHeight] * rows.source_width * c.channels;
  const int64_t row = rows.width * c.channels, tap_row = c.kernel[kWide] * c.channels;
  for (int64_t i = begin; i < end; ++i) {
    const Met met = met_by(c, i % rows.height);
    const float* source = static_cast<const float*>(operands.first) + i / rows.height * image;
    DepthwiseArgs args = row_args(c, rows, met, source);
    args.taps = static_cast<const float*>(operands.second) + met.tap * tap_row;
    if (turned) {
      args.taps += tap_row - c.channels;
      args.tap = -c.channels;
    }
    args.result = static_cast<float*>(operands.result) + i * row;
    args.bias = static_cast<const float*>(operands.bias);
    args.relu = c.activation == Activation::Relu;
    run_row(c, rows, args);
    if (curved) finish_row(args.result, row, nullptr, false, c.activation);
  }
}

bool plan_sums(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  if (!can_run(c)) return false;
  plan->nanoseconds = nanoseconds(c);
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  plan->choice[kParts] = alone ? 1 : at_most(c.batch * rows_of(c).height, kMaxChunks);
  return true;
}

void run_sums(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const Rows rows = rows_of(plan.shape);
  const EvenSplit parts = even_split(plan.shape.batch * rows.height, plan.choice[kParts]);
  parallel_for(context, parts.parts, [&](int64_t part) {
    const int64_t begin = parts.start(part);
    sum_rows(plan.shape, rows, operands, begin, begin + parts.size(part));
  });
}

int64_t kernel_floats(const ConvCase& c) { return c.kernel[kHeight] * c.kernel[kWide] * c.filters; }

// Adds what rows [begin, end) give to the kernel's gradient. A row is one of so many images'.
void add_rows(const ConvCase& c, const Rows& rows, const float* x, const float* dy, int64_t images,
              int64_t begin, int64_t end, float* sums) {
  const int64_t x_image = c.in[kHeight] * c.in[kWide] * c.channels;
  const int64_t dy_row = rows.width * c.channels, dy_image = rows.height * dy_row;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t first = i / rows.height * images, at = i % rows.height;
    const Met met = met_by(c, at);
    DepthwiseArgs args = row_args(c, rows, met, x + first * x_image);
    args.gradient = sums + met.tap * c.kernel[kWide] * c.channels;
    args.dy = dy + first * dy_image + at * dy_row;
    args.images = at_most(images, c.batch - first);
    args.source_image = x_image;
    args.dy_image = dy_image;
    run_row(c, rows, args);
  }
}

// Runs add(part, its sums) for every part, and adds the sums up. Partial sums begin the workspace.
template <class Add>
void sum_parts(int64_t parts, int64_t size, const ConvOperands& operands,
               const KernelContext& context, Add&& add) {
  float* result = static_cast<float*>(operands.result);
  float* partial = reinterpret_cast<float*>(context.workspace);
  parallel_for(context, parts, [&](int64_t part) {
    float* sums = parts > 1 ? partial + part * size : result;
    __builtin_memset(sums, 0, static_cast<size_t>(size) * sizeof(float));
    add(part, sums);
  });
  if (parts == 1) return;
  constexpr int64_t kPiece = 4096;
  parallel_for(context, ceil_div(size, kPiece), [&](int64_t piece) {
    const int64_t begin = piece * kPiece;
    add_parts(partial + begin, parts, size, at_most(kPiece, size - begin), result + begin);
  });
}

// How many parts to sum at most.
int64_t most_parts(const ConvCase& c) {
  return at_least(2, at_most(kMaxParts, kMostPartialFloats / kernel_floats(c)));
}

bool plan_kernel_gradient(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  if (!can_run(c)) return false;
  plan->nanoseconds = nanoseconds(c);
  // Sums stay in registers for longer where a tile is several small images, or where few channels
  // make much of what every tile costs.
  const Rows rows = rows_of(c);
  const int64_t images =
      rows.tiles->most / at_most(rows.width, rows.tiles->most) * (c.channels <= 2 * kWidth ? 2 : 1);
  plan->choice[kImages] = at_most(images, ceil_div(c.batch, 4));
  const int64_t total = rows.height * ceil_div(c.batch, plan->choice[kImages]);
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  const int64_t parts = alone ? 1 : at_most(total, most_parts(c));
  plan->choice[kParts] = parts;
  plan->workspace =
      parts > 1 ? align64(static_cast<size_t>(parts * kernel_floats(c)) * sizeof(float)) : 0;
  return true;
}

void run_kernel_gradient(const ConvPlan& plan, const ConvOperands& operands,
                         const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const Rows rows = rows_of(c);
  const int64_t images = plan.choice[kImages];
  const EvenSplit parts = even_split(rows.height * ceil_div(c.batch, images), plan.choice[kParts]);
  sum_parts(parts.parts, kernel_floats(c), operands, context, [&](int64_t part, float* sums) {
    const int64_t begin = parts.start(part);
    add_rows(c, rows, static_cast<const float*>(operands.first),
             static_cast<const float*>(operands.second), images, begin, begin + parts.size(part),
             sums);
  });
}

// ---- several filters for each channel: as many channels, each repeated in a copy of an image ----

void repeat(const float* from, int64_t n, int64_t times, float* to) {
  if (times == 2) {
    for (int64_t i = 0; i < n; ++i) to[2 * i] = to[2 * i + 1] = from[i];
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < times; ++j) to[i * times + j] = from[i];
  }
}

// The sums of so many neighbours each.
void fold(const float* from, int64_t n, int64_t times, float* to) {
  for (int64_t i = 0; i < n; ++i) {
    float sum = from[i * times];
    for (int64_t j = 1; j < times; ++j) sum += from[i * times + j];
    to[i] = sum;
  }
}

// The case of one image with repeated channels.
ConvCase repeated(const ConvCase& c) {
  ConvCase wide = c;
  wide.batch = 1;
  wide.channels = wide.groups = c.filters;
  return wide;
}

int64_t repeated_floats(const ConvCase& c) {
  return (c.in[kHeight] * c.in[kWide] * c.filters + 15) & ~int64_t{15};
}

bool plan_repeated(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  if (c.groups == 1 || c.channels != c.groups || c.filters == c.channels) return false;
  if (!can_tile(c) || !can_run(repeated(c))) return false;
  plan->nanoseconds = static_cast<double>(c.batch) * nanoseconds(repeated(c));
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  const bool kernel = c.direction == ConvDirection::KernelGradient;
  const int64_t parts = alone ? 1 : at_most(c.batch, kernel ? most_parts(c) : kMaxParts);
  plan->choice[kParts] = parts;
  const int64_t sums = kernel && parts > 1 ? parts * kernel_floats(c) : 0;
  plan->workspace = align64(static_cast<size_t>(sums + parts * repeated_floats(c)) * sizeof(float));
  return true;
}

void run_repeated(const ConvPlan& plan, const ConvOperands& operands,
                  const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const ConvCase wide = repeated(c);
  const Rows rows = rows_of(wide);
  const bool input = c.direction == ConvDirection::InputGradient;
  const bool kernel = c.direction == ConvDirection::KernelGradient;
  const EvenSplit parts = even_split(c.batch, plan.choice[kParts]);
  const int64_t times = c.filters / c.channels, size = kernel_floats(c);
  const int64_t x_image = c.in[kHeight] * c.in[kWide] * c.channels;
  const int64_t y_image = c.out[kHeight] * c.out[kWide] * c.filters;
  float* copies = reinterpret_cast<float*>(context.workspace);
  if (kernel && parts.parts > 1) copies += parts.parts * size;
  const auto run = [&](int64_t part, float* sums) {
    float* copy = copies + part * repeated_floats(c);
    for (int64_t i = parts.start(part); i < parts.start(part) + parts.size(part); ++i) {
      const float* x = static_cast<const float*>(operands.first) + i * x_image;
      if (input) {
        const float* dy = static_cast<const float*>(operands.first) + i * y_image;
        sum_rows(wide, rows, {dy, operands.second, nullptr, copy}, 0, rows.height);
        fold(copy, x_image, times, static_cast<float*>(operands.result) + i * x_image);
      } else if (kernel) {
        repeat(x, x_image, times, copy);
        const float* dy = static_cast<const float*>(operands.second) + i * y_image;
        add_rows(wide, rows, copy, dy, 1, 0, rows.height, sums);
      } else {
        repeat(x, x_image, times, copy);
        float* y = static_cast<float*>(operands.result) + i * y_image;
        sum_rows(wide, rows, {copy, operands.second, operands.bias, y}, 0, rows.height);
      }
    }
  };
  if (kernel) return sum_parts(parts.parts, size, operands, context, run);
  parallel_for(context, parts.parts, [&](int64_t part) { run(part, nullptr); });
}

}  // namespace

const ConvKernel conv_depthwise[kConvDirections] = {
    {"depthwise tiles", plan_sums, run_sums},
    {"depthwise tiles", plan_sums, run_sums},
    {"depthwise tiles", plan_kernel_gradient, run_kernel_gradient},
};
const ConvKernel conv_depthwise_repeated = {"depthwise repeated", plan_repeated, run_repeated};

}  // namespace nacre::cpu::NACRE_ISA_NAME
