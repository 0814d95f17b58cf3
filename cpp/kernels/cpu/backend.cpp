#include "kernels/cpu/backend.h"

#include <cstring>

#include "core/memory.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/entries.h"
#include "kernels/cpu/fusion.h"
#include "kernels/cpu/matmul.h"

namespace nacre::cpu {
namespace {

std::span<const OpEntry> entries() {
  static const std::vector<OpEntry> all = [] {
    std::vector<OpEntry> joined;
    for (const std::span<const OpEntry> family : {kernel_entries(), matmul_entries()}) {
      joined.insert(joined.end(), family.begin(), family.end());
    }
    return joined;
  }();
  return all;
}

Kernel join(std::span<const OpCase> cases) {
  std::vector<FusedProgram> programs;
  for (const OpCase& op_case : cases) programs.push_back(program_of(op_case));
  return join_fused(programs);
}

void* allocate(size_t bytes) {
  void* memory = allocate_host(bytes);
  if (!memory) throw_out_of_memory("A buffer", bytes);
  return memory;
}

void copy(void* to, const void* from, size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

const BackendTable& cpu_backend() {
  static const BackendTable table{
      .version = BackendTable::kVersion,
      .name = "cpu",
      .entries = entries,
      .rewrite = fuse,
      .join = join,
      .host = true,
      .allocate = allocate,
      .release = [](void* memory, size_t) { release_host(memory); },
      .copy_in = copy,
      .copy_out = copy,
      .copy = copy,
  };
  return table;
}

}  // namespace nacre::cpu
