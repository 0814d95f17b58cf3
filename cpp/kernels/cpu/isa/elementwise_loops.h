#pragma once

// Makes a micro-op out of an expression of whole vectors x, y, z.

#include "kernels/cpu/simd/trig.h"

#define F32_LOOP(name, statement)                                                           \
  void op_##name(void* dst, [[maybe_unused]] const void* a, [[maybe_unused]] const void* b, \
                 [[maybe_unused]] const void* c, int64_t n) {                               \
    [[maybe_unused]] auto* out = static_cast<float*>(dst);                                  \
    NACRE_NO_UNROLL for (int64_t i = 0; i < n; i += kLanes<float>) { statement; }           \
  }
#define F32_OPERAND(pointer) load(static_cast<const float*>(pointer) + i)

#define F32_UNARY(name, expression) \
  F32_LOOP(name, const F32 x = F32_OPERAND(a); store(out + i, expression))
#define F32_BINARY(name, expression)                                         \
  F32_LOOP(name, const F32 x = F32_OPERAND(a); const F32 y = F32_OPERAND(b); \
           store(out + i, expression))
#define F32_TERNARY(name, expression)                                        \
  F32_LOOP(name, const F32 x = F32_OPERAND(a); const F32 y = F32_OPERAND(b); \
           const F32 z = F32_OPERAND(c); store(out + i, expression))
#define F32_TEST(name, expression)             \
  F32_LOOP(name, const F32 x = F32_OPERAND(a); \
           store_mask(static_cast<uint8_t*>(dst) + i, expression))
#define F32_COMPARE(name, expression)                                        \
  F32_LOOP(name, const F32 x = F32_OPERAND(a); const F32 y = F32_OPERAND(b); \
           store_mask(static_cast<uint8_t*>(dst) + i, expression))
