// The reference backend's movement, indexing, order and random ops against values worked out by
// hand.

#include <algorithm>

#include "reference_case.h"

namespace nacre::check {
namespace {

constexpr DType f32 = DType::Float32, f64 = DType::Float64, i32 = DType::Int32, i64 = DType::Int64,
                u8 = DType::UInt8, u32 = DType::UInt32, boolean = DType::Bool;

const Tensor kSix = make(f32, {2, 3}, {1, 2, 3, 4, 5, 6});

Attrs axis_attr(int64_t axis) { return {{"axis", axis}}; }

TEST(movement) {
  expect("transpose", {{"perm", Ints{1, 0}}}, {kSix}, f32, {3, 2}, {1, 4, 2, 5, 3, 6});
  const Tensor cube = make(u8, {2, 1, 3}, {1, 2, 3, 4, 5, 6});
  expect("transpose", {{"perm", Ints{2, 0, 1}}}, {cube}, u8, {3, 2, 1}, {1, 4, 2, 5, 3, 6});
  expect("broadcast_to", {}, {make(f32, {2, 1}, {1, 2})}, f32, {2, 2, 2}, {1, 1, 2, 2, 1, 1, 2, 2});
  expect("concat", axis_attr(1), {kSix, make(f32, {2, 1}, {7, 8})}, f32, {2, 4},
         {1, 2, 3, 7, 4, 5, 6, 8});
  expect("concat", axis_attr(0), {make(f32, {0, 3}, {}), kSix}, f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expect("slice", {{"start", Ints{1, 0}}, {"size", Ints{1, 2}}, {"stride", Ints{1, 2}}}, {kSix},
         f32, {1, 2}, {4, 6});
  expect("pad", {{"low", Ints{1, 0}}, {"high", Ints{0, 1}}, {"interior", Ints{0, 1}}},
         {make(f32, {1, 2}, {1, 2}), make(f32, {}, {9})}, f32, {2, 4}, {9, 9, 9, 9, 1, 9, 2, 9});
  expect("reverse", {{"axes", Ints{1}}}, {kSix}, f32, {2, 3}, {3, 2, 1, 6, 5, 4});
  expect("reverse", {{"axes", Ints{0, 1}}}, {kSix}, f32, {2, 3}, {6, 5, 4, 3, 2, 1});
  expect("iota", axis_attr(1), {}, f32, {2, 3}, {0, 1, 2, 0, 1, 2});
  expect("iota", axis_attr(0), {}, i64, {2, 2}, {0, 0, 1, 1});
}

TEST(dynamic_windows_are_clamped) {
  const Tensor starts = make(i32, {2}, {5, -3});
  expect("dynamic_slice", {}, {kSix, starts}, f32, {1, 2}, {4, 5});
  expect("dynamic_update_slice", {}, {kSix, make(f32, {1, 2}, {8, 9}), starts}, f32, {2, 3},
         {1, 2, 3, 8, 9, 6});
}

TEST(gather_and_scatter) {
  const Tensor picks = make(i32, {3}, {2, 0, 2});
  expect("gather", axis_attr(1), {kSix, picks}, f32, {2, 3}, {3, 1, 3, 6, 4, 6});
  expect("gather", axis_attr(0), {kSix, make(i64, {}, {1})}, f32, {3}, {4, 5, 6});
  expect("scatter_add", axis_attr(1), {picks, kSix}, f32, {2, 4}, {2, 0, 4, 0, 5, 0, 10, 0});
  expect("gather_nd", {}, {kSix, make(i32, {2, 2}, {0, 2, 1, 0})}, f32, {2}, {3, 4});
  expect("gather_nd", {}, {kSix, make(i32, {2, 1}, {1, 1})}, f32, {2, 3}, {4, 5, 6, 4, 5, 6});
  expect("scatter_nd", {}, {make(i32, {2, 1}, {1, 1}), kSix}, f32, {3, 3},
         {0, 0, 0, 5, 7, 9, 0, 0, 0});
  expect("scatter_update", {},
         {kSix, make(i64, {3, 2}, {0, 0, 1, 1, 0, 0}), make(f32, {3}, {7, 8, 9})}, f32, {2, 3},
         {9, 2, 3, 4, 8, 6});
  const Tensor along = make(i32, {2, 2}, {2, 0, 1, 1});
  expect("take_along_axis", axis_attr(1), {kSix, along}, f32, {2, 2}, {3, 1, 5, 5});
  expect("put_along_axis_add", axis_attr(1), {along, make(f32, {2, 2}, {1, 2, 3, 4})}, f32, {2, 3},
         {2, 0, 1, 0, 7, 0});
  // Sums are kept in double until the end.
  expect("scatter_add", axis_attr(0), {make(i32, {3}, {0, 0, 0}), make(f32, {3}, {0x1p24, 1, 1})},
         f32, {1}, {0x1p24 + 2});
}

TEST(bad_indices_are_reported) {
  const auto reports = [](const char* op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                          Shape64 shape, const Values& values, int64_t offender) {
    const Outcome outcome = run(op, attrs, inputs, f32, std::move(shape));
    compare(op, outcome, values);
    CHECK_EQ(outcome.status, uint32_t{kStatusBadIndex});
    CHECK_EQ(outcome.offender, offender);
  };
  const Tensor bad = make(i32, {2}, {1, 7}), negative = make(i32, {1, 1}, {-1});
  reports("gather", axis_attr(0), {kSix, bad}, {2, 3}, {4, 5, 6, 0, 0, 0}, 7);
  reports("scatter_add", axis_attr(0), {bad, kSix}, {2, 3}, {0, 0, 0, 1, 2, 3}, 7);
  reports("gather_nd", {}, {kSix, negative}, {1, 3}, {0, 0, 0}, -1);
  reports("scatter_nd", {}, {negative, make(f32, {1}, {3})}, {2}, {0, 0}, -1);
  reports("scatter_update", {}, {make(f32, {1}, {4}), negative, make(f32, {1}, {3})}, {1}, {4}, -1);
  reports("take_along_axis", axis_attr(0), {make(f32, {2}, {4, 5}), bad}, {2}, {5, 0}, 7);
  reports("put_along_axis_add", axis_attr(0), {bad, make(f32, {2}, {4, 5})}, {2}, {0, 4}, 7);
  // Not so for one_hot: such a label is a row of zeros.
  expect("one_hot", {{"depth", int64_t{3}}, {"dtype", f32}}, {make(i32, {3}, {2, -1, 0})}, f32,
         {3, 3}, {0, 0, 1, 0, 0, 0, 1, 0, 0});
}

TEST(sorting) {
  const auto order = [](bool descending) {
    return Attrs{{"axis", int64_t{0}}, {"descending", descending}};
  };
  const Tensor x = make(f32, {5}, {2, kNan, -1, 2, 0});
  expect("sort", order(false), {x}, f32, {5}, {-1, 0, 2, 2, kNan});
  expect("argsort", order(false), {x}, i32, {5}, {2, 4, 0, 3, 1});
  expect("sort", order(true), {x}, f32, {5}, {kNan, 2, 2, 0, -1});
  expect("argsort", order(true), {x}, i32, {5}, {1, 0, 3, 4, 2});
  expect("sort", order(false), {make(i32, {2, 2}, {3, 1, 2, 5})}, i32, {2, 2}, {2, 1, 3, 5});
  const Tensor sorted = make(i32, {4}, {1, 2, 2, 5}), values = make(i32, {4}, {2, 0, 5, 9});
  expect("searchsorted", {{"side", "left"}}, {sorted, values}, i32, {4}, {1, 0, 3, 4});
  expect("searchsorted", {{"side", "right"}}, {sorted, values}, i32, {4}, {3, 0, 4, 4});
  const Attrs bins{{"length", int64_t{3}}};
  expect("bincount", bins, {make(i32, {4}, {0, 2, 2, 0})}, i32, {3}, {2, 0, 2});
  expect("bincount", bins, {make(u8, {2, 2}, {0, 2, 1, 1})}, i32, {2, 3}, {1, 0, 1, 0, 2, 0});
  expect("bincount", bins, {make(i32, {2}, {1, 1}), make(f32, {2}, {0.5, 0.25})}, f32, {3},
         {0, 0.75, 0});
}

Tensor state(double seed, double counter) { return make(u32, {2}, {seed, counter}); }

TEST(random_bits_are_philox) {
  // The published answer for counter and key of zeros, and the first words of the next block.
  expect("random_bits", {}, {state(0, 0)}, u32, {4},
         {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const Values bits = values_of(run("random_bits", {}, {state(7, 9)}, u32, {6}).result);
  const Values longer = values_of(run("random_bits", {}, {state(7, 9)}, u32, {3, 5}).result);
  CHECK(std::equal(bits.begin(), bits.end(), longer.begin()));
  CHECK(bits != values_of(run("random_bits", {}, {state(7, 10)}, u32, {6}).result));

  const Values single = values_of(run("random_uniform", {}, {state(7, 9)}, f32, {6}).result);
  for (size_t i = 0; i < bits.size(); ++i) {
    CHECK_EQ(single[i], std::floor(bits[i] / 256) * 0x1p-24);
  }
  const Values pairs = values_of(run("random_uniform", {}, {state(7, 9)}, f64, {3}).result);
  for (size_t i = 0; i < pairs.size(); ++i) {
    // The second word is the high one.
    CHECK_EQ(pairs[i], bits[2 * i + 1] * 0x1p-32 + std::floor(bits[2 * i] / 2048) * 0x1p-53);
  }
  const Values normal = values_of(run("random_normal", {}, {state(7, 9)}, f32, {5}).result);
  const double radius = std::sqrt(-2 * std::log(1 - single[2]));
  CHECK_NEAR(normal[2], radius * std::cos(2 * 3.14159265358979324 * single[3]), 1e-6);
  CHECK_NEAR(normal[3], radius * std::sin(2 * 3.14159265358979324 * single[3]), 1e-6);
}

struct Moments {
  double mean = 0, variance = 0, lowest = kInf, highest = -kInf;
  explicit Moments(const Values& values) {
    for (double x : values) {
      mean += x / static_cast<double>(values.size());
      lowest = std::min(lowest, x);
      highest = std::max(highest, x);
    }
    for (double x : values) {
      variance += (x - mean) * (x - mean) / static_cast<double>(values.size());
    }
  }
};

TEST(random_distributions) {
  const int64_t n = 20000;
  for (DType dtype : {f32, f64}) {
    const Moments uniform(values_of(run("random_uniform", {}, {state(1, 2)}, dtype, {n}).result));
    CHECK_NEAR(uniform.mean, 0.5, 0.01);
    CHECK_NEAR(uniform.variance, 1.0 / 12, 0.003);
    CHECK(uniform.lowest >= 0 && uniform.highest < 1);
    const Moments normal(values_of(run("random_normal", {}, {state(1, 2)}, dtype, {n}).result));
    CHECK_NEAR(normal.mean, 0, 0.03);
    CHECK_NEAR(normal.variance, 1, 0.04);
    const Moments cut(
        values_of(run("random_truncated_normal", {}, {state(1, 2)}, dtype, {n}).result));
    CHECK_NEAR(cut.mean, 0, 0.03);
    CHECK_NEAR(cut.variance, 0.7737413, 0.03);
    CHECK(cut.lowest >= -2 && cut.highest <= 2);
    for (double alpha : {0.3, 1.0, 4.5}) {
      const Tensor alphas = make(dtype, {n}, Values(static_cast<size_t>(n), alpha));
      const Moments gamma(
          values_of(run("random_gamma", {}, {state(3, 4), alphas}, dtype, {n}).result));
      CHECK_NEAR(gamma.mean, alpha, 0.07);
      CHECK_NEAR(gamma.variance, alpha, 0.06 * alpha + 0.1);
      CHECK(gamma.lowest >= 0);
    }
  }
}

TEST(random_permutation) {
  Values order = values_of(run("random_permutation", {}, {state(5, 6)}, i32, {100}).result);
  Values sorted = order;
  std::sort(sorted.begin(), sorted.end());
  CHECK(order != sorted);
  for (size_t i = 0; i < sorted.size(); ++i) CHECK_EQ(sorted[i], static_cast<double>(i));
  CHECK_EQ(run("random_permutation", {}, {state(5, 6)}, i32, {0}).result.count(), 0);
}

TEST(empty_tensors) {
  const Tensor none = make(f32, {0, 3}, {});
  expect("transpose", {{"perm", Ints{1, 0}}}, {none}, f32, {3, 0}, {});
  expect("gather", axis_attr(0), {kSix, make(i32, {0}, {})}, f32, {0, 3}, {});
  expect("scatter_add", axis_attr(0), {make(i32, {0}, {}), none}, f32, {2, 3}, {0, 0, 0, 0, 0, 0});
  expect("sort", {{"axis", int64_t{0}}, {"descending", false}}, {none}, f32, {0, 3}, {});
  expect("one_hot", {{"depth", int64_t{0}}, {"dtype", boolean}}, {make(i32, {2}, {0, 1})}, boolean,
         {2, 0}, {});
}

}  // namespace
}  // namespace nacre::check
