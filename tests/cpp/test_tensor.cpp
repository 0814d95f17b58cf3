// Attributes, host tensors, half precision and environment variables.

#include <cstdlib>
#include <cstring>

#include "check.h"
#include "core/attrs.h"
#include "core/env.h"
#include "core/error.h"
#include "core/half.h"
#include "core/tensor.h"

namespace nacre::check {
namespace {

TEST(attrs_keep_kinds_apart) {
  const Attrs attrs{{"axis", int64_t{3}},
                    {"keepdims", true},
                    {"side", "left"},
                    {"epsilon", 0.5},
                    {"dtype", DType::Int8},
                    {"axes", std::vector<int64_t>{1, 2}},
                    {"shape", Shape{Dim::symbol("batch"), 4}}};
  CHECK_EQ(attrs.integer("axis"), 3);
  CHECK_EQ(attrs.real("axis"), 3.0);  // an integer will do
  CHECK_EQ(attrs.real("epsilon"), 0.5);
  CHECK(attrs.flag("keepdims"));
  CHECK_EQ(attrs.text("side"), "left");
  CHECK(attrs.dtype("dtype") == DType::Int8);
  CHECK_EQ(attrs.ints("axes").size(), size_t{2});
  CHECK(!attrs.has("missing"));
  CHECK_THROWS(InternalError, "expected flag, found integer", attrs.flag("axis"));
  CHECK_THROWS(InternalError, "found nothing", attrs.integer("missing"));

  Bindings bindings;
  bindings.unify(Dim::symbol("batch"), 7);
  const Attrs bound = attrs.bound(bindings);
  CHECK((bound.ints("shape") == std::vector<int64_t>{7, 4}));
  CHECK(!(bound == attrs));
}

TEST(attrs_keys_tell_values_apart) {
  const Attrs variants[] = {
      {},
      {{"a", int64_t{1}}},
      {{"a", 1.0}},
      {{"a", true}},
      {{"a", "1"}},
      {{"a", std::vector<int64_t>{1}}},
      {{"a", std::vector<int64_t>{}}},
      {{"a", std::vector<int64_t>{1, 1}}},
      {{"a", Shape{1}}},
      {{"a", Shape{Dim::symbol("batch")}}},
      {{"a", Shape{Dim::symbol("time")}}},
      {{"a", DType::Bool}},
      {{"a", "1;b=i2"}},
      {{"a", "1"}, {"b", int64_t{2}}},
  };
  for (const Attrs& left : variants) {
    for (const Attrs& right : variants) CHECK_EQ(left == right, left.key() == right.key());
  }
  const Attrs forward{{"a", 1.5}, {"b", false}}, backward{{"b", false}, {"a", 1.5}};
  CHECK(forward == backward);
  CHECK_EQ(forward.key(), backward.key());
}

TEST(tensors_hold_elements) {
  Tensor x = Tensor::empty(DType::Float32, {2, 3});
  CHECK_EQ(x.count(), 6);
  CHECK_EQ(x.bytes(), size_t{24});
  CHECK(x.padded());
  CHECK_EQ(reinterpret_cast<uintptr_t>(x.data()) % 64, uintptr_t{0});
  for (int i = 0; i < 6; ++i) x.mutable_data_as<float>()[i] = static_cast<float>(i);
  const Tensor same = x.reshaped({6});
  CHECK(same.data() == x.data());
  CHECK_THROWS(InternalError, "cannot take shape (7,)", x.reshaped({7}));
  CHECK_THROWS(ValueError, "exactly one element", x.item_as_double());
  const Tensor copy = Tensor::from_bytes(x.data(), DType::Float32, {3, 2});
  CHECK(copy.data() != x.data());
  CHECK_EQ(copy.data_as<float>()[5], 5.0f);
  const Tensor large = Tensor::zeros(DType::UInt8, {5 << 20});
  CHECK_EQ(int{large.data_as<uint8_t>()[(5 << 20) - 1]}, 0);
  CHECK(!Tensor().defined());
  const Tensor none = Tensor::empty(DType::Float32, {int64_t{1} << 40, int64_t{1} << 40, 0});
  CHECK_EQ(none.bytes(), size_t{0});
  CHECK(none.data() != nullptr);
}

TEST(absurd_sizes_are_errors) {
  CHECK_THROWS(MemoryError, "needs 4503599627370496 bytes",
               Tensor::empty(DType::Float32, {int64_t{1} << 50}));
  CHECK_THROWS(MemoryError, "needs more than",
               Tensor::empty(DType::UInt8, {int64_t{1} << 40, int64_t{1} << 40}));
  CHECK_THROWS(MemoryError, "needs more than", Tensor::empty(DType::Float64, {int64_t{1} << 60}));
  CHECK_THROWS(ValueError, "must not be negative", Tensor::empty(DType::Float32, {2, -1}));
}

TEST(external_memory_stays_its_owners) {
  float elements[2] = {1, 2};
  auto owner = std::make_shared<int>(0);
  Tensor writable = Tensor::external(elements, DType::Float32, {2}, owner);
  CHECK_EQ(owner.use_count(), 2L);
  CHECK(!writable.padded());
  writable.mutable_data_as<float>()[1] = 5;
  CHECK_EQ(elements[1], 5.0f);
  const float fixed[1] = {3};
  Tensor read_only = Tensor::external(fixed, DType::Float32, {}, nullptr);
  CHECK_EQ(read_only.item_as_double(), 3.0);
  CHECK_THROWS(InternalError, "cannot be written", read_only.mutable_data());
}

TEST(scalars_of_every_dtype) {
  for (int i = 0; i < kDTypeCount; ++i) {
    CHECK_EQ(Tensor::scalar(1, static_cast<DType>(i)).item_as_double(), 1.0);
  }
  CHECK_EQ(Tensor::scalar(-2.7, DType::Int32).item_as_double(), -2.0);
  CHECK_EQ(Tensor::scalar(300, DType::UInt8).item_as_double(), 255.0);
  CHECK_EQ(Tensor::scalar(-1e30, DType::Int64).item_as_double(), -0x1p63);
  CHECK_EQ(Tensor::scalar(NAN, DType::Int64).item_as_double(), 0.0);
  CHECK(std::isnan(Tensor::scalar(NAN, DType::BFloat16).item_as_double()));
}

TEST(half_precision_rounds_to_even) {
  for (int bits = 0; bits < 65536; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const double half = to_double(Float16{pattern}), brain = to_double(BFloat16{pattern});
    const uint32_t wide = uint32_t{pattern} << 16;
    float as_float;
    std::memcpy(&as_float, &wide, sizeof wide);
    if (!std::isnan(half)) CHECK_EQ(to_float16(half).bits, pattern);
    if (!std::isnan(brain)) {
      CHECK_EQ(brain, static_cast<double>(as_float));
      CHECK_EQ(to_bfloat16(brain).bits, pattern);
    }
  }
  CHECK_EQ(to_double(to_float16(1 + 0x1p-11)), 1.0);
  CHECK_EQ(to_double(to_float16(1 + 0x1.8p-10)), 1 + 0x1p-9);
  CHECK_EQ(to_double(to_float16(65519.9)), 65504.0);
  CHECK(std::isinf(to_double(to_float16(65520))));
  CHECK_EQ(to_double(to_float16(0x1.8p-24)), 0x1p-23);
  CHECK(std::isnan(to_double(to_float16(NAN))));
}

TEST(environment) {
  for (const EnvVariable& variable : env_variables()) {
    CHECK_EQ(std::string(variable.name).rfind("NACRE_", 0), size_t{0});
    unsetenv(variable.name);
  }
  CHECK_EQ(env_backend(), "cpu");
  CHECK_EQ(env_num_threads(), 0);
  CHECK(!env_verbose());
  setenv("NACRE_NUM_THREADS", "3", 1);
  CHECK_EQ(env_num_threads(), 3);
  for (const char* wrong : {"0", "-1", "two", "3x"}) {
    setenv("NACRE_NUM_THREADS", wrong, 1);
    CHECK_THROWS(ValueError, wrong, env_num_threads());
  }
  unsetenv("NACRE_NUM_THREADS");
  CHECK_THROWS(InternalError, "not in the list", env_text("NACRE_OTHER"));
}

}  // namespace
}  // namespace nacre::check
