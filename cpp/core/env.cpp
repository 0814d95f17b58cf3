#include "core/env.h"

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace nacre {
namespace {

constexpr EnvVariable kVariables[] = {
    {"NACRE_BACKEND", "Backend that runs programs: cpu (default) or reference."},
    {"NACRE_HOME", "Folder for data sets and settings. Default: .nacre in the home folder."},
    {"NACRE_ISA", "Instruction set of the kernels: baseline, avx2 or avx512. Default: the best."},
    {"NACRE_NUM_THREADS", "Number of threads. Default: what affinity and container quota allow."},
    {"NACRE_VERBOSE", "1: say on standard error what was chosen for this machine, and why."},
};

}  // namespace

std::span<const EnvVariable> env_variables() { return kVariables; }

std::string env_text(const char* name) {
  for (const EnvVariable& variable : kVariables) {
    if (std::strcmp(variable.name, name) != 0) continue;
    const char* value = std::getenv(name);
    return value ? value : "";
  }
  throw InternalError(std::string("Environment variable ") + name + " is not in the list.");
}

std::string env_isa() { return env_text("NACRE_ISA"); }

bool env_verbose() {
  const std::string value = env_text("NACRE_VERBOSE");
  return !value.empty() && value != "0";
}

int env_num_threads() {
  const std::string value = env_text("NACRE_NUM_THREADS");
  if (value.empty()) return 0;
  int threads = 0;
  const char* end = value.data() + value.size();
  const auto [rest, error] = std::from_chars(value.data(), end, threads);
  if (error != std::errc() || rest != end || threads < 1) {
    throw ValueError("NACRE_NUM_THREADS: expected a positive integer. Received \"" + value + "\".");
  }
  return threads;
}

std::string env_backend() {
  const std::string value = env_text("NACRE_BACKEND");
  return value.empty() ? "cpu" : value;
}

std::string env_home() {
  const std::string value = env_text("NACRE_HOME");
  if (!value.empty()) return value;
  const char* home = std::getenv("HOME");
  return (home && *home ? std::string(home) : std::string(".")) + "/.nacre";
}

}  // namespace nacre
