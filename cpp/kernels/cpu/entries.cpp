#include "kernels/cpu/entries.h"

#include <vector>

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/movement.h"
#include "kernels/cpu/random.h"
#include "kernels/cpu/reduce.h"
#include "kernels/cpu/rowwise.h"
#include "kernels/cpu/window_entries.h"

namespace nacre::cpu {

std::span<const OpEntry> kernel_entries() {
  static const std::vector<OpEntry> all = [] {
    std::vector<OpEntry> entries;
    for (const std::span<const OpEntry> family :
         {elementwise_entries(), reduce_entries(), scan_entries(), softmax_entries(),
          cross_entropy_entries(), layer_norm_entries(), batch_norm_entries(), movement_entries(),
          gather_entries(), scatter_entries(), order_entries(), random_entries(), conv_entries(),
          pool_entries()}) {
      entries.insert(entries.end(), family.begin(), family.end());
    }
    return entries;
  }();
  return all;
}

}  // namespace nacre::cpu
