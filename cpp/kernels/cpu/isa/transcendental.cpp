// Float32 micro-ops that cost more than a few instructions. Same rules as elementwise.cpp.

#include "kernels/cpu/elementwise_ops.h"
#include "kernels/cpu/isa/elementwise_loops.h"

namespace nacre::cpu::NACRE_ISA_NAME {

#define NACRE_DECLARE(name) void op_##name(void*, const void*, const void*, const void*, int64_t);
NACRE_TRANSCENDENTAL_MICRO_OPS(NACRE_DECLARE)
#undef NACRE_DECLARE

F32_UNARY(exp, exp(x))
F32_UNARY(log, log(x))
F32_UNARY(log1p, log1p(x))
F32_UNARY(expm1, expm1(x))
F32_UNARY(tanh, tanh(x))
F32_UNARY(sigmoid, sigmoid(x))
F32_UNARY(erf, erf(x))
F32_UNARY(erfinv, erfinv(x))
F32_UNARY(sin, sin(x))
F32_UNARY(cos, cos(x))
F32_UNARY(tan, tan(x))
F32_UNARY(asin, asin(x))
F32_UNARY(acos, acos(x))
F32_UNARY(atan, atan(x))
F32_UNARY(sinh, sinh(x))
F32_UNARY(cosh, cosh(x))
F32_UNARY(asinh, asinh(x))
F32_UNARY(acosh, acosh(x))
F32_UNARY(atanh, atanh(x))
F32_UNARY(softplus, softplus(x))
F32_BINARY(pow, pow(x, y))
F32_BINARY(atan2, atan2(x, y))
// max(x, 0) - x * z + log(1 + exp(-|x|)) for a logit x and a target y.
F32_BINARY(sigmoid_cross_entropy, fnma(x, y, softplus(x)))

}  // namespace nacre::cpu::NACRE_ISA_NAME
