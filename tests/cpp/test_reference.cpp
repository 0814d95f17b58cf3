// The reference backend's elementwise ops, reductions and matrix product against values worked out
// by hand, and its memory.

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "reference_case.h"

namespace nacre::check {
namespace {

constexpr DType f32 = DType::Float32, f64 = DType::Float64, i8 = DType::Int8, i32 = DType::Int32,
                i64 = DType::Int64, u8 = DType::UInt8, u32 = DType::UInt32, u64 = DType::UInt64,
                boolean = DType::Bool;

void unary(const char* op, DType dtype, const Values& in, const Values& out, double tolerance = 0) {
  const Shape64 shape{static_cast<int64_t>(in.size())};
  expect(op, {}, {make(dtype, shape, in)}, dtype, shape, out, tolerance);
}

void binary(const char* op, DType dtype, const Values& a, const Values& b, const Values& out,
            double tolerance = 0) {
  const Shape64 shape{static_cast<int64_t>(a.size())};
  expect(op, {}, {make(dtype, shape, a), make(dtype, shape, b)}, dtype, shape, out, tolerance);
}

TEST(unary_exact) {
  unary("neg", f32, {1, -2, kInf}, {-1, 2, -kInf});
  unary("neg", i8, {1, -128}, {-1, -128});
  unary("neg", u8, {1, 0}, {255, 0});
  unary("abs", i32, {-5, 5, 0}, {5, 5, 0});
  unary("abs", f64, {-0.5, kNan}, {0.5, kNan});
  unary("sign", f32, {-3, 0, 7, kNan}, {-1, 0, 1, kNan});
  unary("sign", u8, {0, 200}, {0, 1});
  unary("square", i64, {-3, 4}, {9, 16});
  unary("relu", f32, {-1, 2, kNan}, {0, 2, kNan});
  unary("relu", i32, {-1, 2}, {0, 2});
  unary("floor", f32, {-1.5, 1.5}, {-2, 1});
  unary("ceil", f32, {-1.5, 1.5}, {-1, 2});
  unary("trunc", f32, {-1.5, 1.5}, {-1, 1});
  unary("round", f32, {0.5, 1.5, 2.5, -0.5, -1.5, -2.25, kInf}, {0, 2, 2, 0, -2, -2, kInf});
  unary("round", f64, {0x1p53 + 2, 0.49999999999999994, kNan}, {0x1p53 + 2, 0, kNan});
  unary("logical_not", boolean, {0, 1}, {1, 0});
  unary("bitwise_not", u8, {0, 0xF0}, {255, 0x0F});
  unary("bitwise_not", i32, {0, 5}, {-1, -6});
}

TEST(unary_real) {
  unary("exp", f64, {0, 1, -kInf}, {1, 2.718281828459045, 0}, 1e-15);
  unary("log", f64, {1, 0, -1}, {0, -kInf, kNan}, 1e-15);
  unary("log1p", f64, {1e-20}, {1e-20}, 1e-35);
  unary("expm1", f64, {1e-20}, {1e-20}, 1e-35);
  unary("sqrt", f64, {9, -1}, {3, kNan});
  unary("rsqrt", f64, {4, 0}, {0.5, kInf});
  unary("tanh", f64, {0.5, kInf}, {0.46211715726000976, 1}, 1e-15);
  unary("sigmoid", f64, {0, 2, -800, 800}, {0.5, 0.8807970779778824, 0, 1}, 1e-15);
  unary("softplus", f64, {0, 800, -800, kNan}, {0.6931471805599453, 800, 0, kNan}, 1e-15);
  unary("erf", f64, {0.5}, {0.5204998778130465}, 1e-15);
  unary("sin", f64, {1}, {0.8414709848078965}, 1e-15);
  unary("cos", f64, {1}, {0.5403023058681398}, 1e-15);
  unary("tan", f64, {1}, {1.5574077246549023}, 1e-15);
  unary("asin", f64, {1, 2}, {1.5707963267948966, kNan}, 1e-15);
  unary("acos", f64, {0}, {1.5707963267948966}, 1e-15);
  unary("atan", f64, {1}, {0.7853981633974483}, 1e-15);
  unary("sinh", f64, {1}, {1.1752011936438014}, 1e-15);
  unary("cosh", f64, {1}, {1.5430806348152437}, 1e-15);
  unary("asinh", f64, {1}, {0.881373587019543}, 1e-15);
  unary("acosh", f64, {2}, {1.3169578969248166}, 1e-15);
  unary("atanh", f64, {0.5}, {0.5493061443340549}, 1e-15);
  unary("lgamma", f64, {0.5, 3, 1}, {0.5723649429247001, 0.6931471805599453, 0}, 1e-14);
  unary("digamma", f64, {1, 0.5, -0.5, 100, 0, -2},
        {-0.5772156649015329, -1.9635100260214235, 0.03648997397857652, 4.600161852738087, -kInf,
         kNan},
        1e-14);
  // A float32 op is the double one, rounded once.
  unary("exp", f32, {1}, {static_cast<double>(2.718281828459045f)});
}

TEST(erfinv_inverts_erf) {
  unary("erfinv", f64, {0, 1, -1, 1.5, kNan}, {0, kInf, -kInf, kNan, kNan});
  unary("erfinv", f64, {0.5, -0.9}, {0.4769362762044699, -1.1630871536766743}, 1e-15);
  unary("erfinv", f64, {1e-300, 1 - 0x1p-53}, {0.886226925452758e-300, 5.863584748755167}, 1e-14);
  for (double y = -5.5; y <= 5.5; y += 0.25) {
    const double x = std::erf(y);
    const Outcome outcome = run("erfinv", {}, {make(f64, {1}, {x})}, f64, {1});
    const double found = outcome.result.item_as_double();
    CHECK_NEAR(std::erf(found), x, 1e-16);
    if (std::fabs(y) < 3) CHECK_NEAR(found, y, 1e-11);
  }
}

TEST(predicates) {
  const Tensor x = make(f32, {4}, {1, kInf, -kInf, kNan});
  expect("isfinite", {}, {x}, boolean, {4}, {1, 0, 0, 0});
  expect("isinf", {}, {x}, boolean, {4}, {0, 1, 1, 0});
  expect("isnan", {}, {x}, boolean, {4}, {0, 0, 0, 1});
}

TEST(cast_between_all_dtypes) {
  for (int from = 0; from < kDTypeCount; ++from) {
    for (int to = 0; to < kDTypeCount; ++to) {
      const auto source = static_cast<DType>(from), target = static_cast<DType>(to);
      const double three = source == boolean || target == boolean ? 1 : 3;
      expect("cast", {{"dtype", target}}, {make(source, {2}, {0, 3})}, target, {2}, {0, three});
    }
  }
  const auto cast = [](DType from, DType to, const Values& in, const Values& out) {
    const Shape64 shape{static_cast<int64_t>(in.size())};
    expect("cast", {{"dtype", to}}, {make(from, shape, in)}, to, shape, out);
  };
  cast(f64, i32, {-1.9, 1.9, kNan, 1e30, -kInf}, {-1, 1, 0, 2147483647, -2147483648.0});
  cast(f32, u8, {-0.5, -7, 255.5, 300}, {0, 0, 255, 255});
  cast(f64, boolean, {0.25, -0.0, kNan}, {1, 0, 1});
  cast(i32, i8, {300, -129}, {44, 127});
  cast(f64, DType::Float16, {65504, 65520, 1 + 0x1p-11, 0x1p-24, 0x1p-25},
       {65504, kInf, 1, 0x1p-24, 0});
  cast(f64, DType::BFloat16, {1 + 0x1p-8, 1 + 0x1.8p-7, 3e38}, {1, 1 + 0x1p-6, 0x1.C4p127});
  // Rounded once: through double it would be 2^62.
  Tensor large = make(i64, {1}, {0});
  *large.mutable_data_as<int64_t>() = (int64_t{1} << 62) + (int64_t{1} << 38) + 1;
  expect("cast", {{"dtype", f32}}, {large}, f32, {1}, {0x1p62 + 0x1p39});
}

TEST(arithmetic) {
  binary("add", f32, {1, kInf}, {2, -kInf}, {3, kNan});
  binary("add", u8, {250, 1}, {10, 1}, {4, 2});
  binary("add", boolean, {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 1});
  binary("mul", boolean, {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 0, 0, 1});
  binary("sub", u32, {1}, {2}, {4294967295.0});
  binary("mul", i8, {100, -128}, {2, -1}, {-56, -128});
  binary("div", f64, {1, -1, 0}, {4, 0, 0}, {0.25, -kInf, kNan});
  binary("pow", f64, {2, -8, 0}, {10, 1.0 / 3, 0}, {1024, kNan, 1});
  binary("pow", i32, {3, -2, 2, -1, 1, 5}, {4, 3, -1, -3, -9, 0}, {81, -8, 0, -1, 1, 1});
  binary("pow", u64, {3}, {3}, {27});
  binary("maximum", f32, {1, kNan, 2}, {3, 1, kNan}, {3, kNan, kNan});
  binary("minimum", f32, {1, kNan, 2}, {3, 1, kNan}, {1, kNan, kNan});
  binary("maximum", boolean, {0, 1}, {1, 0}, {1, 1});
  binary("minimum", boolean, {0, 1}, {1, 0}, {0, 0});
  binary("atan2", f64, {1, -1}, {-1, 0}, {2.356194490192345, -1.5707963267948966}, 1e-15);
}

TEST(division_rounds_down) {
  binary("floordiv", i32, {7, -7, 7, -7}, {2, 2, -2, -2}, {3, -4, -4, 3});
  binary("mod", i32, {7, -7, 7, -7}, {3, 3, -3, -3}, {1, 2, -2, -1});
  binary("floordiv", i8, {-128}, {-1}, {-128});
  binary("mod", i8, {-128}, {-1}, {0});
  binary("floordiv", u8, {255}, {2}, {127});
  binary("floordiv", f64, {7, -7, 1, 0.3}, {2, 2, 0, 0.1}, {3, -4, kInf, 2});
  binary("mod", f64, {7, -7, 7, -1}, {3, 3, -3, kInf}, {1, 2, -2, kInf});
  binary("mod", f64, {1}, {0}, {kNan});
  for (const char* op : {"floordiv", "mod"}) {
    const Outcome outcome = run(op, {}, {make(i32, {2}, {5, 5}), make(i32, {2}, {0, 2})}, i32, {2});
    compare(op, outcome, {0, std::string(op) == "mod" ? 1.0 : 2.0});
    CHECK_EQ(outcome.status, uint32_t{kStatusBadArgument});
  }
}

TEST(comparisons_and_bits) {
  const Tensor a = make(f32, {3}, {1, 2, kNan}), b = make(f32, {3}, {2, 2, kNan});
  expect("eq", {}, {a, b}, boolean, {3}, {0, 1, 0});
  expect("ne", {}, {a, b}, boolean, {3}, {1, 0, 1});
  expect("lt", {}, {a, b}, boolean, {3}, {1, 0, 0});
  expect("le", {}, {a, b}, boolean, {3}, {1, 1, 0});
  expect("gt", {}, {a, b}, boolean, {3}, {0, 0, 0});
  expect("ge", {}, {a, b}, boolean, {3}, {0, 1, 0});
  binary("logical_and", boolean, {0, 1, 1}, {1, 0, 1}, {0, 0, 1});
  binary("logical_or", boolean, {0, 0, 1}, {1, 0, 1}, {1, 0, 1});
  binary("logical_xor", boolean, {0, 1, 1}, {1, 0, 1}, {1, 1, 0});
  binary("bitwise_and", u8, {12}, {10}, {8});
  binary("bitwise_or", i32, {12}, {10}, {14});
  binary("bitwise_xor", i64, {12}, {10}, {6});
  binary("left_shift", u8, {1, 255, 1}, {3, 1, 8}, {8, 254, 0});
  binary("right_shift", i8, {-8, 8, -8}, {1, 1, 9}, {-4, 4, -1});
}

TEST(broadcasting) {
  const Tensor column = make(f32, {2, 1}, {10, 20}), row = make(f32, {3}, {1, 2, 3});
  expect("add", {}, {column, row}, f32, {2, 3}, {11, 12, 13, 21, 22, 23});
  expect("sub", {}, {row, make(f32, {}, {1})}, f32, {3}, {0, 1, 2});
  expect("mul", {}, {make(f32, {0, 3}, {}), row}, f32, {0, 3}, {});
  const Tensor condition = make(boolean, {2, 1}, {1, 0});
  expect("where", {}, {condition, row, make(f32, {}, {-1})}, f32, {2, 3}, {1, 2, 3, -1, -1, -1});
  expect("where", {}, {condition, make(DType::Float16, {}, {2}), make(DType::Float16, {}, {4})},
         DType::Float16, {2, 1}, {2, 4});
}

Attrs reduction(const Ints& axes) { return {{"axes", axes}, {"keepdims", false}}; }

TEST(reductions) {
  const Tensor x = make(f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expect("reduce_sum", reduction({0}), {x}, f32, {3}, {5, 7, 9});
  expect("reduce_sum", reduction({1}), {x}, f32, {2}, {6, 15});
  expect("reduce_sum", reduction({0, 1}), {x}, f32, {}, {21});
  expect("reduce_sum", reduction({}), {x}, f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expect("reduce_sum", {{"axes", Ints{1}}, {"keepdims", true}}, {x}, f32, {2, 1}, {6, 15});
  expect("reduce_prod", reduction({1}), {x}, f32, {2}, {6, 120});
  expect("reduce_max", reduction({0}), {make(f32, {2, 2}, {1, kNan, 3, 0})}, f32, {2}, {3, kNan});
  expect("reduce_min", reduction({0}), {make(i32, {3}, {4, -2, 9})}, i32, {}, {-2});
  expect("reduce_max", reduction({0}), {make(boolean, {2, 2}, {0, 0, 1, 0})}, boolean, {2}, {1, 0});
  const Tensor middle = make(i64, {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  expect("reduce_sum", reduction({1}), {middle}, i64, {2, 2}, {4, 6, 12, 14});
  expect("reduce_sum", reduction({0, 2}), {middle}, i64, {2}, {14, 22});
  const Tensor empty = make(f32, {2, 0}, {});
  expect("reduce_sum", reduction({1}), {empty}, f32, {2}, {0, 0});
  expect("reduce_prod", reduction({1}), {empty}, f32, {2}, {1, 1});
  expect("reduce_max", reduction({1}), {empty}, f32, {2}, {-kInf, -kInf});
  expect("reduce_min", reduction({0}), {make(u8, {0}, {})}, u8, {}, {255});
  // Sums in double: 2^24 + 1 + 1 is lost step by step in float32.
  expect("reduce_sum", reduction({0}), {make(f32, {3}, {0x1p24, 1, 1})}, f32, {}, {0x1p24 + 2});
}

TEST(argmax_and_running_sums) {
  const Attrs last{{"axis", int64_t{1}}, {"keepdims", false}};
  const Tensor x = make(f32, {3, 3}, {1, 5, 5, kNan, 9, kNan, -1, -2, -3});
  expect("argmax", last, {x}, i32, {3}, {1, 0, 0});
  expect("argmin", last, {x}, i32, {3}, {0, 0, 2});
  expect("argmax", {{"axis", int64_t{0}}, {"keepdims", false}}, {make(u8, {2, 2}, {1, 9, 2, 9})},
         i32, {2}, {1, 0});
  const auto running = [](bool reverse, bool exclusive) {
    return Attrs{{"axis", int64_t{1}}, {"reverse", reverse}, {"exclusive", exclusive}};
  };
  const Tensor y = make(i32, {2, 3}, {1, 2, 3, 4, 5, 6});
  expect("cumsum", running(false, false), {y}, i32, {2, 3}, {1, 3, 6, 4, 9, 15});
  expect("cumsum", running(true, false), {y}, i32, {2, 3}, {6, 5, 3, 15, 11, 6});
  expect("cumsum", running(false, true), {y}, i32, {2, 3}, {0, 1, 3, 0, 4, 9});
  expect("cumsum", running(true, true), {y}, i32, {2, 3}, {5, 3, 0, 11, 6, 0});
  expect("cumprod", running(false, false), {y}, i32, {2, 3}, {1, 2, 6, 4, 20, 120});
}

TEST(matmul) {
  const auto flags = [](bool a, bool b) { return Attrs{{"transpose_a", a}, {"transpose_b", b}}; };
  const Tensor a = make(f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = make(f32, {3, 2}, {7, 8, 9, 10, 11, 12});
  const Values product{58, 64, 139, 154};
  expect("matmul", flags(false, false), {a, b}, f32, {2, 2}, product);
  const Tensor at = make(f32, {3, 2}, {1, 4, 2, 5, 3, 6});
  const Tensor bt = make(f32, {2, 3}, {7, 9, 11, 8, 10, 12});
  expect("matmul", flags(true, false), {at, b}, f32, {2, 2}, product);
  expect("matmul", flags(false, true), {a, bt}, f32, {2, 2}, product);
  expect("matmul", flags(true, true), {at, bt}, f32, {2, 2}, product);
  const Tensor left = make(i32, {2, 1, 1, 2}, {1, 2, 3, 4}),
               right = make(i32, {2, 2, 1}, {1, 1, 2, 0});
  expect("matmul", flags(false, false), {left, right}, i32, {2, 2, 1, 1}, {3, 2, 7, 6});
  expect("matmul", flags(false, false), {make(f32, {2, 0}, {}), make(f32, {0, 2}, {})}, f32, {2, 2},
         {0, 0, 0, 0});
}

TEST(refusals_name_op_and_dtype) {
  const auto refused = [](const char* op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                          DType dtype) { return run(op, attrs, inputs, dtype, {}).refused; };
  const Tensor half = make(DType::Float16, {}, {1}), single = make(f32, {}, {1});
  CHECK_EQ(refused("add", {}, {half, half}, DType::Float16),
           "add: no reference kernel for float16");
  CHECK_EQ(refused("add", {}, {single, half}, f32),
           "add: no reference kernel for float32 with float16");
  CHECK_EQ(refused("exp", {}, {make(i32, {}, {1})}, i32), "exp: no reference kernel for int32");
  CHECK(!refused("reduce_sum", reduction({}), {make(boolean, {}, {1})}, boolean).empty());
  for (const char* op : {"softmax", "layer_norm", "batch_norm", "reshape", "identity"}) {
    CHECK(reference_entry(op) == nullptr);
  }
}

TEST(memory_is_the_backends_own) {
  const BackendTable& backend = reference_backend();
  CHECK(!backend.host);
  void* memory = backend.allocate(64);
  const double there = 1.5;
  double back = 0;
  backend.copy_in(memory, &there, sizeof there);
  void* other = static_cast<char*>(memory) + 32;  // addresses count as usual
  backend.copy(other, memory, sizeof there);
  backend.copy_out(&back, other, sizeof back);
  CHECK_EQ(back, there);
  CHECK_THROWS(InternalError, "not its own", backend.copy_in(&back, &there, sizeof back));
  CHECK_THROWS(MemoryError, "bytes", backend.allocate(size_t{1} << 60));
  // The host cannot read it: a child that tries is ended by the system.
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    const volatile char* byte = static_cast<const volatile char*>(memory);
    _exit(*byte == 99 ? 1 : 0);
  }
  int outcome = 0;
  waitpid(child, &outcome, 0);
  CHECK(WIFSIGNALED(outcome));
  backend.release(memory, 64);
}

}  // namespace
}  // namespace nacre::check
