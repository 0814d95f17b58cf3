#include "training/shuffle.h"

#include <cstddef>
#include <utility>

namespace nacre {

void NumpyGenerator::refill() {
  constexpr size_t kSize = 624, kShift = 397;
  constexpr uint32_t kMatrix = 0x9908b0dfu, kUpper = 0x80000000u, kLower = 0x7fffffffu;
  for (size_t i = 0; i < kSize; ++i) {
    const uint32_t y = (key[i] & kUpper) | (key[(i + 1) % kSize] & kLower);
    key[i] = key[(i + kShift) % kSize] ^ (y >> 1) ^ ((y & 1u) ? kMatrix : 0u);
  }
  position = 0;
}

uint32_t NumpyGenerator::next() {
  if (position >= 624) refill();
  uint32_t y = key[position++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

uint64_t NumpyGenerator::interval(uint64_t limit) {
  if (limit == 0) return 0;
  uint64_t mask = limit;
  for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
  for (;;) {
    uint64_t value = next();
    if (limit > 0xffffffffu) value = value << 32 | next();
    value &= mask;
    if (value <= limit) return value;
  }
}

void NumpyGenerator::permutation(int64_t first, int64_t count, int64_t* order) {
  for (int64_t i = 0; i < count; ++i) order[i] = first + i;
  for (int64_t i = count - 1; i > 0; --i) {
    std::swap(order[i], order[interval(static_cast<uint64_t>(i))]);
  }
}

}  // namespace nacre
