#pragma once

// Random numbers: pure functions of the state (seed, counter), the shape and the dtype.

#include <span>

#include "kernels/backend.h"
#include "kernels/cpu/random_ops.h"

namespace nacre::cpu {

// random_bits, random_uniform, random_normal, random_truncated_normal, random_permutation,
// random_gamma.
std::span<const OpEntry> random_entries();

}  // namespace nacre::cpu
