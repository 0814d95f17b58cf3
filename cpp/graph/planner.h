#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/memory.h"

namespace nacre {

// An intermediate that lives from step `first` to step `last`, both included.
struct Lifetime {
  size_t bytes = 0;
  int32_t first = 0;
  int32_t last = 0;
  size_t offset = 0;  // filled in by plan_offsets
};

// Long buffers are placed first, so rounding their sizes aligns their places.
inline size_t round_up(size_t bytes) {
  const size_t alignment = memory_alignment(bytes);
  return (bytes + alignment - 1) / alignment * alignment;
}

// Gives every buffer a place in one arena so that buffers that live at the same time do not
// overlap, and returns the arena's size. Greedy by size, which is near optimal for such graphs
// (Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020).
size_t plan_offsets(std::vector<Lifetime>& buffers);

}  // namespace nacre
