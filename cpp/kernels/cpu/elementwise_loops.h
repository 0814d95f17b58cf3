#pragma once

// Loops of the micro-ops that are compiled once. Exactly n elements are computed; dst may be an
// operand of the same element size.

#include <cstdint>

namespace nacre::cpu {

template <class T, auto F>
void unary_loop(void* dst, const void* a, const void*, const void*, int64_t n) {
  auto* out = static_cast<decltype(F(T{}))*>(dst);
  const T* x = static_cast<const T*>(a);
  for (int64_t i = 0; i < n; ++i) out[i] = F(x[i]);
}

template <class T, auto F>
void binary_loop(void* dst, const void* a, const void* b, const void*, int64_t n) {
  auto* out = static_cast<decltype(F(T{}, T{}))*>(dst);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; ++i) out[i] = F(x[i], y[i]);
}

template <class T, auto F>
void ternary_loop(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  auto* out = static_cast<T*>(dst);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  const T* z = static_cast<const T*>(c);
  for (int64_t i = 0; i < n; ++i) out[i] = F(x[i], y[i], z[i]);
}

// Comparisons give bytes of 0 or 1.
template <class T>
MicroFn find_comparison(MicroOp op) {
  switch (op) {
    case MicroOp::eq:
      return binary_loop<T, [](T x, T y) -> uint8_t { return x == y; }>;
    case MicroOp::ne:
      return binary_loop<T, [](T x, T y) -> uint8_t { return x != y; }>;
    case MicroOp::lt:
      return binary_loop<T, [](T x, T y) -> uint8_t { return x < y; }>;
    case MicroOp::le:
      return binary_loop<T, [](T x, T y) -> uint8_t { return x <= y; }>;
    case MicroOp::gt:
      return binary_loop<T, [](T x, T y) -> uint8_t { return (x > y); }>;
    case MicroOp::ge:
      return binary_loop<T, [](T x, T y) -> uint8_t { return (x >= y); }>;
    default:
      return nullptr;
  }
}

}  // namespace nacre::cpu
