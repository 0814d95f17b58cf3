#include "oracle.h"

using namespace nacre;
using namespace nacre::check;

namespace {

Ints reduced_shape(const Ints& shape, const Ints& axes, bool keepdims) {
  Ints out;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool gone = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (!gone) out.push_back(shape[i]);
    if (gone && keepdims) out.push_back(1);
  }
  return out;
}

void check_reduce(const char* op, DType dtype, const Ints& shape, const Ints& axes) {
  Random random(1);
  const Tensor x = random_tensor(random, dtype, shape, op[7] == 'p' ? 0.5 : -1, 2);
  const Attrs attrs{{"axes", axes}, {"keepdims", false}};
  compare(op, attrs, {x}, {{dtype, reduced_shape(shape, axes, false)}}, 2e-6);
}

}  // namespace

TEST(every_layout) {
  const std::vector<std::pair<Ints, Ints>> cases = {
      {{}, {}},
      {{1}, {0}},
      {{67}, {0}},
      {{67}, {}},
      {{0}, {0}},
      {{3, 0}, {1}},
      {{0, 3}, {1}},
      {{5, 7}, {0}},
      {{5, 7}, {1}},
      {{5, 7}, {0, 1}},
      {{33, 70}, {0}},
      {{33, 70}, {1}},
      {{4, 5, 6}, {1}},
      {{4, 5, 6}, {0, 2}},
      {{4, 5, 6}, {0, 1}},
      {{4, 1, 6}, {1}},
      {{2, 3, 4, 5}, {0, 2}},
      {{2, 3, 4, 5}, {1, 3}},
      {{2, 40, 3, 50}, {0, 1, 2}},
      {{1, 130, 1, 17}, {1, 2}},
  };
  for (const auto& [shape, axes] : cases) {
    for (const char* op : {"reduce_sum", "reduce_prod", "reduce_max", "reduce_min"}) {
      for (const DType dtype : {DType::Float32, DType::Float64, DType::Int32, DType::Int64,
                                DType::UInt8, DType::UInt32, DType::Bool}) {
        const bool adds = op[7] == 's' || op[7] == 'p';
        if (dtype == DType::Bool && adds) continue;
        check_reduce(op, dtype, shape, axes);
      }
    }
  }
}

TEST(awkward_lengths) {
  for (int64_t n = 1; n <= 67; ++n) {
    check_reduce("reduce_sum", DType::Float32, {n}, {0});
    check_reduce("reduce_max", DType::Float32, {3, n}, {1});
    check_reduce("reduce_min", DType::Float32, {3, n}, {0});
    check_reduce("reduce_sum", DType::Float32, {n, 3}, {0});
  }
}

TEST(long_axes_are_cut) {
  for (const auto& [shape, axes] : std::vector<std::pair<Ints, Ints>>{{{300001}, {0}},
                                                                      {{2, 200003}, {1}},
                                                                      {{60001, 10}, {0}},
                                                                      {{70, 5000}, {0}},
                                                                      {{20001, 33}, {1}},
                                                                      {{3, 20001, 5}, {1}},
                                                                      {{9, 301, 2, 101}, {0, 2}}}) {
    check_reduce("reduce_sum", DType::Float32, shape, axes);
    check_reduce("reduce_max", DType::Float32, shape, axes);
    check_reduce("reduce_sum", DType::Float64, shape, axes);
  }
}

TEST(long_sums_keep_their_digits) {
  for_each_isa([](const char*) {
    const int64_t n = 10'000'000;
    Tensor x = Tensor::empty(DType::Float32, {n});
    std::fill_n(x.mutable_data_as<float>(), n, 0.1f);
    const Attrs attrs{{"axes", Ints{0}}, {"keepdims", false}};
    const Result r =
        run_op(cpu::kernel_entries(), "reduce_sum", attrs, {x}, {{DType::Float32, {}}});
    CHECK_NEAR(value_at(r.outputs[0], 0), 0.1f * static_cast<double>(n), 1.0);
    const Result columns = run_op(cpu::kernel_entries(), "reduce_sum", attrs,
                                  {x.reshaped({n / 4, 4})}, {{DType::Float32, {4}}});
    for (int i = 0; i < 4; ++i) {
      CHECK_NEAR(value_at(columns.outputs[0], i), 0.1f * static_cast<double>(n / 4), 0.25);
    }
  });
}

TEST(nan_wins) {
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const int64_t at : {0, 5, 16, 30}) {
      std::vector<double> values(31, 1.0);
      values[static_cast<size_t>(at)] = NAN;
      const Tensor x = tensor_of(dtype, {31}, values);
      for (const char* op : {"reduce_max", "reduce_min"}) {
        compare(op, {{"axes", Ints{0}}, {"keepdims", false}}, {x}, {{dtype, {}}}, 0);
        compare(op, {{"axes", Ints{0}}, {"keepdims", false}}, {x.reshaped({31, 1})}, {{dtype, {1}}},
                0);
      }
      values[20] = NAN;
      for (const char* op : {"argmax", "argmin"}) {
        compare(op, {{"axis", int64_t{0}}, {"keepdims", false}}, {tensor_of(dtype, {31}, values)},
                {{DType::Int32, {}}}, 0);
      }
    }
  }
}

TEST(positions_and_running_values) {
  Random random(2);
  for (const Ints& shape : std::vector<Ints>{{1}, {67}, {5, 7}, {4, 3, 70}, {0, 3}, {200, 300}}) {
    for (int64_t axis = 0; axis < static_cast<int64_t>(shape.size()); ++axis) {
      if (shape[static_cast<size_t>(axis)] == 0) continue;
      for (const DType dtype : {DType::Float32, DType::Float64, DType::Int32, DType::UInt8}) {
        const Tensor x = random_tensor(random, dtype, shape, 0.5, 1.6);
        Ints out = shape;
        out.erase(out.begin() + axis);
        const Attrs attrs{{"axis", axis}, {"keepdims", false}};
        compare("argmax", attrs, {x}, {{DType::Int32, out}}, 0);
        compare("argmin", attrs, {x}, {{DType::Int32, out}}, 0);
        for (const bool reverse : {false, true}) {
          for (const bool exclusive : {false, true}) {
            const Attrs running{{"axis", axis}, {"reverse", reverse}, {"exclusive", exclusive}};
            compare("cumsum", running, {x}, {{dtype, shape}}, 1e-5);
            if (x.count() < 1000) compare("cumprod", running, {x}, {{dtype, shape}}, 1e-5);
          }
        }
      }
    }
  }
}
