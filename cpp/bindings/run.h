#pragma once

#include "bindings/common.h"
#include "parallel/thread_pool.h"
#include "training/gather.h"

namespace nacre::bindings {

// The array's memory as a source of samples; valid while the array lives.
ArraySource source_of(const py::array& array);

}  // namespace nacre::bindings
