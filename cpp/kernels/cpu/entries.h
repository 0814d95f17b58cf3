#pragma once

#include <span>

#include "kernels/backend.h"

namespace nacre::cpu {

// Every kernel of the CPU backend but the matrix product's.
std::span<const OpEntry> kernel_entries();

}  // namespace nacre::cpu
