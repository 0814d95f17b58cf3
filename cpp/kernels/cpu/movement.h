#pragma once

// Ops that move elements without looking at them, for every dtype; sorting is in order.cpp.

#include <span>

#include "kernels/backend.h"

namespace nacre::cpu {

// transpose, broadcast_to, concat, slice, pad, reverse, dynamic_slice, dynamic_update_slice.
std::span<const OpEntry> movement_entries();
// gather, gather_nd, take_along_axis, scatter_update, one_hot, iota.
std::span<const OpEntry> gather_entries();
// scatter_add, scatter_nd, put_along_axis_add, bincount.
std::span<const OpEntry> scatter_entries();
// sort, argsort, searchsorted.
std::span<const OpEntry> order_entries();

}  // namespace nacre::cpu
