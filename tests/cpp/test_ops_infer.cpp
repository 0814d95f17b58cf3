// Shapes, dtypes and messages of inference, with dimensions that are not known yet.

#include <set>

#include "check.h"
#include "core/error.h"
#include "ops/op.h"

namespace nacre {
namespace {

using Ints = std::vector<int64_t>;
const DType f32 = DType::Float32, i32 = DType::Int32, boolean = DType::Bool;

struct Inferred {
  std::vector<TensorType> types;
  std::vector<Constraint> constraints;
};

Inferred infer(const char* name, std::vector<TensorType> inputs, Attrs attrs = {}) {
  Inferred inferred;
  InferContext context{name, inputs, attrs, inferred.constraints};
  inferred.types = get_op(name).infer(context);
  return inferred;
}

std::string text(const char* name, std::vector<TensorType> inputs, Attrs attrs = {}) {
  std::string joined;
  for (const TensorType& type : infer(name, inputs, attrs).types) {
    joined += (joined.empty() ? "" : " ") + type_str(type);
  }
  return joined;
}

Dim batch() { return Dim::symbol("batch"); }
Dim time() { return Dim::symbol("time"); }

TEST(the_list_is_sound) {
  std::set<std::string> names;
  for (const OpDef& op : op_list()) {
    CHECK(names.insert(op.name).second);
    CHECK(find_op(op.name) == &op);
    if (op.is(kLeaf) || op.is(kRegion)) continue;
    CHECK(op.infer != nullptr);
    const bool differentiable = op.gradient || op.decompose;
    if (differentiable == op.is(kNonDifferentiable) && std::string(op.name) != "dim_size") {
      check::fail(__FILE__, __LINE__, std::string(op.name) + " and its gradient disagree");
    }
  }
  CHECK(find_op("nonesuch") == nullptr);
  CHECK_THROWS(InternalError, "nonesuch", get_op("nonesuch"));
}

TEST(broadcasting) {
  CHECK_EQ(text("add", {{f32, {batch(), 3}}, {f32, {3}}}), "float32(batch, 3)");
  CHECK_EQ(text("add", {{f32, {batch(), 1}}, {f32, {1, time()}}}), "float32(batch, time)");
  CHECK_EQ(text("lt", {{f32, {}}, {f32, {2}}}), "bool(2,)");
  CHECK_EQ(text("where", {{boolean, {3, 1}}, {i32, {}}, {i32, {4}}}), "int32(3, 4)");
  CHECK_THROWS(ValueError, "add: shapes (batch, 3) and (4,) cannot be broadcast together.",
               text("add", {{f32, {batch(), 3}}, {f32, {4}}}));
  CHECK_THROWS(ValueError, "mul: shapes (batch,) and (batch+1,)",
               text("mul", {{f32, {batch()}}, {f32, {batch() + 1}}}));
  const Inferred assumed = infer("sub", {{f32, {batch(), 2}}, {f32, {7, 2}}});
  CHECK_EQ(type_str(assumed.types[0]), "float32(7, 2)");
  CHECK_EQ(assumed.constraints.size(), 1u);
  CHECK_EQ(assumed.constraints[0].what, "sub: operand shapes (batch, 2) and (7, 2)");
}

TEST(dtypes) {
  CHECK_THROWS(TypeError, "add: expected operands of one dtype. Received float32 and int32.",
               text("add", {{f32, {}}, {i32, {}}}));
  CHECK_THROWS(TypeError, "exp: expected the operand to be floating-point. Received int32(3,).",
               text("exp", {{i32, {3}}}));
  CHECK_THROWS(TypeError, "sub: expected the first operand",
               text("sub", {{boolean, {}}, {boolean, {}}}));
  CHECK_EQ(text("add", {{boolean, {2}}, {boolean, {2}}}), "bool(2,)");
  CHECK_THROWS(TypeError, "div: expected", text("div", {{i32, {}}, {i32, {}}}));
  CHECK_EQ(text("isnan", {{f32, {2}}}), "bool(2,)");
  CHECK_THROWS(TypeError, "logical_and", text("logical_and", {{i32, {}}, {i32, {}}}));
  CHECK_THROWS(TypeError, "add: expected 2 operands. Received 1.", text("add", {{f32, {}}}));
}

TEST(sizes_beyond_memory) {
  const Dim big = int64_t{1} << 40;
  CHECK_THROWS(MemoryError, "more than 9223372036854775807 elements",
               text("broadcast_to", {{f32, {}}}, {{"shape", Shape{big, big}}}));
  CHECK_THROWS(MemoryError, "(1099511627776, 1024)",
               text("broadcast_to", {{f32, {}}}, {{"shape", Shape{big, 1024}}}));
  CHECK_THROWS(MemoryError, "mul", text("mul", {{f32, {big, 1}}, {f32, {big}}}));
  CHECK_THROWS(ValueError, "negative", text("broadcast_to", {{f32, {}}}, {{"shape", Shape{-1}}}));
}

TEST(reshape_counts_elements) {
  CHECK_EQ(text("reshape", {{f32, {batch(), 28, 28}}}, {{"shape", Shape{batch(), 784}}}),
           "float32(batch, 784)");
  CHECK(infer("reshape", {{f32, {batch(), 28, 28}}}, {{"shape", Shape{batch(), 784}}})
            .constraints.empty());
  CHECK_THROWS(ValueError, "reshape: cannot reshape (2, 3) into (4,): 6 elements against 4.",
               text("reshape", {{f32, {2, 3}}}, {{"shape", Shape{4}}}));
  CHECK_EQ(infer("reshape", {{f32, {batch()}}}, {{"shape", Shape{time(), 2}}}).constraints.size(),
           1u);
}

TEST(reductions) {
  CHECK_EQ(
      text("reduce_sum", {{f32, {batch(), 3, 4}}}, {{"axes", Ints{0, 2}}, {"keepdims", false}}),
      "float32(3,)");
  CHECK_EQ(text("reduce_max", {{f32, {batch(), 3}}}, {{"axes", Ints{1}}, {"keepdims", true}}),
           "float32(batch, 1)");
  CHECK_EQ(text("argmax", {{f32, {2, 3}}}, {{"axis", 1}, {"keepdims", false}}), "int32(2,)");
  CHECK_THROWS(ValueError, "reduce_sum: axis 3 is out of range for shape (2, 3).",
               text("reduce_sum", {{f32, {2, 3}}}, {{"axes", Ints{3}}, {"keepdims", true}}));
  CHECK_THROWS(ValueError, "reduce_max: there is no element along an axis of size 0",
               text("reduce_max", {{f32, {2, 0}}}, {{"axes", Ints{1}}, {"keepdims", true}}));
  CHECK_EQ(text("reduce_max", {{f32, {0, 2}}}, {{"axes", Ints{1}}, {"keepdims", false}}),
           "float32(0,)");
}

TEST(movement) {
  CHECK_EQ(text("concat", {{f32, {batch(), 3}}, {f32, {batch(), time()}}}, {{"axis", 1}}),
           "float32(batch, time+3)");
  CHECK_THROWS(ValueError, "concat: tensors may differ along axis 1 only",
               text("concat", {{f32, {2, 3}}, {f32, {3, 3}}}, {{"axis", 1}}));
  CHECK_THROWS(ValueError, "transpose: axes (0, 0) are not a permutation",
               text("transpose", {{f32, {2, 3}}}, {{"perm", Ints{0, 0}}}));
  const Attrs ahead = {{"start", Shape{1}}, {"size", Shape{time() - 1}}, {"stride", Ints{1}}};
  const Inferred tail = infer("slice", {{f32, {time()}}}, ahead);
  CHECK_EQ(type_str(tail.types[0]), "float32(time-1,)");
  CHECK_EQ(tail.constraints.size(), 1u);  // time is at least 1
  Bindings none, some;
  CHECK(none.unify(time(), 0) && some.unify(time(), 5));
  const Constraint& limit = tail.constraints[0];
  CHECK(limit.at_most);
  CHECK(limit.left.evaluate(none) > limit.right.evaluate(none));
  CHECK(limit.left.evaluate(some) <= limit.right.evaluate(some));
  CHECK_THROWS(
      ValueError, "leaves axis 0 of shape (4,)",
      text("slice", {{f32, {4}}}, {{"start", Shape{1}}, {"size", Shape{2}}, {"stride", Ints{3}}}));
  CHECK_EQ(text("pad", {{f32, {batch(), 3}}, {f32, {}}},
                {{"low", Shape{0, 1}}, {"high", Shape{0, 2}}, {"interior", Ints{0, 1}}}),
           "float32(batch, 8)");
}

TEST(indexing) {
  CHECK_EQ(text("gather", {{f32, {1000, 64}}, {i32, {batch(), time()}}}, {{"axis", 0}}),
           "float32(batch, time, 64)");
  CHECK_THROWS(TypeError, "gather: expected the second operand to be indices of int32 or int64",
               text("gather", {{f32, {4}}, {f32, {2}}}, {{"axis", 0}}));
  CHECK_EQ(text("scatter_add", {{i32, {batch(), 5}}, {f32, {batch(), 5, 64}}},
                {{"axis", 0}, {"size", Shape{1000}}}),
           "float32(1000, 64)");
  CHECK_EQ(text("gather_nd", {{f32, {2, 3, 4}}, {i32, {batch(), 2}}}), "float32(batch, 4)");
  CHECK_EQ(text("scatter_nd", {{i32, {batch(), 1}}, {f32, {batch(), 4}}}, {{"shape", Shape{9, 4}}}),
           "float32(9, 4)");
  CHECK_EQ(text("one_hot", {{i32, {batch()}}}, {{"depth", 10}, {"dtype", f32}}),
           "float32(batch, 10)");
  CHECK_EQ(text("bincount", {{i32, {batch(), 8}}}, {{"length", 5}}), "int32(batch, 5)");
  CHECK_EQ(text("dynamic_slice", {{f32, {9, 4}}, {i32, {2}}}, {{"size", Shape{3, 4}}}),
           "float32(3, 4)");
  CHECK_THROWS(ValueError, "does not fit",
               text("dynamic_slice", {{f32, {9, 4}}, {i32, {2}}}, {{"size", Shape{3, 5}}}));
}

TEST(matmul) {
  const Attrs plain = {{"transpose_a", false}, {"transpose_b", false}};
  CHECK_EQ(text("matmul", {{f32, {batch(), 784}}, {f32, {784, 64}}}, plain), "float32(batch, 64)");
  CHECK_EQ(text("matmul", {{f32, {batch(), 1, 5, 3}}, {f32, {7, 3, 2}}}, plain),
           "float32(batch, 7, 5, 2)");
  CHECK_THROWS(ValueError,
               "matmul: the last axis of the first operand (5) and the second-to-last axis of the "
               "second operand (7) differ. Received shapes (2, 5) and (7, 3).",
               text("matmul", {{f32, {2, 5}}, {f32, {7, 3}}}, plain));
  CHECK_THROWS(ValueError, "matmul: expected operands of at least two axes",
               text("matmul", {{f32, {5}}, {f32, {5, 3}}}, plain));
  CHECK_THROWS(ValueError, "leading axes of shapes (2, 5, 3) and (4, 3, 5)",
               text("matmul", {{f32, {2, 5, 3}}, {f32, {4, 3, 5}}}, plain));
}

TEST(composites) {
  CHECK_EQ(text("sparse_softmax_cross_entropy", {{f32, {batch(), 10}}, {i32, {batch()}}}),
           "float32(batch,)");
  CHECK_THROWS(ValueError, "expected one label per prediction",
               text("sparse_softmax_cross_entropy", {{f32, {batch(), 10}}, {i32, {batch(), 1}}}));
  CHECK_THROWS(ValueError, "expected predictions and targets of one shape",
               text("softmax_cross_entropy", {{f32, {8, 10}}, {f32, {8, 9}}}));
  CHECK_EQ(text("batch_norm", {{f32, {batch(), 8, 3}}, {f32, {3}}, {f32, {3}}},
                {{"axes", Ints{0, 1}}, {"epsilon", 1e-3}}),
           "float32(batch, 8, 3) float32(3,) float32(3,)");
  CHECK_THROWS(ValueError, "batch_norm: expected gamma of shape (3,)",
               text("batch_norm", {{f32, {batch(), 3}}, {f32, {4}}, {f32, {3}}},
                    {{"axes", Ints{0}}, {"epsilon", 1e-3}}));
  CHECK_EQ(
      text("layer_norm", {{f32, {batch(), 8, 3}}, {f32, {3}}, {f32, {3}}}, {{"epsilon", 1e-3}}),
      "float32(batch, 8, 3) float32(batch, 8) float32(batch, 8)");
  CHECK_THROWS(TypeError, "random_normal: expected a random state",
               text("random_normal", {{i32, {2}}}, {{"shape", Shape{3}}, {"dtype", f32}}));
}

}  // namespace
TEST(windows) {
  const Attrs conv = {{"strides", Ints{2, 1}},
                      {"dilation", Ints{1, 2}},
                      {"low", Shape{1, 0}},
                      {"size", Shape{4, 5}},
                      {"groups", 2}};
  const auto with = [](Attrs attrs, std::string_view key, Attr value) {
    attrs.set(key, std::move(value));
    return attrs;
  };
  const TensorType x = {f32, {batch(), 8, 9, 6}}, kernel = {f32, {3, 3, 3, 10}};
  const TensorType y = {f32, {batch(), 4, 5, 10}};
  CHECK_EQ(text("conv", {x, kernel}, conv), "float32(batch, 4, 5, 10)");
  CHECK_EQ(text("conv_input_gradient", {y, kernel}, with(conv, "size", Shape{8, 9})),
           "float32(batch, 8, 9, 6)");
  CHECK_EQ(text("conv_kernel_gradient", {x, y}, with(conv, "size", Shape{3, 3})),
           "float32(3, 3, 3, 10)");
  CHECK_THROWS(ValueError,
               "conv: expected an input of 6 channels for a kernel of shape (3, 3, 3, "
               "10) and groups=2. Received 7 channels in shape (2, 8, 9, 7)",
               text("conv", {{f32, {2, 8, 9, 7}}, kernel}, conv));
  CHECK_THROWS(ValueError, "the number of filters to be a multiple of groups=2. Received 9",
               text("conv", {x, {f32, {3, 3, 3, 9}}}, conv));
  CHECK_THROWS(ValueError, "a kernel of size (3, 3) and dilation (1, 2) does not fit",
               text("conv", {x, kernel}, with(conv, "size", Shape{4, 0})));
  CHECK_THROWS(ValueError, "operands of equal rank", text("conv", {x, {f32, {3, 3, 10}}}, conv));
  CHECK_THROWS(ValueError, "one to three spatial axes",
               text("conv", {{f32, {2, 6}}, kernel}, conv));
  CHECK_THROWS(ValueError, "expected `strides` to be 2 positive integers. Received (2, 0)",
               text("conv", {x, kernel}, with(conv, "strides", Ints{2, 0})));
  CHECK_THROWS(TypeError, "floating-point", text("conv", {{i32, x.shape}, kernel}, conv));
  // Whether a window fits may depend on the size.
  const Dim steps = floor_divide(time() - 3, 2) + 1;
  const Inferred waiting =
      infer("conv", {{f32, {batch(), time(), 9, 6}}, kernel}, with(conv, "size", Shape{steps, 5}));
  CHECK_EQ(waiting.constraints.size(), 1u);
  CHECK(waiting.constraints[0].at_most);

  const Attrs pool = {
      {"window", Ints{3, 2}}, {"strides", Ints{2, 2}}, {"low", Shape{0, 0}}, {"size", Shape{3, 4}}};
  const Inferred maxima = infer("max_pool", {x}, pool);
  CHECK_EQ(type_str(maxima.types[0]), "float32(batch, 3, 4, 6)");
  CHECK_EQ(type_str(maxima.types[1]), "uint8(batch, 3, 4, 6)");
  CHECK_EQ(type_str(infer("max_pool", {x}, with(pool, "window", Ints{20, 20})).types[1]),
           "int32(batch, 3, 4, 6)");
  const TensorType dy = {f32, {batch(), 3, 4, 6}};
  CHECK_EQ(
      text("max_pool_gradient", {dy, {DType::UInt8, dy.shape}}, with(pool, "size", Shape{8, 9})),
      "float32(batch, 8, 9, 6)");
  CHECK_EQ(text("max_pool_gather", {x, {DType::UInt8, dy.shape}}, pool), type_str(dy));
  CHECK_THROWS(TypeError, "an index of uint8. Received int32",
               text("max_pool_gather", {x, {i32, dy.shape}}, pool));
  CHECK_THROWS(ValueError, "too many places",
               text("max_pool", {x}, with(pool, "window", Ints{1 << 20, 1 << 20})));
  CHECK_THROWS(TypeError, "floating-point", text("average_pool", {{i32, x.shape}}, pool));
}

}  // namespace nacre
