// Symbolic dimensions: their algebra agrees with that of integers, and equal expressions are equal.

#include "check.h"
#include "core/error.h"
#include "core/shape.h"

namespace nacre {
namespace {

Dim n() { return Dim::symbol("dims_n"); }
Dim m() { return Dim::symbol("dims_m"); }

Bindings sizes(int64_t n_size, int64_t m_size) {
  Bindings bindings;
  bindings.set(n().expr_id(), n_size);
  bindings.set(m().expr_id(), m_size);
  return bindings;
}

TEST(equal_expressions_are_one) {
  CHECK(n() + m() == m() + n());
  CHECK(n() * m() == m() * n());
  CHECK((n() + 1) * (n() - 1) == n() * n() - 1);
  CHECK((n() + m()) * 2 - n() - n() == m() * 2);
  CHECK(n() - n() == Dim(0));
  CHECK((n() - n()).is_static());
  CHECK(n() * 0 == Dim(0));
  CHECK(!(n() == m()));
  CHECK(!(n() == Dim(0)));
  CHECK(Dim::symbol("dims_n") == n());
}

TEST(exact_division) {
  Dim quotient;
  CHECK(divide_exactly(n() * m() * 6, n() * 2, &quotient));
  CHECK(quotient == m() * 3);
  CHECK(divide_exactly(n() * 4 + 8, 4, &quotient));
  CHECK(quotient == n() + 2);
  CHECK(!divide_exactly(n() * 4 + 2, 4, &quotient));
  CHECK(!divide_exactly(n(), m(), &quotient));
  CHECK(!divide_exactly(n(), 0, &quotient));
  CHECK(divide_exactly(n() + m(), n() + m(), &quotient));
  CHECK(quotient == 1);
}

// Random expressions, evaluated beside plain integers.
TEST(algebra_agrees_with_integers) {
  check::Random random(3);
  for (int round = 0; round < 300; ++round) {
    const int64_t size_n = random.integer(0, 9), size_m = random.integer(1, 9);
    const Bindings bindings = sizes(size_n, size_m);
    std::vector<std::pair<Dim, int64_t>> known = {{n(), size_n}, {m(), size_m}, {3, 3}, {1, 1}};
    for (int step = 0; step < 6; ++step) {
      const auto [a, x] = known[random.integer(0, static_cast<int64_t>(known.size()) - 1)];
      const auto [b, y] = known[random.integer(0, static_cast<int64_t>(known.size()) - 1)];
      const int64_t divisor = random.integer(1, 4);
      switch (random.integer(0, 6)) {
        case 0:
          known.emplace_back(a + b, x + y);
          break;
        case 1:
          known.emplace_back(a - b, x - y);
          break;
        case 2:
          if (x > -1000 && x < 1000 && y > -1000 && y < 1000) known.emplace_back(a * b, x * y);
          break;
        case 3:
          known.emplace_back(dim_max(a, b), std::max(x, y));
          break;
        case 4:
          known.emplace_back(dim_min(a, b), std::min(x, y));
          break;
        case 5:
          known.emplace_back(floor_divide(a, divisor), (x >= 0 ? x : x - divisor + 1) / divisor);
          break;
        default:
          known.emplace_back(ceil_divide(a, divisor),
                             x >= 0 ? (x + divisor - 1) / divisor : -(-x / divisor));
      }
      const auto& [dim, size] = known.back();
      if (dim.evaluate(bindings) != size) {
        check::fail(__FILE__, __LINE__,
                    dim.str() + " is " + std::to_string(dim.evaluate(bindings)) + ", expected " +
                        std::to_string(size));
      }
    }
  }
}

TEST(binding_symbols) {
  Bindings bindings;
  CHECK(bindings.unify(n(), 5));
  CHECK(bindings.unify(n(), 5));
  CHECK(!bindings.unify(n(), 6));
  CHECK(bindings.unify(n() * 2 + 1, 11));
  CHECK(!bindings.unify(n() * 2 + 1, 10));
  CHECK(bindings.unify(7, 7));
  CHECK(!bindings.unify(7, 8));
  CHECK(sizes(1, 2) == sizes(1, 2));
  CHECK(!(sizes(1, 2) == sizes(2, 1)));
}

TEST(sizes_that_do_not_fit_are_errors) {
  const Dim huge = int64_t{1} << 62;
  CHECK_THROWS(ValueError, "too large", huge * 4);
  CHECK_THROWS(ValueError, "too large", huge + huge);
  CHECK_THROWS(ValueError, "too large", (n() * huge).evaluate(sizes(8, 1)));
  CHECK_THROWS(ValueError, "too large", element_count(std::vector<int64_t>{1 << 30, 1 << 30, 16}));
  CHECK_THROWS(InternalError, "not known", n().value());
}

TEST(expressions_read_well) {
  CHECK_EQ(n().str(), std::string("dims_n"));
  CHECK_EQ((n() * 2 + 1).str(), std::string("2*dims_n+1"));
  CHECK_EQ(shape_str(Shape{n(), 3}), std::string("(dims_n, 3)"));
  CHECK_EQ(shape_str(std::vector<int64_t>{4}), std::string("(4,)"));
}

}  // namespace
}  // namespace nacre
