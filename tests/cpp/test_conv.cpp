// The float32 convolution kernels, each by itself and under every instruction set, against sums in
// double.

#include "kernels/cpu/conv.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/cpu/isa.h"
#include "parallel/thread_pool.h"

namespace nacre::cpu {
namespace {

using check::Random;
using Floats = std::vector<float>;

constexpr float kGuard = -77.0f;

int64_t volume(const int64_t* size) { return size[0] * size[1] * size[2]; }

// The same geometry with operands for every direction. Pooled cases have windows of `y`.
struct Example {
  ConvCase shape;
  Floats x, kernel, y, bias, small;  // small: y at the windows' maxima
  std::vector<uint8_t> index;
};

// Elements of y's side after the maxima are taken.
int64_t pooled_pixels(const ConvCase& c) {
  int64_t pixels = c.batch;
  for (int i = 0; i < 3; ++i) pixels *= c.out[i] / c.window[i];
  return pixels;
}

Floats random_floats(Random& random, int64_t count) {
  Floats values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.uniform(-1, 1)));
  return values;
}

// Operands for the shape.
void fill(Example& e, Random& random) {
  const ConvCase& c = e.shape;
  e.x = random_floats(random, c.batch * volume(c.in) * c.channels);
  e.kernel = random_floats(random, volume(c.kernel) * (c.channels / c.groups) * c.filters);
  e.y = random_floats(random, c.batch * volume(c.out) * c.filters);
  e.bias = random_floats(random, c.filters);
  e.small = random_floats(random, pooled_pixels(c) * c.filters);
  for (size_t i = 0; i < e.small.size(); ++i) {
    e.index.push_back(static_cast<uint8_t>(random.integer(0, volume(c.window) - 1)));
  }
}

void set_axis(ConvCase& c, int axis, Random& random) {
  c.kernel[axis] = random.integer(1, 4);
  c.stride[axis] = random.integer(1, 3);
  c.dilation[axis] = random.integer(1, 5) == 1 ? 2 : 1;
  const int64_t reach = (c.kernel[axis] - 1) * c.dilation[axis] + 1;
  c.low[axis] = random.integer(0, 1) * random.integer(0, reach - 1);
  const int64_t high = random.integer(0, 1) * random.integer(0, reach - 1);
  c.in[axis] = std::max<int64_t>(random.integer(1, 19), reach - c.low[axis] - high);
  c.out[axis] = (c.in[axis] + c.low[axis] + high - reach) / c.stride[axis] + 1;
}

Example make_example(uint64_t seed, bool pooled) {
  Random random(seed);
  Example e;
  ConvCase& c = e.shape;
  c.batch = random.integer(1, 5);
  c.groups = random.integer(1, 4) == 1 ? random.integer(2, 3) : 1;
  c.channels = c.groups * random.integer(1, c.groups > 1 ? 12 : 40);
  c.filters = c.groups * (c.groups > 1 ? random.integer(8, 20) : random.integer(1, 70));
  for (int axis = 1; axis < 3; ++axis) set_axis(c, axis, random);
  if (random.integer(1, 10) == 1) {  // a product
    for (int i = 1; i < 3; ++i) {
      c.kernel[i] = c.stride[i] = c.dilation[i] = 1;
      c.low[i] = 0;
      c.out[i] = c.in[i];
    }
  }
  if (pooled) {
    c.pooled = c.indexed = true;
    for (int i = 1; i < 3; ++i) c.window[i] = std::min<int64_t>(random.integer(1, 3), c.out[i]);
  }
  fill(e, random);
  return e;
}

// A filter or more for each channel, and paddings of any size: windows may lie outside of x, and
// elements of x outside of all windows.
Example make_depthwise(uint64_t seed) {
  Random random(seed);
  Example e;
  ConvCase& c = e.shape;
  c.batch = random.integer(0, 5) == 0 ? random.integer(15, 40) : random.integer(1, 5);
  c.channels = c.groups = random.integer(1, 70);
  c.filters = c.channels * (random.integer(0, 2) == 0 ? random.integer(2, 3) : 1);
  for (int axis = 1; axis < 3; ++axis) {
    c.kernel[axis] = random.integer(0, 3) == 0 ? random.integer(1, 8) : 3 + 2 * (seed % 3);
    c.stride[axis] = random.integer(0, 9) == 0 ? 3 : random.integer(1, 2);
    c.dilation[axis] = random.integer(0, 9) == 0 ? 2 : 1;
    const int64_t reach = (c.kernel[axis] - 1) * c.dilation[axis] + 1;
    const int64_t most = random.integer(0, 5) == 0 ? reach + 2 : reach - 1;
    c.low[axis] = random.integer(0, most);
    const int64_t high = random.integer(0, most);
    c.in[axis] = std::max<int64_t>(random.integer(1, 19), reach - c.low[axis] - high);
    c.out[axis] = (c.in[axis] + c.low[axis] + high - reach) / c.stride[axis] + 1;
    if (random.integer(0, 9) == 0) c.in[axis] += 3;
  }
  fill(e, random);
  return e;
}

// Calls body(image, out row, out column, filter, window's element, its place) for pixels inside
// windows.
template <class Body>
void each_in_window(const ConvCase& c, Body&& body) {
  const int64_t height = c.out[1] / c.window[1], width = c.out[2] / c.window[2];
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t h = 0; h < height * c.window[1]; ++h) {
      for (int64_t w = 0; w < width * c.window[2]; ++w) {
        for (int64_t f = 0; f < c.filters; ++f) {
          const int64_t at =
              ((n * height + h / c.window[1]) * width + w / c.window[2]) * c.filters + f;
          const int64_t place = h % c.window[1] * c.window[2] + w % c.window[2];
          body(((n * c.out[1] + h) * c.out[2] + w) * c.filters + f, at, place);
        }
      }
    }
  }
}

// The trilinear form that all directions share: body(x, kernel, y) with the indices that meet.
template <class Body>
void each_product(const ConvCase& c, Body&& body) {
  const int64_t share = c.channels / c.groups, per_group = c.filters / c.groups;
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t out = 0; out < c.out[1] * c.out[2]; ++out) {
      for (int64_t tap = 0; tap < c.kernel[1] * c.kernel[2]; ++tap) {
        const int64_t h =
            out / c.out[2] * c.stride[1] + tap / c.kernel[2] * c.dilation[1] - c.low[1];
        const int64_t w =
            out % c.out[2] * c.stride[2] + tap % c.kernel[2] * c.dilation[2] - c.low[2];
        if (h < 0 || w < 0 || h >= c.in[1] || w >= c.in[2]) continue;
        const int64_t x = ((n * c.in[1] + h) * c.in[2] + w) * c.channels;
        const int64_t y = (n * c.out[1] * c.out[2] + out) * c.filters;
        for (int64_t f = 0; f < c.filters; ++f) {
          for (int64_t i = 0; i < share; ++i) {
            body(x + f / per_group * share + i, (tap * share + i) * c.filters + f, y + f);
          }
        }
      }
    }
  }
}

double activated(double v, Activation activation) {
  if (activation == Activation::Relu) return v < 0 ? 0 : v;
  if (activation == Activation::Sigmoid) return 1 / (1 + std::exp(-v));
  return activation == Activation::Tanh ? std::tanh(v) : v;
}

std::vector<double> expected(const Example& e) {
  const ConvCase& c = e.shape;
  if (c.direction == ConvDirection::Forward) {
    std::vector<double> y(e.y.size());
    each_product(c, [&](int64_t x, int64_t k, int64_t out) {
      y[out] += static_cast<double>(e.x[x]) * e.kernel[k];
    });
    for (size_t i = 0; i < y.size(); ++i) {
      y[i] = activated(y[i] + (c.has_bias ? e.bias[i % c.filters] : 0), c.activation);
    }
    if (!c.pooled) return y;
    std::vector<double> best(e.small.size(), -HUGE_VAL);
    each_in_window(
        c, [&](int64_t pixel, int64_t at, int64_t) { best[at] = std::max(best[at], y[pixel]); });
    return best;
  }
  Floats dy = e.y;
  if (c.pooled) {
    dy.assign(e.y.size(), 0);
    each_in_window(c, [&](int64_t pixel, int64_t at, int64_t place) {
      if (e.index[at] == place) dy[pixel] = e.small[at];
    });
  }
  const bool input = c.direction == ConvDirection::InputGradient;
  std::vector<double> result(input ? e.x.size() : e.kernel.size());
  each_product(c, [&](int64_t x, int64_t k, int64_t y) {
    result[input ? x : k] += static_cast<double>(input ? e.kernel[k] : e.x[x]) * dy[y];
  });
  return result;
}

// The result between two guards; empty when the kernel does not run the case.
Floats run(const ConvKernel& kernel, const Example& e, size_t size, std::vector<uint8_t>* index) {
  const ConvCase& c = e.shape;
  ConvPlan plan;
  plan.shape = c;
  if (!kernel.plan(&plan)) return {};
  auto* workspace = static_cast<char*>(std::aligned_alloc(64, (plan.workspace + 127) / 64 * 64));
  std::memset(workspace, 0xff, (plan.workspace + 127) / 64 * 64);  // NaN
  uint32_t status = 0;
  int64_t offender = 0;
  const KernelContext context = make_context(&status, &offender, workspace);
  Floats result(size + 2, kGuard);
  const bool forward = c.direction == ConvDirection::Forward;
  const float* dy = c.pooled ? e.small.data() : e.y.data();
  *index = forward ? std::vector<uint8_t>(size, 255) : e.index;
  ConvOperands operands = {e.x.data(), e.kernel.data(), c.has_bias ? e.bias.data() : nullptr,
                           result.data() + 1, index->data()};
  if (c.direction == ConvDirection::InputGradient) operands.first = dy;
  if (c.direction == ConvDirection::KernelGradient) operands.second = dy;
  kernel.run(plan, operands, context);
  std::free(workspace);
  return result;
}

// Places must be those of values as large as the maximum, the first of them but for rounding.
void check_places(const Example& e, const Floats& result, const std::vector<uint8_t>& index) {
  Example whole = e;
  whole.shape.pooled = false;
  const std::vector<double> y = expected(whole);
  each_in_window(e.shape, [&](int64_t pixel, int64_t at, int64_t place) {
    if (index[at] == place) CHECK(std::fabs(y[pixel] - result[at + 1]) < 1e-4);
  });
  for (const uint8_t place : index) CHECK(place < volume(e.shape.window));
}

// The kernel that a case is given to.
std::string chosen_name(const IsaTable& isa, const ConvCase& c) {
  const int direction = static_cast<int>(c.direction);
  for (int k = 0; k < isa.conv->counts[direction]; ++k) {
    const ConvKernel& kernel = *isa.conv->kernels[direction][k];
    ConvPlan plan;
    plan.shape = c;
    if (kernel.plan(&plan)) return kernel.name;
  }
  return "";
}

// How many kernels ran the case, summed over the instruction sets.
int check_example(Example& e) {
  const std::vector<double> wanted = expected(e);
  int ran = 0;
  for (const IsaTable* isa : available_isas()) {
    const int direction = static_cast<int>(e.shape.direction);
    for (int k = 0; k < isa->conv->counts[direction]; ++k) {
      const ConvKernel& kernel = *isa->conv->kernels[direction][k];
      Floats first;
      std::vector<uint8_t> index;
      for (const int threads : {1, 2, 3, 5}) {
        ThreadPool::instance().set_threads(threads);
        const Floats result = run(kernel, e, wanted.size(), &index);
        if (result.empty()) break;
        if (first.empty()) first = result;
        CHECK(std::memcmp(first.data(), result.data(), result.size() * sizeof(float)) == 0);
      }
      if (first.empty()) continue;
      ++ran;
      double worst = 0;
      for (size_t i = 0; i < wanted.size(); ++i) {
        const double error = std::fabs(first[i + 1] - wanted[i]);
        if (!(error <= worst)) worst = error;  // a NaN stays
      }
      const bool guarded = first.front() == kGuard && first.back() == kGuard;
      if (!(worst < 2e-4) || !guarded) {
        check::fail(__FILE__, __LINE__,
                    std::string(isa->name) + " " + kernel.name + ": error " +
                        std::to_string(worst) + (guarded ? "" : ", wrote outside"));
      }
      if (e.shape.pooled && direction == 0) check_places(e, first, index);
    }
  }
  return ran;
}

TEST(every_direction_and_kernel) {
  for (const bool pooled : {false, true}) {
    for (int direction = 0; direction < kConvDirections; ++direction) {
      int ran = 0;
      for (uint64_t seed = 0; seed < 60; ++seed) {
        Example e = make_example(seed, pooled);
        e.shape.direction = static_cast<ConvDirection>(direction);
        if (direction == 0) {
          e.shape.has_bias = seed % 2 != 0;
          e.shape.activation = static_cast<Activation>(seed % 4);
        }
        ran += check_example(e);
      }
      CHECK(ran > (pooled ? 10 : 60));  // with one instruction set too
    }
  }
}

TEST(depthwise) {
  for (int direction = 0; direction < kConvDirections; ++direction) {
    int ran = 0;
    for (uint64_t seed = 0; seed < 120; ++seed) {
      Example e = make_depthwise(seed);
      e.shape.direction = static_cast<ConvDirection>(direction);
      if (direction == 0) {
        e.shape.has_bias = seed % 3 != 0;
        e.shape.activation = static_cast<Activation>(seed % 4);
      }
      ran += check_example(e);
    }
    CHECK(ran > 120);
  }
}

// Images from 1x1 to 34x34, as networks have them: borders of whole tiles.
TEST(depthwise_images_of_every_size) {
  for (int64_t size = 1; size < 35; ++size) {
    for (const int64_t stride : {1, 2}) {
      for (const int64_t taps : {3, 5, 7}) {
        Example e;
        ConvCase& c = e.shape;
        c.batch = size < 9 ? 18 : 1;
        c.channels = c.groups = c.filters = 20;
        for (int i = 1; i < 3; ++i) {
          c.in[i] = size, c.kernel[i] = taps, c.stride[i] = stride;
          c.out[i] = (size + stride - 1) / stride;
          c.low[i] = std::max<int64_t>((c.out[i] - 1) * stride + taps - size, 0) / 2;
        }
        Random random(static_cast<uint64_t>(size));
        fill(e, random);
        for (int direction = 0; direction < kConvDirections; ++direction) {
          c.direction = static_cast<ConvDirection>(direction);
          CHECK_EQ(chosen_name(*available_isas()[0], c), std::string("depthwise tiles"));
          CHECK(check_example(e) > 0);
        }
      }
    }
  }
}

// No images: nothing is written, or a gradient of zeros.
TEST(empty_batch) {
  for (const int64_t groups : {1, 8}) {
    for (int direction = 0; direction < kConvDirections; ++direction) {
      Example e;
      ConvCase& c = e.shape;
      c.direction = static_cast<ConvDirection>(direction);
      c.channels = c.filters = 8, c.groups = groups;
      for (int i = 1; i < 3; ++i) c.in[i] = c.out[i] = 5, c.kernel[i] = 3, c.low[i] = 1;
      Random random(1);
      fill(e, random);
      CHECK(check_example(e) > 0);
    }
  }
}

// Enough work to be cut into parts, small images together among it.
TEST(parts) {
  for (const int64_t size : {6, 40}) {
    for (int direction = 0; direction < kConvDirections; ++direction) {
      for (const bool pooled : {false, true}) {
        Example e = make_example(7, pooled);
        ConvCase& c = e.shape;
        c = ConvCase{};
        c.direction = static_cast<ConvDirection>(direction);
        c.batch = size == 6 ? 64 : 2;
        c.channels = 16, c.filters = 40;
        c.pooled = c.indexed = pooled;
        for (int i = 1; i < 3; ++i) {
          c.in[i] = size, c.kernel[i] = 3, c.out[i] = size, c.low[i] = 1;
          if (pooled) c.window[i] = 2;
        }
        Random random(3);
        e.x = random_floats(random, c.batch * volume(c.in) * c.channels);
        e.kernel = random_floats(random, 9 * c.channels * c.filters);
        e.y = random_floats(random, c.batch * volume(c.out) * c.filters);
        e.small = random_floats(random, pooled_pixels(c) * c.filters);
        e.index.assign(e.small.size(), 0);
        for (uint8_t& place : e.index) place = static_cast<uint8_t>(random.integer(0, 3));
        CHECK(check_example(e) > 0);
      }
    }
  }
}

// Kernels too large to be summed at once, with windows that reach beyond small images.
TEST(large_kernels) {
  for (const int64_t stride : {1, 2}) {
    Example e;
    ConvCase& c = e.shape;
    c.batch = 6, c.channels = 90, c.filters = 100;
    for (int i = 1; i < 3; ++i) {
      c.in[i] = 4, c.kernel[i] = 3, c.stride[i] = stride, c.low[i] = 1, c.out[i] = 4 / stride;
    }
    Random random(5);
    fill(e, random);
    for (int direction = 0; direction < kConvDirections; ++direction) {
      c.direction = static_cast<ConvDirection>(direction);
      CHECK(check_example(e) > 0);
    }
  }
}

// Counting the work of a large case must not overflow and send it to the plain loops.
TEST(large_images_are_tiled) {
  for (const IsaTable* isa : available_isas()) {
    for (int direction = 0; direction < kConvDirections; ++direction) {
      ConvCase c;
      c.direction = static_cast<ConvDirection>(direction);
      c.batch = 64, c.channels = c.filters = 64;
      for (int i = 1; i < 3; ++i) c.in[i] = c.out[i] = 4096, c.kernel[i] = 3, c.low[i] = 1;
      CHECK_EQ(chosen_name(*isa, c), std::string("tiled"));
    }
  }
}

}  // namespace
}  // namespace nacre::cpu
