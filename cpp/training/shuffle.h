#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace nacre {

// NumPy's legacy generator, so that an epoch's order is the one np.random.permutation would draw:
// MT19937 (Matsumoto and Nishimura, 1998) and Fisher-Yates with masked rejection.
class NumpyGenerator {
 public:
  std::array<uint32_t, 624> key{};
  int32_t position = 624;

  uint32_t next();
  // Uniform on [0, limit].
  uint64_t interval(uint64_t limit);
  // A random order of first, ..., first + count - 1.
  void permutation(int64_t first, int64_t count, int64_t* order);

 private:
  void refill();
};

}  // namespace nacre
