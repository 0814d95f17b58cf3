#include "kernels/reference/reference.h"

#include "kernels/reference/call.h"

namespace nacre {
namespace {

std::span<const OpEntry> all_entries() {
  static const std::vector<OpEntry> entries = [] {
    std::vector<OpEntry> joined;
    for (const auto family :
         {reference::unary_entries(), reference::binary_entries(), reference::reduce_entries(),
          reference::movement_entries(), reference::indexing_entries(), reference::order_entries(),
          reference::contraction_entries(), reference::random_entries(),
          reference::window_entries()}) {
      joined.insert(joined.end(), family.begin(), family.end());
    }
    return joined;
  }();
  return entries;
}

}  // namespace

const BackendTable& reference_backend() {
  static const BackendTable table = {
      .version = BackendTable::kVersion,
      .name = "reference",
      .entries = all_entries,
      .rewrite = nullptr,
      .join = nullptr,
      .host = false,
      .allocate = reference::allocate,
      .release = reference::release,
      .copy_in = reference::copy_in,
      .copy_out = reference::copy_out,
      .copy = reference::copy,
  };
  return table;
}

}  // namespace nacre
