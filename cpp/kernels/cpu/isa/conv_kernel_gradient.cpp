// Float32 gradient of a convolution's kernel: tiles of taps and channels times panels of filters,
// summed over pixels. Nothing is packed. The pixels are cut into parts whose number follows from
// the shape, and the sums of the parts are added in their order.

#include "kernels/cpu/isa/conv_tiled.h"
#include "kernels/cpu/isa/gemm_thin.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

enum Choice { kParts, kImages };

constexpr int64_t kMostPartialFloats = int64_t{4} << 20;

int64_t kernel_floats(const ConvCase& c) {
  return c.kernel[kHeight] * c.kernel[kWide] * (c.channels / c.groups) * c.filters;
}

// Small images go through the tiles several at a time, so that sums stay in registers for longer.
int64_t together(const ConvCase& c, const Strips& strips) {
  if (strips.per_image > 1) return 1;
  const int64_t row = c.stride[kHeight] * strips.width * c.channels + c.out[kWide] * c.filters;
  const int64_t fits = at_most(kMaxRuns / strips.rows, kStripFloats / (row * strips.rows));
  return at_least(1, at_most(fits, c.batch / kMaxParts));
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
  const int64_t images = together(c, strips);
  plan->choice[kImages] = images;
  const int64_t total = strips.per_image * ceil_div(c.batch, images);
  const int64_t most = at_least(2, at_most(kMaxParts, kMostPartialFloats / kernel_floats(c)));
  plan->choice[kParts] = plan->nanoseconds < kParallelNanoseconds ? 1 : at_most(total, most);
  const int64_t parts = plan->choice[kParts];
  const int64_t partial = parts > 1 ? parts * kernel_floats(c) : 0;
  const int64_t scratch = images * (strips.copy + spread_floats(c, strips));
  plan->workspace = align64(static_cast<size_t>(partial + parts * scratch) * sizeof(float));
  return true;
}

// Adds one strip of one group, or several images, to `sums`, or starts them.
void add_strip(const ConvCase& c, const Strips& strips, const Strip& strip, int64_t images,
               const float* dy, int64_t group, bool first, float* sums) {
  const int64_t filters = c.filters / c.groups, channels = c.channels / c.groups;
  const int64_t row = strips.width * c.channels;
  // Taps of one row of the kernel and their channels are adjacent, unless something is skipped.
  const bool whole_rows = c.groups == 1 && c.dilation[kWide] == 1;
  const int64_t m = whole_rows ? c.kernel[kWide] * channels : channels;
  const int64_t taps = whole_rows ? 1 : c.kernel[kWide];
  const int64_t image = strips.border ? strips.copy : c.in[kHeight] * row;
  int64_t runs[kMaxRuns];
  for (int64_t i = 0; i < images; ++i) {
    for (int64_t r = 0; r < strip.rows; ++r) {
      runs[i * strip.rows + r] = i * image + r * c.stride[kHeight] * row;
    }
  }
  TileArgs args = {};
  args.a_row = 1;
  args.a_k = c.stride[kWide] * c.channels;
  args.b_k = c.filters;
  args.k = c.out[kWide];
  args.runs = runs + 1;
  args.more_runs = images * strip.rows - 1;
  args.c_row = c.filters;
  args.accumulate = !first;
  const EvenSplit tiles = even_split(m, ceil_div(m, kTileRows));
  for (int64_t h = 0; h < c.kernel[kHeight]; ++h) {
    for (int64_t w = 0; w < taps; ++w) {
      const float* x = strip.x + h * c.dilation[kHeight] * row +
                       w * c.dilation[kWide] * c.channels + group * channels;
      float* to = sums + (h * c.kernel[kWide] + w) * channels * c.filters + group * filters;
      for (int64_t column = 0; column < filters; column += kPanel) {
        const int64_t columns = at_most(kPanel, filters - column);
        args.b = dy + group * filters + column;
        args.tail = tail_of(columns);
        for (int64_t tile = 0; tile < tiles.parts; ++tile) {
          args.a = x + tiles.start(tile);
          args.c = to + tiles.start(tile) * c.filters + column;
          run_tile(args, tiles.size(tile), columns, true);
        }
      }
    }
  }
}

void run_tiled(const ConvPlan& plan, const ConvOperands& operands, const KernelContext& context) {
  const ConvCase& c = plan.shape;
  const Strips strips = make_strips(c);
  const int64_t size = kernel_floats(c);
  float* result = static_cast<float*>(operands.result);
  float* partial = reinterpret_cast<float*>(context.workspace);
  const int64_t images = plan.choice[kImages];
  const EvenSplit parts =
      even_split(strips.per_image * ceil_div(c.batch, images), plan.choice[kParts]);
  float* copies = partial + (parts.parts > 1 ? parts.parts * size : 0);
  parallel_for(context, parts.parts, [&](int64_t part) {
    float* sums = parts.parts > 1 ? partial + part * size : result;
    const int64_t begin = parts.start(part), end = begin + parts.size(part);
    const float* x = static_cast<const float*>(operands.first);
    float* copy = copies + part * images * (strips.copy + spread_floats(c, strips));
    float* spread = copy + images * strips.copy;
    for (int64_t i = begin; i < end; ++i) {
      const Strip strip = make_strip(c, strips, x, i * images, copy);
      const int64_t count = at_most(images, c.batch - strip.image);
      for (int64_t j = 1; strips.border && j < count; ++j) {
        make_strip(c, strips, x, i * images + j, copy + j * strips.copy);
      }
      const int64_t pixel = (strip.image * c.out[kHeight] + strip.row) * c.out[kWide];
      const float* dy = static_cast<const float*>(operands.second);
      if (c.pooled) {
        for (int64_t j = 0; j < count; ++j) {
          spread_rows(c, dy, operands.index, strip.image + j, strip.row, strip.rows,
                      spread + j * strip.rows * c.out[kWide] * c.filters);
        }
        dy = spread;
      } else {
        dy += pixel * c.filters;
      }
      for (int64_t group = 0; group < c.groups; ++group) {
        add_strip(c, strips, strip, count, dy, group, i == begin, sums);
      }
    }
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
