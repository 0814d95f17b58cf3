#pragma once

#include "kernels/backend.h"

namespace nacre::cpu {

// The backend for the machine's own processor: host memory, kernels chosen for its instruction set.
const BackendTable& cpu_backend();

}  // namespace nacre::cpu
