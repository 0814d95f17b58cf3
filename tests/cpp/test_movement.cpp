// Data movement, indexing, sorting and random numbers against the reference backend.

#include <numeric>

#include "core/rng.h"
#include "kernels/cpu/random.h"
#include "oracle.h"

using namespace nacre;
using namespace nacre::check;

namespace {

const std::vector<DType> kSizes = {DType::Bool, DType::Int16, DType::Float32, DType::Int64};

Tensor numbers(DType dtype, const Ints& shape, uint64_t seed = 1) {
  Random random(seed);
  return random_tensor(random, dtype, shape, 0, 100);
}

Tensor indices(DType dtype, const Ints& shape, int64_t limit, uint64_t seed = 9) {
  Random random(seed);
  Tensor t = Tensor::empty(DType::Int64, shape);
  for (int64_t i = 0; i < t.count(); ++i)
    t.mutable_data_as<int64_t>()[i] = random.integer(0, limit - 1);
  if (dtype == DType::Int64) return t;
  return run_op(cpu::kernel_entries(), "cast", {{"dtype", dtype}}, {t}, {{dtype, shape}})
      .outputs[0];
}

}  // namespace

TEST(transpose) {
  const std::vector<Ints> shapes = {{},          {5},          {0, 3},      {5, 7},
                                    {33, 70},    {1, 9},       {200, 300},  {3, 4, 5},
                                    {40, 3, 50}, {2, 3, 4, 5}, {9, 33, 35}, {8, 28, 28, 3}};
  for (const Ints& shape : shapes) {
    Ints perm(shape.size());
    std::iota(perm.begin(), perm.end(), 0);
    do {
      Ints out;
      for (const int64_t axis : perm) out.push_back(shape[static_cast<size_t>(axis)]);
      for (const DType dtype : kSizes) {
        compare("transpose", {{"perm", perm}}, {numbers(dtype, shape)}, {{dtype, out}}, 0);
      }
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(broadcast_concat_reverse) {
  for (const DType dtype : kSizes) {
    for (const auto& [from, to] : std::vector<std::pair<Ints, Ints>>{{{}, {}},
                                                                     {{}, {3, 4}},
                                                                     {{1}, {0}},
                                                                     {{4}, {3, 4}},
                                                                     {{3, 1}, {3, 40}},
                                                                     {{2, 1, 3}, {2, 50, 3}},
                                                                     {{1, 1}, {300, 200}},
                                                                     {{300, 1}, {300, 200}}}) {
      compare("broadcast_to", {{"shape", to}}, {numbers(dtype, from)}, {{dtype, to}}, 0);
    }
    for (int64_t axis = 0; axis < 3; ++axis) {
      std::vector<Tensor> parts;
      Ints out = {3, 40, 50};
      out[static_cast<size_t>(axis)] = 0;
      for (const int64_t size : {2, 0, 1, 30}) {
        Ints shape = {3, 40, 50};
        shape[static_cast<size_t>(axis)] = size;
        out[static_cast<size_t>(axis)] += size;
        parts.push_back(numbers(dtype, shape, static_cast<uint64_t>(size)));
      }
      compare("concat", {{"axis", axis}}, parts, {{dtype, out}}, 0);
    }
    for (const Ints& axes : std::vector<Ints>{{}, {0}, {1}, {2}, {0, 2}, {0, 1, 2}}) {
      compare("reverse", {{"axes", axes}}, {numbers(dtype, {3, 40, 50})}, {{dtype, {3, 40, 50}}},
              0);
    }
    compare("reverse", {{"axes", Ints{0}}}, {numbers(dtype, {0, 3})}, {{dtype, {0, 3}}}, 0);
  }
}

TEST(slice_and_pad) {
  for (const DType dtype : kSizes) {
    const Tensor x = numbers(dtype, {6, 70, 9});
    for (const auto& [start, size, stride] :
         std::vector<std::array<Ints, 3>>{{{{0, 0, 0}, {6, 70, 9}, {1, 1, 1}}},
                                          {{{1, 2, 3}, {4, 60, 5}, {1, 1, 1}}},
                                          {{{0, 1, 0}, {3, 23, 3}, {2, 3, 4}}},
                                          {{{5, 0, 8}, {1, 70, 1}, {1, 1, 1}}},
                                          {{{2, 2, 2}, {0, 4, 4}, {1, 1, 1}}}}) {
      compare("slice", {{"start", start}, {"size", size}, {"stride", stride}}, {x}, {{dtype, size}},
              0);
      // The opposite: the slice put back among zeros.
      Ints high(3), interior(3);
      for (size_t i = 0; i < 3; ++i) {
        interior[i] = stride[i] - 1;
        const int64_t span = size[i] ? (size[i] - 1) * stride[i] + 1 : 0;
        high[i] = x.shape()[i] - start[i] - span;
      }
      compare("pad", {{"low", start}, {"high", high}, {"interior", interior}},
              {numbers(dtype, size), tensor_of(dtype, {}, {1})}, {{dtype, x.shape()}}, 0);
    }
    for (const Ints& starts : std::vector<Ints>{{0, 0, 0}, {2, 30, 4}, {-4, 69, 100}}) {
      Tensor at = Tensor::empty(DType::Int32, {3});
      for (size_t i = 0; i < 3; ++i)
        at.mutable_data_as<int32_t>()[i] = static_cast<int32_t>(starts[i]);
      const Ints size = {2, 33, 5};
      compare("dynamic_slice", {{"size", size}}, {x, at}, {{dtype, size}}, 0);
      compare("dynamic_update_slice", {}, {x, numbers(dtype, size, 3), at}, {{dtype, x.shape()}},
              0);
    }
  }
}

TEST(gathers) {
  for (const DType dtype : kSizes) {
    for (const DType index : {DType::Int32, DType::Int64}) {
      for (int64_t axis = 0; axis < 3; ++axis) {
        const Ints shape = {5, 20, 7};
        const int64_t limit = shape[static_cast<size_t>(axis)];
        const Tensor x = numbers(dtype, shape);
        for (const Ints& own : std::vector<Ints>{{}, {0}, {3}, {300, 2}}) {
          Ints out(shape.begin(), shape.begin() + axis);
          out.insert(out.end(), own.begin(), own.end());
          out.insert(out.end(), shape.begin() + axis + 1, shape.end());
          compare("gather", {{"axis", axis}}, {x, indices(index, own, limit)}, {{dtype, out}}, 0);
          compare("gather", {{"axis", axis}}, {x, indices(index, own, limit + 9)}, {{dtype, out}},
                  0);
        }
        Ints out = shape;
        out[static_cast<size_t>(axis)] = 11;
        compare("take_along_axis", {{"axis", axis}}, {x, indices(index, out, limit)},
                {{dtype, out}}, 0);
      }
      for (int64_t depth = 1; depth <= 3; ++depth) {
        const Tensor x = numbers(dtype, {6, 6, 6});
        Ints out = {40};
        for (int64_t i = depth; i < 3; ++i) out.push_back(6);
        const Tensor at = indices(index, {40, depth}, 6);
        compare("gather_nd", {}, {x, at}, {{dtype, out}}, 0);
        compare("scatter_update", {}, {x, at, numbers(dtype, out, 4)}, {{dtype, {6, 6, 6}}}, 0);
      }
    }
  }
}

TEST(scatters) {
  for (const DType dtype : {DType::Float32, DType::Float64, DType::Int32, DType::UInt8}) {
    for (int64_t axis = 0; axis < 3; ++axis) {
      for (const Ints& own : std::vector<Ints>{{}, {0}, {3}, {30, 2}}) {
        Ints updates = {3, 20, 17}, out = {3, 20, 17};
        updates.erase(updates.begin() + axis);
        updates.insert(updates.begin() + axis, own.begin(), own.end());
        out[static_cast<size_t>(axis)] = 13;
        const Attrs attrs{{"axis", axis}, {"size", Ints{13}}};
        compare("scatter_add", attrs, {indices(DType::Int32, own, 13), numbers(dtype, updates)},
                {{dtype, out}}, 1e-6);
        compare("scatter_add", attrs, {indices(DType::Int32, own, 17), numbers(dtype, updates)},
                {{dtype, out}}, 1e-6);
      }
      const Ints updates = {3, 20, 17};
      Ints out = updates;
      out[static_cast<size_t>(axis)] = 13;
      compare("put_along_axis_add", {{"axis", axis}, {"size", Ints{13}}},
              {indices(DType::Int64, updates, 13), numbers(dtype, updates)}, {{dtype, out}}, 1e-6);
    }
    compare("scatter_add", {{"axis", int64_t{0}}, {"size", Ints{500}}},
            {indices(DType::Int32, {64, 100}, 500), numbers(dtype, {64, 100, 32})},
            {{dtype, {500, 32}}}, 1e-5);
    for (int64_t depth = 1; depth <= 3; ++depth) {
      Ints updates = {40};
      for (int64_t i = depth; i < 3; ++i) updates.push_back(6);
      compare("scatter_nd", {{"shape", Ints{6, 6, 6}}},
              {indices(DType::Int32, {40, depth}, 6), numbers(dtype, updates)},
              {{dtype, {6, 6, 6}}}, 1e-6);
    }
  }
}

TEST(one_hot_iota_bincount) {
  for (const DType dtype :
       {DType::Bool, DType::Int32, DType::Float32, DType::Float64, DType::UInt8}) {
    compare("one_hot", {{"depth", int64_t{7}}, {"dtype", dtype}},
            {indices(DType::Int32, {4, 9}, 9)}, {{dtype, {4, 9, 7}}}, 0);
    if (dtype == DType::Bool) continue;
    for (int64_t axis = 0; axis < 3; ++axis) {
      compare("iota", {{"shape", Ints{3, 50, 4}}, {"axis", axis}, {"dtype", dtype}}, {},
              {{dtype, {3, 50, 4}}}, 0);
    }
  }
  const Attrs attrs{{"length", int64_t{12}}};
  compare("bincount", attrs, {indices(DType::Int32, {200}, 12)}, {{DType::Int32, {12}}}, 0);
  compare("bincount", attrs, {indices(DType::Int32, {5, 200}, 12)}, {{DType::Int32, {5, 12}}}, 0);
  compare("bincount", attrs, {indices(DType::Int32, {200}, 12), numbers(DType::Float32, {200})},
          {{DType::Float32, {12}}}, 1e-6);
}

TEST(sorting) {
  for (const DType dtype :
       {DType::Float32, DType::Float64, DType::Int32, DType::Int64, DType::UInt8}) {
    Random random(4);
    for (const Ints& shape : std::vector<Ints>{{1}, {0}, {67}, {3, 40}, {40, 3, 5}, {5000}}) {
      Tensor x = random_tensor(random, dtype, shape, is_signed_integer(dtype) ? -20 : 0, 20);
      if (dtype == DType::Float32 && x.count() > 10) {
        float* v = x.mutable_data_as<float>();
        v[3] = v[7];
        v[4] = -0.0f;
        v[9] = 0.0f;
        v[5] = NAN;
        v[6] = INFINITY;
        v[8] = -INFINITY;
      }
      for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
        for (const bool descending : {false, true}) {
          const Attrs attrs{{"axis", axis}, {"descending", descending}};
          compare("sort", attrs, {x}, {{dtype, shape}}, 0);
          compare("argsort", attrs, {x}, {{DType::Int32, shape}}, 0);
        }
      }
    }
    const Tensor sorted = tensor_of(dtype, {6}, {1, 2, 2, 5, 9, 12});
    for (const char* side : {"left", "right"}) {
      compare("searchsorted", {{"side", std::string(side)}}, {sorted, numbers(dtype, {7, 5})},
              {{DType::Int32, {7, 5}}}, 0);
      compare("searchsorted", {{"side", std::string(side)}}, {sorted, sorted},
              {{DType::Int32, {6}}}, 0);
    }
  }
}

TEST(random_words_anywhere_in_the_stream) {
  for_each_isa([](const char*) {
    for (const uint64_t first :
         {uint64_t{0}, uint64_t{3}, (uint64_t{1} << 32) - 5, ~uint64_t{0} - 70}) {
      uint32_t words[256], plain[200];
      cpu::active_isa().random->words(7, 11, first, 50, words);
      for (uint64_t i = 0; i < 200; ++i) {
        CHECK_EQ(words[i], philox(7, 11, first + i / 4).word[i % 4]);
      }
      if (first > (uint64_t{1} << 60)) continue;  // the number of the word would overflow
      philox_words(7, 11, first * 4 + 3, 197, plain);
      for (int i = 0; i < 197; ++i) CHECK_EQ(plain[i], words[i + 3]);
    }
  });
}

TEST(random_numbers) {
  const Tensor state = tensor_of(DType::UInt32, {2}, {123456789, 42});
  for (const Ints& shape : std::vector<Ints>{{}, {0}, {1}, {2}, {3}, {5}, {67}, {513}, {700, 50}}) {
    compare("random_bits", {{"shape", shape}}, {state}, {{DType::UInt32, shape}}, 0);
    for (const DType dtype : {DType::Float32, DType::Float64}) {
      const Attrs attrs{{"shape", shape}, {"dtype", dtype}};
      compare("random_uniform", attrs, {state}, {{dtype, shape}}, 0);
      compare("random_normal", attrs, {state}, {{dtype, shape}}, 1e-6);
      compare("random_truncated_normal", attrs, {state}, {{dtype, shape}}, 1e-6);
      Random random(3);
      const Tensor alpha = random_tensor(random, dtype, shape, 0.1, 4);
      compare("random_gamma", {{"dtype", dtype}}, {state, alpha}, {{dtype, shape}}, 1e-5);
    }
  }
  for (const int64_t n : {0, 1, 2, 1000}) {
    compare("random_permutation", {{"size", Ints{n}}}, {state}, {{DType::Int32, {n}}}, 0);
  }
}
