#include "core/memory.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>

#include "core/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace nacre {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = size_t{4} << 20;

size_t physical_memory() {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) return static_cast<size_t>(pages) * static_cast<size_t>(page);
#endif
  return std::numeric_limits<size_t>::max() / 2;
}

size_t find_memory_limit() {
  size_t limit = physical_memory();
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    uint64_t value = 0;
    if (file >> value && value > 0 && value < limit) limit = static_cast<size_t>(value);
  }
  return limit;
}

}  // namespace

size_t memory_limit() {
  static const size_t limit = find_memory_limit();
  return limit;
}

void* allocate_host(size_t bytes) {
  // The system may promise memory that it does not have and end the process later, so absurd sizes
  // are refused here.
  if (bytes > memory_limit()) return nullptr;
  const bool large = bytes >= kLarge;
  const size_t alignment = large ? kHugePage : memory_alignment(bytes);
  const size_t total = (bytes + 2 * kMemoryAlignment - 1) / kMemoryAlignment * kMemoryAlignment;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, total) != 0) return nullptr;
#if defined(__linux__)
  if (large) madvise(memory, total / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  std::memset(static_cast<char*>(memory) + bytes, 0, total - bytes);
  return memory;
}

void throw_out_of_memory(const std::string& what, size_t bytes) {
  throw MemoryError(what + " needs " + std::to_string(bytes) +
                    " bytes, more than this machine can provide.");
}

void release_host(void* memory) { std::free(memory); }

}  // namespace nacre
