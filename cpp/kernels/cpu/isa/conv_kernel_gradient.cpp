// Float32 gradient of a convolution's kernel: tiles of taps and channels times panels of filters,
// summed over pixels. Nothing is packed. The pixels are cut into parts and the filters into blocks,
// whose numbers follow from the shape, and the sums of the parts are added in their order.

#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa/gemm_thin.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

enum Choice { kParts, kBlocks, kImages };

// Sums that stay near a core while it goes through the pixels.
constexpr int64_t kNearSums = int64_t{1} << 16;
constexpr int64_t kMostPartialFloats = int64_t{4} << 20;

int64_t kernel_floats(const ConvCase& c) {
  return c.kernel[kHeight] * c.kernel[kWide] * (c.channels / c.groups) * c.filters;
}

int64_t panels_of(const ConvCase& c) { return ceil_div(c.filters / c.groups, kPanel); }

// Large kernels are cut into blocks of panels, each of which goes through all pixels by itself.
int64_t choose_blocks(const ConvCase& c) {
  if (c.pooled) return 1;
  const int64_t panels = panels_of(c);
  const int64_t wanted = at_most(kMaxParts, ceil_div(kernel_floats(c), kNearSums));
  return ceil_div(panels, at_least(1, panels / wanted));
}

// Small images go through the tiles several at a time, so that sums stay in registers for longer.
int64_t together(const ConvCase& c, const Strips& strips, int64_t parts) {
  if (strips.per_image > 1) return 1;
  const int64_t row = c.stride[kHeight] * strips.width * c.channels + c.out[kWide] * c.filters;
  const int64_t fits = at_most(kMaxRuns / strips.rows, kStripFloats / (row * strips.rows));
  return at_least(1, at_most(fits, c.batch / parts));
}

// Floats of dy that a pooled case spreads at a time.
int64_t spread_floats(const ConvCase& c, const Strips& strips) {
  return c.pooled ? (strips.rows * c.out[kWide] * c.filters + 15) & ~int64_t{15} : 0;
}

bool plan_tiled(ConvPlan* plan) {
  const ConvCase& c = plan->shape;
  const int64_t filters = c.filters / c.groups;
  if (!can_tile(c) || !can_pool(c) || (c.groups > 1 && filters < kWidth / 2)) return false;
  // Without masked loads a partial vector would be read beyond the last pixel.
  if (!kMaskedLoads && filters % kWidth != 0) return false;
  const Strips strips = make_strips(c);
  if (strips.rows > kMaxRuns) return false;
  plan->nanoseconds = conv_nanoseconds(c);
  const bool alone = plan->nanoseconds < kParallelNanoseconds;
  const int64_t blocks = alone ? 1 : choose_blocks(c);
  const int64_t most = at_least(blocks > 1 ? 1 : 2,
                                at_most(kMaxParts / blocks, kMostPartialFloats / kernel_floats(c)));
  const int64_t images = together(c, strips, most);
  const int64_t total = strips.per_image * ceil_div(c.batch, images);
  const int64_t parts = alone ? 1 : at_most(total, most);
  plan->choice[kParts] = parts;
  plan->choice[kBlocks] = blocks;
  plan->choice[kImages] = images;
  const int64_t partial = parts > 1 ? parts * kernel_floats(c) : 0;
  const int64_t scratch = images * (strips.copy + spread_floats(c, strips));
  plan->workspace =
      align64(static_cast<size_t>(partial + parts * blocks * scratch) * sizeof(float));
  return true;
}

// What a tile's sums run over: some images' strips and dy, some panels of every group.
struct Piece {
  const float *x, *dy;
  int64_t row, rows;  // rows of dy, of every image
  int64_t images, first_panel, last_panel;
  bool starts;  // the sums
};

// Where the rows of x and dy that meet through row `tap` of the kernel begin, image after image,
// from the first of them on.
struct Runs {
  int64_t count, x, dy;
  int64_t more_x[kMaxRuns], more_dy[kMaxRuns];
};

void set_runs(const ConvCase& c, const Strips& strips, const Piece& p, int64_t tap, Runs* runs) {
  const int64_t x_row = strips.width * c.channels, dy_row = c.out[kWide] * c.filters;
  const int64_t image = strips.border ? strips.copy : c.in[kHeight] * x_row;
  const int64_t place = tap * c.dilation[kHeight] - c.low[kHeight];
  runs->count = 0;
  for (int64_t i = 0; i < p.images; ++i) {
    for (int64_t r = 0; r < p.rows; ++r) {
      const int64_t in = (p.row + r) * c.stride[kHeight] + place;
      if (in < 0 || in >= c.in[kHeight]) continue;
      const int64_t x = i * image + (r * c.stride[kHeight] + tap * c.dilation[kHeight]) * x_row;
      const int64_t dy = (i * p.rows + r) * dy_row;
      if (runs->count == 0) {
        runs->x = x;
        runs->dy = dy;
      } else {
        runs->more_x[runs->count - 1] = x - runs->x;
        runs->more_dy[runs->count - 1] = dy - runs->dy;
      }
      ++runs->count;
    }
  }
}

// Adds a piece to the sums of a row of the kernel in one group, or starts them.
void add_row(const ConvCase& c, const Piece& p, const Runs& runs, int64_t group, float* sums) {
  const int64_t filters = c.filters / c.groups, channels = c.channels / c.groups;
  // Taps of one row of the kernel and their channels are adjacent, unless something is skipped.
  const bool whole_rows = c.groups == 1 && c.dilation[kWide] == 1;
  const int64_t m = whole_rows ? c.kernel[kWide] * channels : channels;
  const int64_t taps = whole_rows ? 1 : c.kernel[kWide];
  TileArgs args = {};
  args.a_row = 1;
  args.a_k = c.stride[kWide] * c.channels;
  args.b_k = c.filters;
  args.k = c.out[kWide];
  args.runs = runs.more_x;
  args.b_runs = runs.more_dy;
  args.more_runs = runs.count - 1;
  args.c_row = c.filters;
  args.accumulate = !p.starts;
  const EvenSplit tiles = even_split(m, ceil_div(m, kTileRows));
  for (int64_t w = 0; w < taps; ++w) {
    const float* x = p.x + runs.x + w * c.dilation[kWide] * c.channels + group * channels;
    float* to = sums + w * channels * c.filters + group * filters;
    for (int64_t panel = p.first_panel; panel < p.last_panel; ++panel) {
      const int64_t column = panel * kPanel, columns = at_most(kPanel, filters - column);
      args.b = p.dy + runs.dy + group * filters + column;
      args.tail = tail_of(columns);
      for (int64_t tile = 0; tile < tiles.parts; ++tile) {
        args.a = x + tiles.start(tile);
        args.c = to + tiles.start(tile) * c.filters + column;
        run_tile(args, tiles.size(tile), columns, true);
      }
    }
  }
}

void add_piece(const ConvCase& c, const Strips& strips, const Piece& p, float* sums) {
  Runs runs;
  for (int64_t h = 0; h < c.kernel[kHeight]; ++h) {
    set_runs(c, strips, p, h, &runs);
    if (runs.count == 0) {
      if (!p.starts) continue;
      runs.x = runs.dy = 0;
    }
    float* row = sums + h * c.kernel[kWide] * (c.channels / c.groups) * c.filters;
    for (int64_t group = 0; group < c.groups; ++group) add_row(c, p, runs, group, row);
  }
}

// One part of the strips, over the panels of p.
void run_part(const ConvPlan& plan, const Strips& strips, const ConvOperands& operands,
              int64_t begin, int64_t end, Piece p, float* copy, float* sums) {
  const ConvCase& c = plan.shape;
  const int64_t images = plan.choice[kImages];
  const float* x = static_cast<const float*>(operands.first);
  float* spread = copy + images * strips.copy;
  for (int64_t i = begin; i < end; ++i) {
    const Strip strip = make_strip(c, strips, x, i * images, copy);
    p.images = at_most(images, c.batch - strip.image);
    for (int64_t j = 1; strips.border && j < p.images; ++j) {
      make_strip(c, strips, x, i * images + j, copy + j * strips.copy);
    }
    p.x = strip.x;
    p.row = strip.row;
    p.rows = strip.rows;
    p.starts = i == begin;
    const float* dy = static_cast<const float*>(operands.second);
    if (c.pooled) {
      for (int64_t j = 0; j < p.images; ++j) {
        spread_rows(c, dy, operands.index, strip.image + j, strip.row, strip.rows,
                    spread + j * strip.rows * c.out[kWide] * c.filters);
      }
      p.dy = spread;
    } else {
      p.dy = dy + (strip.image * c.out[kHeight] + strip.row) * c.out[kWide] * c.filters;
    }
    add_piece(c, strips, p, sums);
  }
}

void run_tiled(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const Strips strips = make_strips(c);
  const int64_t size = kernel_floats(c), images = plan.choice[kImages];
  const EvenSplit parts =
      even_split(strips.per_image * ceil_div(c.batch, images), plan.choice[kParts]);
  const EvenSplit blocks = even_split(panels_of(c), plan.choice[kBlocks]);
  float* result = static_cast<float*>(operands.result);
  float* partial = reinterpret_cast<float*>(context.workspace);
  float* copies = partial + (parts.parts > 1 ? parts.parts * size : 0);
  parallel_for(context, parts.parts * blocks.parts, [&](int64_t i) {
    const int64_t part = i / blocks.parts, block = i % blocks.parts;
    Piece p = {};
    p.first_panel = blocks.start(block);
    p.last_panel = p.first_panel + blocks.size(block);
    run_part(plan, strips, operands, parts.start(part), parts.start(part) + parts.size(part), p,
             copies + i * images * (strips.copy + spread_floats(c, strips)),
             parts.parts > 1 ? partial + part * size : result);
  });
  if (parts.parts == 1) return;
  constexpr int64_t kPiece = 4096;
  parallel_for(context, ceil_div(size, kPiece), [&](int64_t piece) {
    const int64_t begin = piece * kPiece;
    add_parts(partial + begin, parts.parts, size, at_most(kPiece, size - begin), result + begin);
  });
}

}  // namespace

const ConvKernel conv_kernel_gradient_tiled = {"tiled", plan_tiled, run_tiled};

}  // namespace nacre::cpu::NACRE_ISA_NAME
