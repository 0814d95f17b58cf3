#include "graph/planner.h"

#include <algorithm>
#include <numeric>

namespace nacre {

size_t plan_offsets(std::vector<Lifetime>& buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  size_t total = 0;
  std::vector<size_t> placed;  // sorted by offset
  for (size_t id : order) {
    Lifetime& buffer = buffers[id];
    const size_t bytes = round_up(buffer.bytes);
    size_t offset = 0;
    for (size_t other_id : placed) {
      const Lifetime& other = buffers[other_id];
      if (other.last < buffer.first || buffer.last < other.first) continue;
      if (offset + bytes <= other.offset) break;
      offset = std::max(offset, other.offset + round_up(other.bytes));
    }
    buffer.offset = offset;
    total = std::max(total, offset + bytes);
    auto at =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](size_t value, size_t index) { return value < buffers[index].offset; });
    placed.insert(at, id);
  }
  return total;
}

}  // namespace nacre
