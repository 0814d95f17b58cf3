#pragma once

// A test harness in one page: TEST(name) { ... } with CHECK macros. A failed check is reported and
// the test goes on; the program's exit status says whether any failed. Arguments given to a test
// program select the tests whose names contain one of them.

#include <cmath>
#include <cstdint>
#include <sstream>
#include <string>

namespace nacre::check {

bool add_test(const char* name, void (*fn)());
// Counts and prints a failure; at most twenty are printed for one test.
void fail(const char* file, int line, const std::string& message);

template <class A, class B>
void check_equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (a == b) return;
  std::ostringstream out;
  out << text << " (" << a << " against " << b << ")";
  fail(file, line, out.str());
}

inline void check_near(double a, double b, double tolerance, const char* text, const char* file,
                       int line) {
  if (a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= tolerance) return;
  std::ostringstream out;
  out.precision(9);
  out << text << " (" << a << " against " << b << ", tolerance " << tolerance << ")";
  fail(file, line, out.str());
}

// A small generator for test data: reproducible and free of the library under test.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  double uniform(double low = -1, double high = 1) {
    return low + (high - low) * static_cast<double>(next() >> 11) * 0x1p-53;
  }
  int64_t integer(int64_t low, int64_t high) {  // both ends included
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }

 private:
  uint64_t state_;
};

}  // namespace nacre::check

#define TEST(name)                                                                                \
  static void test_##name();                                                                      \
  [[maybe_unused]] static const bool added_##name = ::nacre::check::add_test(#name, test_##name); \
  static void test_##name()

#define CHECK(condition) \
  ((condition) ? void() : ::nacre::check::fail(__FILE__, __LINE__, #condition))
#define CHECK_EQ(a, b) ::nacre::check::check_equal((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_NEAR(a, b, tolerance) \
  ::nacre::check::check_near((a), (b), (tolerance), #a " near " #b, __FILE__, __LINE__)
// The statement throws Type, and the message contains `text`.
#define CHECK_THROWS(Type, text, statement)                                                 \
  do {                                                                                      \
    bool thrown_ = false;                                                                   \
    try {                                                                                   \
      statement;                                                                            \
    } catch (const Type& error_) {                                                          \
      thrown_ = true;                                                                       \
      if (std::string(error_.what()).find(text) == std::string::npos)                       \
        ::nacre::check::fail(__FILE__, __LINE__, std::string("message: ") + error_.what()); \
    }                                                                                       \
    if (!thrown_) ::nacre::check::fail(__FILE__, __LINE__, #statement " throws " #Type);    \
  } while (false)
