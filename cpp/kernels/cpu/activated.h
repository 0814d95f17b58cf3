#pragma once

// The activations of fused products and convolutions, on one element of any type. Not for files
// that are compiled once per instruction set: theirs work on registers (isa/finish_row.h).

#include <cmath>
#include <type_traits>

#include "kernels/cpu/gemm.h"

namespace nacre::cpu {

// Integers know no sigmoid and no tanh.
template <class T>
T activated(T value, Activation activation) {
  switch (activation) {
    case Activation::Relu:
      return value < T{0} ? T{0} : value;
    case Activation::Sigmoid:
      if constexpr (std::is_floating_point_v<T>) {
        // Either form overflows on one side only.
        const T e = std::exp(-std::fabs(value));
        return value >= 0 ? 1 / (1 + e) : e / (1 + e);
      }
      break;
    case Activation::Tanh:
      if constexpr (std::is_floating_point_v<T>) return std::tanh(value);
      break;
    case Activation::None:
      break;
  }
  return value;
}

}  // namespace nacre::cpu
