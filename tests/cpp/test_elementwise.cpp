// Elementwise ops of every dtype against the reference backend, with broadcasting, and programs of
// several instructions against the same instructions one by one.

#include <cstdlib>

#include "kernels/cpu/elementwise.h"
#include "oracle.h"

using namespace nacre;
using namespace nacre::check;

namespace {

const std::vector<DType> kNumbers = {DType::Float32, DType::Float64, DType::Int32,
                                     DType::Int64,   DType::UInt32,  DType::UInt8};

Tensor operand(Random& random, DType dtype, const Ints& shape, double low, double high) {
  if (dtype == DType::UInt8 || dtype == DType::UInt32) low = std::max(low, 0.0);
  return random_tensor(random, dtype, shape, low, high);
}

struct Broadcast {
  Ints a, b, out;
};
const std::vector<Broadcast> kBroadcasts = {
    {{}, {}, {}},
    {{1}, {1}, {1}},
    {{0}, {1}, {0}},
    {{67}, {67}, {67}},
    {{3, 0}, {}, {3, 0}},
    {{700, 10}, {10}, {700, 10}},
    {{10}, {70, 10}, {70, 10}},
    {{90, 1}, {90, 33}, {90, 33}},
    {{5, 1}, {1, 7}, {5, 7}},
    {{4, 1, 6}, {3, 1}, {4, 3, 6}},
    {{2, 3, 4}, {2, 1, 4}, {2, 3, 4}},
    {{40, 300}, {300}, {40, 300}},
    {{3, 1000}, {3, 1}, {3, 1000}},
    {{}, {2000}, {2000}},
    {{40000}, {1}, {40000}},
};

}  // namespace

TEST(binary_ops_broadcast) {
  Random random(1);
  for (const Broadcast& shapes : kBroadcasts) {
    for (const DType dtype : kNumbers) {
      const Tensor a = operand(random, dtype, shapes.a, -9, 9);
      const Tensor b = operand(random, dtype, shapes.b, 1, 6);
      for (const char* op : {"add", "sub", "mul", "maximum", "minimum", "floordiv", "mod"}) {
        compare(op, {}, {a, b}, {{dtype, shapes.out}}, 2e-7);
        if (op[0] != 'f' && op[0] != 'm') compare(op, {}, {b, a}, {{dtype, shapes.out}}, 2e-7);
      }
      compare("pow", {}, {b, b}, {{dtype, shapes.out}}, 3e-7);
      for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge"}) {
        compare(op, {}, {a, b}, {{DType::Bool, shapes.out}}, 0);
      }
      if (is_floating(dtype)) {
        compare("div", {}, {a, b}, {{dtype, shapes.out}}, 2e-7);
        compare("atan2", {}, {a, b}, {{dtype, shapes.out}}, 3e-7);
      } else {
        for (const char* op :
             {"bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"}) {
          compare(op, {}, {a, b}, {{dtype, shapes.out}}, 0);
        }
      }
    }
  }
}

TEST(unary_ops_at_awkward_sizes) {
  Random random(2);
  for (int64_t n = 0; n <= 67; n += n < 20 ? 1 : 7) {
    for (const DType dtype : {DType::Float32, DType::Float64}) {
      const Tensor x = random_tensor(random, dtype, {n}, -3, 3);
      const Tensor positive = random_tensor(random, dtype, {n}, 1.01, 3);
      const Tensor small = random_tensor(random, dtype, {n}, -0.9, 0.9);
      for (const char* op : {"exp",   "expm1",    "tanh", "sigmoid", "erf",   "sin",    "cos",
                             "atan",  "sinh",     "cosh", "asinh",   "floor", "ceil",   "round",
                             "trunc", "softplus", "neg",  "abs",     "sign",  "square", "relu"}) {
        compare(op, {}, {x}, {{dtype, {n}}}, 5e-7);
      }
      for (const char* op : {"log", "log1p", "sqrt", "rsqrt", "acosh", "lgamma", "digamma"}) {
        compare(op, {}, {positive}, {{dtype, {n}}}, 5e-7);
      }
      for (const char* op : {"erfinv", "tan", "asin", "acos", "atanh"}) {
        compare(op, {}, {small}, {{dtype, {n}}}, 5e-7);
      }
    }
    for (const DType dtype : {DType::Int32, DType::Int64, DType::UInt8, DType::UInt32}) {
      const Tensor x = operand(random, dtype, {n}, -9, 9);
      for (const char* op : {"abs", "sign", "square", "relu", "bitwise_not"}) {
        compare(op, {}, {x}, {{dtype, {n}}}, 0);
      }
      if (is_signed_integer(dtype)) compare("neg", {}, {x}, {{dtype, {n}}}, 0);
    }
  }
}

TEST(special_values_of_binary_ops) {
  const std::vector<double> v = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1, -1, 2.5, -2.5, 1e30};
  for (const DType dtype : {DType::Float32, DType::Float64}) {
    for (const double b : v) {
      const Tensor x = tensor_of(dtype, {10}, v), y = tensor_of(dtype, {}, {b});
      for (const char* op :
           {"add", "sub", "mul", "div", "maximum", "minimum", "mod", "floordiv", "pow", "atan2"}) {
        compare(op, {}, {x, y}, {{dtype, {10}}}, 2e-7);
        compare(op, {}, {y, x}, {{dtype, {10}}}, 2e-7);
      }
      for (const char* op : {"eq", "ne", "lt", "le", "gt", "ge"}) {
        compare(op, {}, {x, y}, {{DType::Bool, {10}}}, 0);
      }
    }
    for (const char* op : {"isfinite", "isnan", "isinf"}) {
      compare(op, {}, {tensor_of(dtype, {10}, v)}, {{DType::Bool, {10}}}, 0);
    }
  }
}

TEST(integer_division_by_zero_is_reported) {
  for (const DType dtype : {DType::Int32, DType::Int64, DType::UInt8}) {
    for (const int64_t n : {1, 3, 40}) {
      const Tensor a = tensor_of(dtype, {n}, {7, 8}), b = tensor_of(dtype, {n}, {0, 3});
      for (const char* op : {"floordiv", "mod"}) {
        compare(op, {}, {a, b}, {{dtype, {n}}}, 0);
        CHECK_EQ(run_op(cpu::kernel_entries(), op, {}, {a, b}, {{dtype, {n}}}).status,
                 uint32_t{kStatusBadArgument});
      }
    }
  }
}

TEST(bools_and_selection) {
  Random random(3);
  for (const int64_t n : {1, 5, 67, 1000}) {
    const Tensor a = random_tensor(random, DType::Bool, {n});
    const Tensor b = random_tensor(random, DType::Bool, {n});
    for (const char* op : {"logical_and", "logical_or", "logical_xor", "add", "mul", "maximum",
                           "minimum", "bitwise_and", "eq", "ne", "lt", "ge"}) {
      compare(op, {}, {a, b}, {{DType::Bool, {n}}}, 0);
    }
    compare("logical_not", {}, {a}, {{DType::Bool, {n}}}, 0);
    for (const DType dtype :
         {DType::Float32, DType::Float64, DType::Int32, DType::UInt8, DType::Bool, DType::Int16}) {
      const Tensor x = random_tensor(random, dtype, {n}, -5, 5);
      const Tensor y = random_tensor(random, dtype, {3, 1}, -5, 5);
      compare("where", {}, {a, x, y}, {{dtype, {3, n}}}, 0);
    }
  }
}

TEST(casts) {
  const std::vector<double> values = {0,   -0.0, 1,    -1,    2.5,  -2.5,  127.9, 128,  255.5,
                                      256, 3e9,  -3e9, 70000, 1e20, -1e20, 0.3,   -0.7, 65504};
  for (int from = 0; from < kDTypeCount; ++from) {
    const DType source = static_cast<DType>(from);
    if (source == DType::Float16 || source == DType::BFloat16) continue;
    const Tensor x = tensor_of(source, {37}, values);
    for (int to = 0; to < kDTypeCount; ++to) {
      const DType target = static_cast<DType>(to);
      const Attrs attrs{{"dtype", target}};
      if (target == DType::Float16 || target == DType::BFloat16) {
        // There and back, as the test's values have no half types.
        const Result half = run_op(cpu::kernel_entries(), "cast", attrs, {x}, {{target, {37}}});
        const Result naive = run_reference("cast", attrs, {x}, {{target, {37}}});
        CHECK(same_bits(half.outputs[0], naive.outputs[0]));
        compare("cast", {{"dtype", DType::Float32}}, half.outputs, {{DType::Float32, {37}}}, 0);
      } else {
        compare("cast", attrs, {x}, {{target, {37}}}, 0);
      }
    }
  }
}

// Every half, and float32 numbers around every half.
TEST(casts_between_float32_and_halves) {
  for (const DType half : {DType::Float16, DType::BFloat16}) {
    Tensor all = Tensor::empty(half, {65536});
    for (int i = 0; i < 65536; ++i) all.mutable_data_as<uint16_t>()[i] = static_cast<uint16_t>(i);
    const Attrs widen{{"dtype", DType::Float32}}, narrow{{"dtype", half}};
    compare("cast", widen, {all}, {{DType::Float32, {65536}}}, 0);
    const Tensor wide =
        run_op(cpu::kernel_entries(), "cast", widen, {all}, {{DType::Float32, {65536}}}).outputs[0];
    for (const uint32_t offset :
         {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xfffu, 0x1000u, 0x1001u, ~0u}) {
      Tensor near = Tensor::empty(DType::Float32, {65536});
      for (int i = 0; i < 65536; ++i) {
        near.mutable_data_as<uint32_t>()[i] = wide.data_as<uint32_t>()[i] + offset;
      }
      const Result fast = run_op(cpu::kernel_entries(), "cast", narrow, {near}, {{half, {65536}}});
      const Result naive = run_reference("cast", narrow, {near}, {{half, {65536}}});
      CHECK(same_bits(fast.outputs[0], naive.outputs[0]));
    }
  }
}

TEST(unsupported_types_are_refused) {
  const Tensor x = tensor_of(DType::Int16, {3}, {1});
  const Result r = run_op(cpu::kernel_entries(), "add", {}, {x, x}, {{DType::Int16, {3}}});
  CHECK_EQ(r.refused, std::string("add: no cpu kernel for int16"));
  const Tensor y = tensor_of(DType::Int32, {3}, {1});
  const Result e = run_op(cpu::kernel_entries(), "exp", {}, {y}, {{DType::Int32, {3}}});
  CHECK_EQ(e.refused, std::string("exp: no cpu kernel for int32"));
}

namespace {

// Random programs: each instruction takes earlier registers of the right types.
struct Program {
  std::vector<Tensor> inputs;
  Attrs attrs;
  std::vector<TensorSpec> outputs;
  std::vector<Tensor> expected;
};

struct Maker {
  Random random;
  Ints shape;
  std::vector<Tensor> values;  // of every register, broadcast or not
  std::string code, dtypes;
  Program program;

  explicit Maker(uint64_t seed) : random(seed) {}

  int pick(DType dtype) {
    for (;;) {
      const int64_t r = random.integer(0, static_cast<int64_t>(values.size()) - 1);
      if (values[static_cast<size_t>(r)].dtype() == dtype) return static_cast<int>(r);
    }
  }

  void input(DType dtype, const Ints& own) {
    values.push_back(random_tensor(random, dtype, own, -2, 2));
    program.inputs.push_back(values.back());
    dtypes += (dtypes.empty() ? "" : ",") + std::string(dtype_name(dtype));
  }

  void instruction(const char* op, const std::vector<int>& operands, DType dtype) {
    std::vector<Tensor> in;
    std::string text = std::string(code.empty() ? "" : ";") + op + ":";
    for (size_t i = 0; i < operands.size(); ++i) {
      in.push_back(values[static_cast<size_t>(operands[i])]);
      text += (i ? "," : "") + std::to_string(operands[i]);
    }
    // The result's own shape: broadcast of the operands'.
    Ints out;
    for (const Tensor& t : in) {
      Ints s = t.shape();
      if (s.size() > out.size()) std::swap(s, out);
      for (size_t i = 0; i < s.size(); ++i) {
        int64_t& d = out[out.size() - s.size() + i];
        if (d == 1) d = s[i];
      }
    }
    const Result r = run_op(cpu::kernel_entries(), op, {}, in, {{dtype, out}});
    CHECK_EQ(r.refused, std::string());
    values.push_back(r.outputs.at(0));
    code += text;
    dtypes += "," + std::string(dtype_name(dtype));
  }

  void random_instruction() {
    static const char* binary[] = {"add", "sub", "mul", "maximum", "minimum"};
    static const char* unary[] = {"tanh", "neg", "square", "sigmoid", "relu"};
    switch (random.integer(0, 5)) {
      case 0:
        return instruction(unary[random.integer(0, 4)], {pick(DType::Float32)}, DType::Float32);
      case 1:
        return instruction("lt", {pick(DType::Float32), pick(DType::Float32)}, DType::Bool);
      case 2:
        return instruction("where", {pick(DType::Bool), pick(DType::Float32), pick(DType::Float32)},
                           DType::Float32);
      case 3:
        return instruction("cast", {pick(DType::Float32)}, DType::Float64);
      default:
        return instruction(binary[random.integer(0, 4)],
                           {pick(DType::Float32), pick(DType::Float32)}, DType::Float32);
    }
  }

  void output(int reg) {
    const Tensor& value = values[static_cast<size_t>(reg)];
    program.outputs.push_back({value.dtype(), shape});
    const Attrs attrs{{"shape", shape}};
    program.expected.push_back(
        run_op(cpu::kernel_entries(), "broadcast_to", attrs, {value}, {program.outputs.back()})
            .outputs.at(0));
  }

  Program finish(Ints outs) {
    for (const int64_t reg : outs) output(static_cast<int>(reg));
    program.attrs = {{"code", code}, {"dtypes", dtypes}, {"outs", std::move(outs)}};
    return program;
  }
};

Program random_program(uint64_t seed, const Ints& shape) {
  Maker maker(seed);
  maker.shape = shape;
  maker.input(DType::Float32, shape);
  maker.input(DType::Bool, shape);
  for (int64_t i = maker.random.integer(0, 4); i > 0; --i) {
    Ints own = shape;
    for (int64_t& d : own) {
      if (maker.random.integer(0, 1)) d = 1;
    }
    if (!own.empty() && maker.random.integer(0, 2) == 0) own.erase(own.begin());
    maker.input(DType::Float32, own);
  }
  for (int64_t i = maker.random.integer(1, 30); i > 0; --i) maker.random_instruction();
  Ints outs;
  const int64_t registers = static_cast<int64_t>(maker.values.size());
  for (int64_t i = maker.random.integer(1, 4); i > 0; --i) {
    outs.push_back(maker.random.integer(0, registers - 1));
  }
  outs.push_back(registers - 1);
  return maker.finish(outs);
}

}  // namespace

TEST(programs_equal_their_instructions) {
  for_each_isa([](const char*) {
    uint64_t seed = 1;
    for (const Ints& shape : std::vector<Ints>{{},
                                               {1},
                                               {5},
                                               {16},
                                               {67},
                                               {513},
                                               {0},
                                               {7, 3},
                                               {40, 33},
                                               {3, 4, 5},
                                               {70, 10},
                                               {2, 700},
                                               {40000},
                                               {300, 100}}) {
      for (int repeat = 0; repeat < 12; ++repeat) {
        const Program p = random_program(seed++, shape);
        for (const int threads : {1, 3}) {
          const Result r =
              run_op(cpu::kernel_entries(), "cpu.fused", p.attrs, p.inputs, p.outputs, threads);
          CHECK_EQ(r.refused, std::string());
          for (size_t i = 0; i < p.outputs.size(); ++i) {
            if (!same_bits(r.outputs.at(i), p.expected[i])) {
              fail(__FILE__, __LINE__,
                   p.attrs.key() + " output " + std::to_string(i) + " seed " +
                       std::to_string(seed - 1));
            }
          }
        }
      }
    }
  });
}

namespace {

// p, m, v <- one step of Adam; scalars as tensors. Registers 0 p, 1 m, 2 v, 3 g, 4 1-b1, 5 1-b2,
// 6 rate, 7 epsilon.
Attrs adam_attrs() {
  return {{"code", std::string("sub:3,1;mul:8,4;add:1,9;square:3;sub:11,2;mul:12,5;add:2,13;"
                               "mul:10,6;sqrt:14;add:16,7;div:15,17;sub:0,18")},
          {"outs", Ints{10, 14, 19}},
          {"dtypes", std::string("float32,float32,float32,float32,float32,float32,float32,float32,"
                                 "float32,float32,float32,float32,float32,float32,float32,float32,"
                                 "float32,float32,float32,float32")}};
}

std::vector<Tensor> adam_inputs(Random& random, int64_t n) {
  std::vector<Tensor> in;
  for (int i = 0; i < 4; ++i) in.push_back(random_tensor(random, DType::Float32, {n}, 0.1, 1));
  for (const double s : {0.1, 0.001, 0.01, 1e-7}) in.push_back(tensor_of(DType::Float32, {}, {s}));
  return in;
}

}  // namespace

// Its patterns round as the single instructions do.
TEST(optimizer_patterns_equal_their_instructions) {
  for_each_isa([](const char*) {
    Random random(8);
    for (const int64_t n : {2, 67, 1000}) {
      std::vector<Tensor> v = adam_inputs(random, n);
      const std::vector<TensorSpec> out = {{DType::Float32, {n}}};
      const Result fused =
          run_op(cpu::kernel_entries(), "cpu.fused", adam_attrs(), v, {out[0], out[0], out[0]});
      auto apply = [&](const char* op, std::vector<size_t> operands) {
        std::vector<Tensor> in;
        for (const size_t i : operands) in.push_back(v[i]);
        v.push_back(run_op(cpu::kernel_entries(), op, {}, in, out).outputs.at(0));
      };
      apply("sub", {3, 1});
      apply("mul", {8, 4});
      apply("add", {1, 9});
      apply("square", {3});
      apply("sub", {11, 2});
      apply("mul", {12, 5});
      apply("add", {2, 13});
      apply("mul", {10, 6});
      apply("sqrt", {14});
      apply("add", {16, 7});
      apply("div", {15, 17});
      apply("sub", {0, 18});
      CHECK(same_bits(fused.outputs[0], v[10]));
      CHECK(same_bits(fused.outputs[1], v[14]));
      CHECK(same_bits(fused.outputs[2], v[19]));
    }
  });
}

// Outputs may be the memory of p, m and v, which later instructions still read.
TEST(updates_in_place) {
  for_each_isa([](const char*) {
    Random random(5);
    for (const int64_t n : {1, 7, 16, 100, 1000, 50000}) {
      const std::vector<Tensor> in = adam_inputs(random, n);
      const std::vector<TensorSpec> out(3, {DType::Float32, {n}});
      const Result apart = run_op(cpu::kernel_entries(), "cpu.fused", adam_attrs(), in, out);
      for (const int threads : {1, 4}) {
        std::vector<Tensor> own;
        std::vector<TensorSpec> specs;
        for (const Tensor& t : in) {
          own.push_back(Tensor::from_bytes(t.data(), t.dtype(), t.shape()));
          specs.push_back(spec_of(t));
        }
        const Attrs attrs = adam_attrs();
        const Kernel kernel = cpu::make_fused(cpu::program_of({"cpu.fused", attrs, specs, out}));
        std::vector<Tensor> results = {own[1], own[2], own[0]};
        TestContext test(threads);
        run_kernel(kernel, own, results, test);
        for (size_t i = 0; i < 3; ++i) CHECK(same_bits(results[i], apart.outputs[i]));
      }
    }
  });
}

TEST(joined_programs) {
  Random random(6);
  std::vector<cpu::FusedProgram> programs;
  std::vector<Tensor> inputs, outputs, expected;
  const Attrs attrs = adam_attrs();
  for (const int64_t n : {50176, 64, 640, 1, 10, 100000, 0}) {
    const std::vector<Tensor> in = adam_inputs(random, n);
    const std::vector<TensorSpec> out(3, {DType::Float32, {n}});
    std::vector<TensorSpec> specs;
    for (const Tensor& t : in) {
      specs.push_back(spec_of(t));
      inputs.push_back(t);
    }
    programs.push_back(cpu::program_of({"cpu.fused", attrs, specs, out}));
    const Result r = run_op(cpu::kernel_entries(), "cpu.fused", attrs, in, out);
    for (const Tensor& t : r.outputs) {
      expected.push_back(t);
      outputs.push_back(Tensor::zeros(t.dtype(), t.shape()));
    }
  }
  const Kernel kernel = cpu::join_fused(programs);
  for (const int threads : {1, 2, 5}) {
    TestContext test(threads);
    run_kernel(kernel, inputs, outputs, test);
    for (size_t i = 0; i < outputs.size(); ++i) CHECK(same_bits(outputs[i], expected[i]));
  }
}
