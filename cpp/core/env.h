#pragma once

// Every environment variable that Nacre reads, listed once. Each is read when first asked for,
// never at import.

#include <span>
#include <string>

namespace nacre {

struct EnvVariable {
  const char* name;
  const char* meaning;
};

std::span<const EnvVariable> env_variables();

// The value of a listed variable, empty when it is not set; throws InternalError for a name that is
// not in the list.
std::string env_text(const char* name);

std::string env_isa();      // NACRE_ISA; empty: the best that the machine has
bool env_verbose();         // NACRE_VERBOSE
int env_num_threads();      // NACRE_NUM_THREADS; 0: by affinity and quota
std::string env_backend();  // NACRE_BACKEND; "cpu" when not set
std::string env_home();     // NACRE_HOME; ~/.nacre when not set

}  // namespace nacre
