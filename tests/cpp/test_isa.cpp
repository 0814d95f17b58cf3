#include <cstdlib>

#include "check.h"
#include "core/error.h"
#include "kernels/cpu/isa.h"

namespace nacre::cpu {
namespace {

TEST(available_isas_are_complete) {
  const auto isas = available_isas();
  CHECK(!isas.empty());
  CHECK_EQ(std::string(isas.front()->name), "baseline");
  int bytes = 0;
  for (const IsaTable* isa : isas) {
    CHECK(isa->vector_bytes > bytes);  // weakest first
    bytes = isa->vector_bytes;
    CHECK_EQ(isa_obstacle(isa->name), "");
#define NACRE_CHECK_FAMILY(Type, name) CHECK(isa->name != nullptr);
    NACRE_ISA_FAMILIES(NACRE_CHECK_FAMILY)
  }
}

TEST(the_choice_is_the_widest_or_the_one_named) {
  const char* forced = std::getenv("NACRE_ISA");
  const std::string expected =
      forced != nullptr && *forced != '\0' ? forced : available_isas().back()->name;
  CHECK_EQ(std::string(active_isa().name), expected);
}

TEST(set_isa_takes_effect) {
  const std::string before = active_isa().name;
  for (const IsaTable* isa : available_isas()) {
    set_isa(isa->name);
    CHECK_EQ(&active_isa(), isa);
  }
  set_isa(before);
}

TEST(unknown_isa_is_refused) {
  CHECK_THROWS(ValueError, "expected one of baseline", set_isa("mmx"));
  CHECK_THROWS(ValueError, "Received: mmx", set_isa("mmx"));
}

}  // namespace
}  // namespace nacre::cpu
