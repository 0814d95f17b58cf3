#pragma once

// Philox4x32-10 (Salmon et al., 2011): counter-based random bits. Block `index` of the stream
// (seed, counter) is four words that depend on nothing else, so any thread may make any part.

#include <cstdint>

namespace nacre {

struct PhiloxBlock {
  uint32_t word[4];
};

// `stream` tells apart independent streams of one (seed, counter).
inline PhiloxBlock philox(uint32_t seed, uint32_t counter, uint64_t index, uint64_t stream = 0) {
  uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  uint32_t k0 = seed, k1 = counter;
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c0, p1 = uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return {{c0, c1, c2, c3}};
}

// Words [first, first + n) of the stream: word i is number i % 4 of block i / 4.
void philox_words(uint32_t seed, uint32_t counter, uint64_t first, int64_t n, uint32_t* out);

// Uniform in [0, 1).
inline float uniform_float(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
inline double uniform_double(uint32_t low, uint32_t high) {
  return static_cast<double>((uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

// A sequential reader of one stream.
class PhiloxStream {
 public:
  PhiloxStream(uint32_t seed, uint32_t counter, uint64_t first_block = 0)
      : seed_(seed), counter_(counter), next_(first_block) {}
  uint32_t bits() {
    if (used_ == 4) {
      block_ = philox(seed_, counter_, next_++);
      used_ = 0;
    }
    return block_.word[used_++];
  }
  double uniform() {
    const uint32_t low = bits();
    return uniform_double(low, bits());
  }
  // Uniform in [0, limit), limit > 0, without bias (Lemire's rejection).
  uint32_t below(uint32_t limit) {
    uint64_t product = uint64_t{bits()} * limit;
    if (static_cast<uint32_t>(product) < limit) {
      const uint32_t threshold = (0u - limit) % limit;
      while (static_cast<uint32_t>(product) < threshold) product = uint64_t{bits()} * limit;
    }
    return static_cast<uint32_t>(product >> 32);
  }

 private:
  uint32_t seed_, counter_;
  uint64_t next_;
  PhiloxBlock block_{};
  int used_ = 4;
};

}  // namespace nacre
