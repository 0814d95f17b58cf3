// Float32 micro-ops, cheap ones: arithmetic, comparison, selection, conversion. Contiguous buffers
// padded to 16 elements, so only whole vectors are computed and no element's bits depend on its
// place. dst may be an operand. Nothing is accumulated.

#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/isa/elementwise_loops.h"
#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

F32_UNARY(neg, -x)
F32_UNARY(abs, abs(x))
F32_UNARY(sign, select(x > 0.0f, f32(1.0f), select(x < 0.0f, f32(-1.0f), x)))
F32_UNARY(square, x* x)
F32_UNARY(relu, max(f32(0.0f), x))
F32_UNARY(sqrt, sqrt(x))
F32_UNARY(rsqrt, rsqrt(x))
F32_UNARY(floor, floor(x))
F32_UNARY(ceil, ceil(x))
F32_UNARY(round, round_even(x))
F32_UNARY(trunc, trunc(x))

F32_BINARY(add, x + y)
F32_BINARY(sub, x - y)
F32_BINARY(mul, x* y)
F32_BINARY(div, x / y)
F32_BINARY(maximum, select(x > y, x, select(x != x, x, y)))
F32_BINARY(minimum, select(x < y, x, select(x != x, x, y)))

F32_TERNARY(multiply_add, fma(x, y, z))
F32_TERNARY(multiply_subtract, fnma(x, y, z))

F32_COMPARE(eq, x == y)
F32_COMPARE(ne, x != y)
F32_COMPARE(lt, x < y)
F32_COMPARE(le, x <= y)
F32_COMPARE(gt, x > y)
F32_COMPARE(ge, x >= y)

F32_TEST(isfinite, abs(x) < f32_infinity())
F32_TEST(isnan, x != x)
F32_TEST(isinf, abs(x) == f32_infinity())
F32_TEST(to_bool, x != 0.0f)

// The remainder is exact and takes the sign of the divisor, as in Python. fmodf is exact by its
// definition, hence the same everywhere.
float remainder_of(float a, float b) {
  float r = __builtin_fmodf(a, b);
  if (r != 0.0f) {
    if ((r < 0.0f) != (b < 0.0f)) r += b;
  } else {
    r = __builtin_copysignf(0.0f, b);
  }
  return r;
}

float floor_quotient(float a, float b) {
  if (b == 0.0f) return a / b;
  const float r = __builtin_fmodf(a, b);
  float q = (a - r) / b;
  if (r != 0.0f && (r < 0.0f) != (b < 0.0f)) q -= 1.0f;
  if (q == 0.0f) return __builtin_copysignf(0.0f, a / b);
  const float whole = __builtin_floorf(q);
  return q - whole > 0.5f ? whole + 1.0f : whole;
}

void op_mod(void* dst, const void* a, const void* b, const void*, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<float*>(dst)[i] =
        remainder_of(static_cast<const float*>(a)[i], static_cast<const float*>(b)[i]);
  }
}

void op_floordiv(void* dst, const void* a, const void* b, const void*, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<float*>(dst)[i] =
        floor_quotient(static_cast<const float*>(a)[i], static_cast<const float*>(b)[i]);
  }
}

void op_where(void* dst, const void* condition, const void* a, const void* b, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<float>) {
    const I32 mask = load_mask(static_cast<const uint8_t*>(condition) + i);
    store(static_cast<float*>(dst) + i, select(mask, load(static_cast<const float*>(a) + i),
                                               load(static_cast<const float*>(b) + i)));
  }
}

void op_bool_to_float(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<float>) {
    const I32 mask = load_mask(static_cast<const uint8_t*>(a) + i);
    store(static_cast<float*>(dst) + i, select(mask, f32(1.0f), f32(0.0f)));
  }
}

// Exact, so the compiler's own vectors do.
void op_uint8_to_float(void* dst, const void* a, const void*, const void*, int64_t n) {
  const auto* in = static_cast<const uint8_t*>(a);
  auto* out = static_cast<float*>(dst);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(in[i]);
}

void op_int32_to_float(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<float>) {
    store(static_cast<float*>(dst) + i, to_float(load(static_cast<const int32_t*>(a) + i)));
  }
}

// Toward zero; beyond the range the nearest integer, NaN gives 0.
void op_float_to_int32(void* dst, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<float>) {
    const F32 x = load(static_cast<const float*>(a) + i);
    const I32 high = x >= 2147483648.0f;
    const F32 in_range = select((x > -2147483648.0f) & ~high, x, f32(0.0f));
    I32 y = truncate_to_int(in_range);
    y = select(high, broadcast<int32_t>(INT32_MAX), y);
    y = select(x <= -2147483648.0f, broadcast<int32_t>(INT32_MIN), y);
    store(static_cast<int32_t*>(dst) + i, y);
  }
}

// Products are rounded before they are added, as the single ops would.
#define F32_PATTERN(name, expression)                                       \
  void pattern_##name(void* const* dst, const void* const* in, int64_t n) { \
    float* out = static_cast<float*>(dst[0]);                               \
    auto operand = [&](int k, int64_t i) __attribute__((always_inline)) {   \
      return load(static_cast<const float*>(in[k]) + i);                    \
    };                                                                      \
    NACRE_NO_UNROLL for (int64_t i = 0; i < n; i += kLanes<float>) {        \
      const F32 a = operand(0, i), b = operand(1, i), c = operand(2, i);    \
      store(out + i, expression);                                           \
    }                                                                       \
  }
F32_PATTERN(lerp, a + rounded((b - a) * c))
F32_PATTERN(lerp_square, a + rounded((rounded(b * b) - a) * c))
F32_PATTERN(descend, a - (b * c) / (sqrt(operand(3, i)) + operand(4, i)))
F32_PATTERN(product_plus, rounded(a* b) + c)
F32_PATTERN(product_minus, c - rounded(a * b))
F32_PATTERN(gate, select(a > b, c, operand(3, i)))

void pattern_adam(void* const* dst, const void* const* in, int64_t n) {
  float* const weight = static_cast<float*>(dst[0]);
  float* const first = static_cast<float*>(dst[1]);
  float* const second = static_cast<float*>(dst[2]);
  auto operand = [&](int k, int64_t i) __attribute__((always_inline)) {
    return load(static_cast<const float*>(in[k]) + i);
  };
  NACRE_NO_UNROLL for (int64_t i = 0; i < n; i += kLanes<float>) {
    const F32 a = operand(0, i), b = operand(1, i), d = operand(3, i), e = operand(4, i);
    const F32 m = a + rounded((b - a) * operand(2, i));
    const F32 v = d + rounded((rounded(e * e) - d) * operand(5, i));
    const F32 w = operand(6, i) - (m * operand(7, i)) / (sqrt(v) + operand(8, i));
    store(weight + i, w);
    store(first + i, m);
    store(second + i, v);
  }
}

}  // namespace

// Defined in transcendental.cpp.
#define NACRE_DECLARE(name) void op_##name(void*, const void*, const void*, const void*, int64_t);
NACRE_TRANSCENDENTAL_MICRO_OPS(NACRE_DECLARE)
#undef NACRE_DECLARE

#define NACRE_ROW(name) op_##name,
#define NACRE_NONE(name) nullptr,
const ElementwiseTable elementwise_table = {
    {
        op_exp,
        op_log,
        op_log1p,
        op_expm1,
        op_sqrt,
        op_rsqrt,
        op_tanh,
        op_sigmoid,
        op_erf,
        op_erfinv,
        op_sin,
        op_cos,
        op_tan,
        op_asin,
        op_acos,
        op_atan,
        op_sinh,
        op_cosh,
        op_asinh,
        op_acosh,
        op_atanh,
        op_floor,
        op_ceil,
        op_round,
        op_trunc,
        op_softplus,
        nullptr,
        nullptr,
        NACRE_UNARY_OPS(NACRE_ROW) NACRE_TEST_OPS(NACRE_ROW) NACRE_FLOAT_BINARY_OPS(NACRE_ROW)
            NACRE_BINARY_OPS(NACRE_ROW) NACRE_COMPARE_OPS(NACRE_ROW) NACRE_LOGICAL_OPS(NACRE_NONE)
                NACRE_BITWISE_OPS(NACRE_NONE) nullptr,
        nullptr,
        op_where,
        nullptr,
        op_multiply_add,
        op_multiply_subtract,
    },
    op_to_bool,
    op_float_to_int32,
    op_bool_to_float,
    op_uint8_to_float,
    op_int32_to_float,
    {pattern_lerp, pattern_lerp_square, pattern_descend, pattern_product_plus,
     pattern_product_minus, pattern_gate, pattern_adam},
};

}  // namespace nacre::cpu::NACRE_ISA_NAME
