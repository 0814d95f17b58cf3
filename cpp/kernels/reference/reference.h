#pragma once

#include "kernels/backend.h"

namespace nacre {

// The naive backend: every primitive op as the plainest loop that computes it, in double for the
// float types. It is the oracle that the fast backends are tested against, so it shares no kernel
// code with them, and it has no composites: the core decomposes those first.
//
// Its memory is its own. Addresses it hands out are not addresses of the host: touching one there
// faults at once, and a kernel given a host address throws InternalError.
const BackendTable& reference_backend();

}  // namespace nacre
