#pragma once

// The attributes of ops that end in a bias and an activation: cpu.matmul and cpu.conv.

#include <string>

#include "kernels/backend.h"
#include "kernels/cpu/gemm.h"

namespace nacre::cpu {

inline bool flag_of(const OpCase& op, const char* name) {
  return op.attrs.has(name) && op.attrs.flag(name);
}

// False when there is no such activation.
inline bool activation_of(const OpCase& op, Activation* activation) {
  *activation = Activation::None;
  if (!op.attrs.has("activation")) return true;
  const std::string& name = op.attrs.text("activation");
  if (name == "none") return true;
  if (name == "relu") return *activation = Activation::Relu, true;
  if (name == "sigmoid") return *activation = Activation::Sigmoid, true;
  if (name == "tanh") return *activation = Activation::Tanh, true;
  return false;
}

}  // namespace nacre::cpu
