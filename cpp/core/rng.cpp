#include "core/rng.h"

namespace nacre {

void philox_words(uint32_t seed, uint32_t counter, uint64_t first, int64_t n, uint32_t* out) {
  int64_t i = 0;
  for (; i < n && (first + static_cast<uint64_t>(i)) % 4 != 0; ++i) {  // up to a whole block
    const uint64_t word = first + static_cast<uint64_t>(i);
    out[i] = philox(seed, counter, word / 4).word[word % 4];
  }
  // Sixteen blocks at once, so that the compiler makes vectors of them.
  constexpr int kBlocks = 16;
  for (; i + 4 * kBlocks <= n; i += 4 * kBlocks) {
    const uint64_t base = (first + static_cast<uint64_t>(i)) / 4;
    uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks] = {}, c3[kBlocks] = {};
    for (int j = 0; j < kBlocks; ++j) {
      c0[j] = static_cast<uint32_t>(base + static_cast<uint64_t>(j));
      c1[j] = static_cast<uint32_t>((base + static_cast<uint64_t>(j)) >> 32);
    }
    uint32_t k0 = seed, k1 = counter;
    for (int round = 0; round < 10; ++round) {
      for (int j = 0; j < kBlocks; ++j) {
        const uint64_t p0 = uint64_t{0xD2511F53} * c0[j], p1 = uint64_t{0xCD9E8D57} * c2[j];
        c0[j] = static_cast<uint32_t>(p1 >> 32) ^ c1[j] ^ k0;
        c1[j] = static_cast<uint32_t>(p1);
        c2[j] = static_cast<uint32_t>(p0 >> 32) ^ c3[j] ^ k1;
        c3[j] = static_cast<uint32_t>(p0);
      }
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    for (int j = 0; j < kBlocks; ++j) {
      out[i + 4 * j] = c0[j];
      out[i + 4 * j + 1] = c1[j];
      out[i + 4 * j + 2] = c2[j];
      out[i + 4 * j + 3] = c3[j];
    }
  }
  for (; i < n; i += 4) {
    const PhiloxBlock block = philox(seed, counter, (first + static_cast<uint64_t>(i)) / 4);
    for (int64_t j = 0; j < 4 && i + j < n; ++j) out[i + j] = block.word[j];
  }
}

}  // namespace nacre
