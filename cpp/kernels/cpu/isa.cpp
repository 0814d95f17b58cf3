#include "kernels/cpu/isa.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <mutex>

#include "core/env.h"
#include "core/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// Which namespaces were built: cmake/isa.cmake defines NACRE_HAVE_ISA_*.
#ifdef NACRE_HAVE_ISA_AVX2
#define NACRE_IF_AVX2(F) F(avx2, 32)
#else
#define NACRE_IF_AVX2(F)
#endif
#ifdef NACRE_HAVE_ISA_AVX512
#define NACRE_IF_AVX512(F) F(avx512, 64)
#else
#define NACRE_IF_AVX512(F)
#endif
// Weakest first.
#define NACRE_BUILT_ISAS(F) F(baseline, 16) NACRE_IF_AVX2(F) NACRE_IF_AVX512(F)

namespace nacre::cpu {

#define NACRE_DECLARE(Type, name) extern const Type name##_table;
#define NACRE_NAMESPACE(isa, bytes) \
  namespace isa {                   \
  NACRE_ISA_FAMILIES(NACRE_DECLARE) \
  }
NACRE_BUILT_ISAS(NACRE_NAMESPACE)
#undef NACRE_NAMESPACE
#undef NACRE_DECLARE

namespace {

#define NACRE_ISA_ROW(isa, bytes) {#isa, bytes, NACRE_ISA_FAMILIES_OF(isa)},
#define NACRE_POINTER_baseline(Type, name) &baseline::name##_table,
#define NACRE_POINTER_avx2(Type, name) &avx2::name##_table,
#define NACRE_POINTER_avx512(Type, name) &avx512::name##_table,
#define NACRE_ISA_FAMILIES_OF(isa) NACRE_ISA_FAMILIES(NACRE_POINTER_##isa)

constexpr IsaTable kBuilt[] = {NACRE_BUILT_ISAS(NACRE_ISA_ROW)};

#if defined(__x86_64__)

struct CpuidWords {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidWords cpuid(uint32_t leaf) {
  CpuidWords words;
  __get_cpuid_count(leaf, 0, &words.eax, &words.ebx, &words.ecx, &words.edx);
  return words;
}

// The register states that the operating system saves: bits 1-2 for AVX, 5-7 for AVX-512.
uint64_t saved_states() {
  if (!(cpuid(1).ecx & (1u << 27))) return 0;  // no OSXSAVE
  uint32_t low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

std::string obstacle(std::string_view name) {
  const CpuidWords one = cpuid(1);
  const CpuidWords seven = cpuid(7);
  struct Need {
    bool present;
    const char* feature;
  };
  const auto bit = [](uint32_t word, int index) { return ((word >> index) & 1) != 0; };
  const Need baseline[] = {{bit(one.ecx, 9), "SSSE3"},
                           {bit(one.ecx, 19), "SSE4.1"},
                           {bit(one.ecx, 20), "SSE4.2"},
                           {bit(one.ecx, 23), "POPCNT"}};
  const Need avx2[] = {{bit(one.ecx, 28), "AVX"},   {bit(seven.ebx, 5), "AVX2"},
                       {bit(one.ecx, 12), "FMA"},   {bit(one.ecx, 29), "F16C"},
                       {bit(seven.ebx, 3), "BMI1"}, {bit(seven.ebx, 8), "BMI2"}};
  const Need avx512[] = {{bit(seven.ebx, 16), "AVX512F"},
                         {bit(seven.ebx, 30), "AVX512BW"},
                         {bit(seven.ebx, 17), "AVX512DQ"},
                         {bit(seven.ebx, 31), "AVX512VL"}};
  std::string missing;
  const auto require = [&missing](const auto& needs) {
    for (const Need& need : needs) {
      if (!need.present) missing += std::string(missing.empty() ? "" : ", ") + need.feature;
    }
  };
  require(baseline);
  if (name != "baseline") require(avx2);
  if (name == "avx512") require(avx512);
  if (!missing.empty()) return "this processor lacks " + missing;
  const uint64_t wanted = name == "avx512" ? 0xe6 : name == "avx2" ? 0x6 : 0;
  if ((saved_states() & wanted) != wanted) return "the operating system has not enabled it";
  return "";
}

#else

std::string obstacle(std::string_view) { return ""; }  // NEON is part of AArch64

#endif

std::string built_names() {
  std::string names;
  for (const IsaTable& table : kBuilt) {
    names += std::string(names.empty() ? "" : ", ") + table.name;
  }
  return names;
}

const IsaTable& find_usable(std::string_view name, const char* source) {
  for (const IsaTable& table : kBuilt) {
    if (name != table.name) continue;
    const std::string why = obstacle(name);
    if (why.empty()) return table;
    throw ValueError(std::string(source) + ": " + table.name + " cannot run here: " + why + ".");
  }
  throw ValueError(std::string(source) + ": expected one of " + built_names() +
                   ". Received: " + std::string(name));
}

const IsaTable& choose() {
  const std::string forced = env_isa();
  const IsaTable* chosen = nullptr;
  std::string reasons;
  if (!forced.empty()) {
    chosen = &find_usable(forced, "NACRE_ISA");
    reasons = "; named by NACRE_ISA";
  } else {
    for (const IsaTable& table : kBuilt) {
      const std::string why = obstacle(table.name);
      if (why.empty()) {
        chosen = &table;
      } else {
        reasons += std::string("; not ") + table.name + ": " + why;
      }
    }
    if (chosen == nullptr) {
      throw ValueError("Nacre's CPU kernels cannot run here: " + obstacle("baseline") + ".");
    }
    if (reasons.empty()) reasons = "; the widest of " + built_names();
  }
  if (env_verbose()) {
    std::fprintf(stderr, "nacre: CPU kernels for %s (%d-byte vectors)%s\n", chosen->name,
                 chosen->vector_bytes, reasons.c_str());
  }
  return *chosen;
}

std::atomic<const IsaTable*> active{nullptr};
std::mutex choosing;

}  // namespace

const IsaTable& active_isa() {
  const IsaTable* table = active.load(std::memory_order_acquire);
  if (table != nullptr) return *table;
  const std::lock_guard lock(choosing);
  table = active.load(std::memory_order_acquire);
  if (table == nullptr) {
    table = &choose();
    active.store(table, std::memory_order_release);
  }
  return *table;
}

void set_isa(std::string_view name) {
  active.store(&find_usable(name, "set_isa"), std::memory_order_release);
}

std::vector<const IsaTable*> available_isas() {
  std::vector<const IsaTable*> tables;
  for (const IsaTable& table : kBuilt) {
    if (obstacle(table.name).empty()) tables.push_back(&table);
  }
  return tables;
}

std::string isa_obstacle(std::string_view name) { return obstacle(name); }

}  // namespace nacre::cpu
