#include "check.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

namespace nacre::check {
namespace {

struct Test {
  const char* name;
  void (*fn)();
};

std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

int failures = 0;

}  // namespace

bool add_test(const char* name, void (*fn)()) {
  tests().push_back({name, fn});
  return true;
}

void fail(const char* file, int line, const std::string& message) {
  if (++failures <= 20) std::fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
}

}  // namespace nacre::check

int main(int argc, char** argv) {
  using namespace nacre::check;
  int failed = 0;
  int ran = 0;
  for (const Test& test : tests()) {
    bool selected = argc < 2;
    for (int i = 1; i < argc; ++i) selected |= std::strstr(test.name, argv[i]) != nullptr;
    if (!selected) continue;
    failures = 0;
    try {
      test.fn();
    } catch (const std::exception& error) {
      fail(test.name, 0, std::string("exception: ") + error.what());
    }
    std::printf("%s %s\n", failures ? "FAILED" : "ok", test.name);
    std::fflush(stdout);
    ran += 1;
    failed += failures != 0;
  }
  std::printf("%d tests, %d failed\n", ran, failed);
  return failed == 0 && ran > 0 ? 0 : 1;
}
