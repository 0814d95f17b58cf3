#include "core/shape.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "core/error.h"

namespace nacre {
namespace {

enum class Kind : uint8_t { Symbol, Polynomial, FloorDivide, Max };

// A product of symbols and opaque expressions, sorted by id; empty for the constant term.
using Monomial = std::vector<uint32_t>;
using Polynomial = std::map<Monomial, int64_t>;

struct Expr {
  Kind kind;
  std::string name;  // Symbol
  Polynomial terms;  // Polynomial
  Dim left, right;   // FloorDivide, Max
};

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) {
    throw ValueError("A shape's size is too large: " + std::to_string(a) + " * " +
                     std::to_string(b) + " does not fit 64 bits.");
  }
  return result;
}

int64_t checked_add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) {
    throw ValueError("A shape's size is too large: " + std::to_string(a) + " + " +
                     std::to_string(b) + " does not fit 64 bits.");
  }
  return result;
}

int64_t floor_div(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && ((a < 0) != (b < 0))) ? q - 1 : q;
}

}  // namespace

// All expressions of the process, interned. Ids start at 1; nothing is ever removed, which is safe
// because symbol names are drawn from a small set.
class DimTable {
 public:
  static DimTable& instance() {
    static DimTable table;
    return table;
  }

  Dim symbol(std::string_view name) {
    std::lock_guard lock(mutex_);
    return make("s" + std::string(name), Expr{Kind::Symbol, std::string(name), {}, {}, {}});
  }

  Dim polynomial(const Polynomial& terms) {
    if (terms.empty()) return Dim(0);
    if (terms.size() == 1) {
      const auto& [monomial, factor] = *terms.begin();
      if (monomial.empty()) return Dim(factor);
      if (monomial.size() == 1 && factor == 1) return Dim(monomial[0], 0);
    }
    std::string key = "p";
    for (const auto& [monomial, factor] : terms) {
      key += std::to_string(factor);
      for (uint32_t id : monomial) key += "*" + std::to_string(id);
      key += "+";
    }
    std::lock_guard lock(mutex_);
    return make(key, Expr{Kind::Polynomial, {}, terms, {}, {}});
  }

  Dim binary(Kind kind, const Dim& a, const Dim& b) {
    std::string key = kind == Kind::Max ? "m" : "f";
    for (const Dim& d : {a, b})
      key += std::to_string(d.expr_) + ":" + std::to_string(d.value_) + ";";
    std::lock_guard lock(mutex_);
    return make(key, Expr{kind, {}, {}, a, b});
  }

  Polynomial terms(const Dim& dim) {
    if (dim.is_static()) return dim.value_ == 0 ? Polynomial{} : Polynomial{{{}, dim.value_}};
    std::lock_guard lock(mutex_);
    const Expr& expr = exprs_[dim.expr_ - 1];
    if (expr.kind == Kind::Polynomial) return expr.terms;
    return {{{dim.expr_}, 1}};
  }

  Expr get(uint32_t id) {
    std::lock_guard lock(mutex_);
    return exprs_[id - 1];
  }

  static Dim from_id(uint32_t id) { return Dim(id, 0); }

 private:
  Dim make(const std::string& key, Expr expr) {
    auto [it, inserted] = index_.try_emplace(key, static_cast<uint32_t>(exprs_.size() + 1));
    if (inserted) exprs_.push_back(std::move(expr));
    return Dim(it->second, 0);
  }

  std::mutex mutex_;
  std::vector<Expr> exprs_;
  std::unordered_map<std::string, uint32_t> index_;
};

Dim Dim::symbol(std::string_view name) { return DimTable::instance().symbol(name); }

int64_t Dim::value() const {
  if (!is_static()) throw InternalError("dimension " + str() + " is not known yet");
  return value_;
}

std::string Dim::str() const {
  if (is_static()) return std::to_string(value_);
  const Expr expr = DimTable::instance().get(expr_);
  switch (expr.kind) {
    case Kind::Symbol:
      return expr.name;
    case Kind::FloorDivide:
      return "(" + expr.left.str() + ")//" + expr.right.str();
    case Kind::Max:
      return "max(" + expr.left.str() + ", " + expr.right.str() + ")";
    case Kind::Polynomial:
      break;
  }
  std::string text;
  for (auto it = expr.terms.rbegin(); it != expr.terms.rend(); ++it) {
    const auto& [monomial, factor] = *it;
    if (!text.empty() && factor >= 0) text += "+";
    if (monomial.empty() || factor != 1)
      text += factor == -1 && !monomial.empty() ? "-" : std::to_string(factor);
    bool first = factor == 1 || factor == -1;
    for (uint32_t id : monomial) {
      if (!first) text += "*";
      first = false;
      text += DimTable::from_id(id).str();
    }
  }
  return text;
}

int64_t Dim::evaluate(const Bindings& bindings) const {
  if (is_static()) return value_;
  if (const int64_t* size = bindings.find(expr_)) return *size;
  const Expr expr = DimTable::instance().get(expr_);
  switch (expr.kind) {
    case Kind::Symbol:
      throw InternalError("dimension " + expr.name + " has no size in this call");
    case Kind::FloorDivide:
      return floor_div(expr.left.evaluate(bindings), expr.right.evaluate(bindings));
    case Kind::Max:
      return std::max(expr.left.evaluate(bindings), expr.right.evaluate(bindings));
    case Kind::Polynomial:
      break;
  }
  int64_t sum = 0;
  for (const auto& [monomial, factor] : expr.terms) {
    int64_t product = factor;
    for (uint32_t id : monomial) {
      product = checked_mul(product, DimTable::from_id(id).evaluate(bindings));
    }
    sum = checked_add(sum, product);
  }
  return sum;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return checked_add(a.value(), b.value());
  DimTable& table = DimTable::instance();
  Polynomial sum = table.terms(a);
  for (const auto& [monomial, factor] : table.terms(b)) {
    int64_t& term = sum[monomial];
    term = checked_add(term, factor);
    if (term == 0) sum.erase(monomial);
  }
  return table.polynomial(sum);
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_static() && b.is_static()) return checked_mul(a.value(), b.value());
  DimTable& table = DimTable::instance();
  const Polynomial left = table.terms(a), right = table.terms(b);
  Polynomial product;
  for (const auto& [m, f] : left) {
    for (const auto& [n, g] : right) {
      Monomial monomial = m;
      monomial.insert(monomial.end(), n.begin(), n.end());
      std::sort(monomial.begin(), monomial.end());
      int64_t& term = product[monomial];
      term = checked_add(term, checked_mul(f, g));
      if (term == 0) product.erase(monomial);
    }
  }
  return table.polynomial(product);
}

bool divide_exactly(const Dim& a, const Dim& b, Dim* quotient) {
  if (a == b) {
    *quotient = 1;
    return true;
  }
  DimTable& table = DimTable::instance();
  const Polynomial divisor = table.terms(b);
  if (divisor.size() != 1) return false;  // dividing by sums is not needed by any shape rule
  const auto& [monomial, factor] = *divisor.begin();
  Polynomial result;
  for (const auto& [m, f] : table.terms(a)) {
    if (f % factor != 0 || !std::includes(m.begin(), m.end(), monomial.begin(), monomial.end())) {
      return false;
    }
    Monomial rest;
    std::set_difference(m.begin(), m.end(), monomial.begin(), monomial.end(),
                        std::back_inserter(rest));
    result[rest] = f / factor;
  }
  *quotient = table.polynomial(result);
  return true;
}

Dim floor_divide(const Dim& a, int64_t b) {
  if (b <= 0) throw InternalError("floor_divide by " + std::to_string(b));
  if (a.is_static()) return floor_div(a.value(), b);
  Dim quotient;
  if (divide_exactly(a, b, &quotient)) return quotient;
  return DimTable::instance().binary(Kind::FloorDivide, a, b);
}

Dim ceil_divide(const Dim& a, int64_t b) { return floor_divide(a + Dim(b - 1), b); }

Dim dim_max(const Dim& a, const Dim& b) {
  if (a == b) return a;
  if (a.is_static() && b.is_static()) return std::max(a.value(), b.value());
  return DimTable::instance().binary(Kind::Max, a, b);
}

Dim dim_min(const Dim& a, const Dim& b) { return Dim(0) - dim_max(Dim(0) - a, Dim(0) - b); }

bool Bindings::unify(const Dim& dim, int64_t size) {
  if (dim.is_static()) return dim.value() == size;
  if (const int64_t* known = find(dim.expr_id())) return *known == size;
  // Only a plain symbol can be bound; an expression must evaluate to the size.
  bool is_symbol = DimTable::instance().get(dim.expr_id()).kind == Kind::Symbol;
  if (!is_symbol) return dim.evaluate(*this) == size;
  set(dim.expr_id(), size);
  return true;
}

void Bindings::set(uint32_t symbol, int64_t size) {
  auto it = std::lower_bound(items_.begin(), items_.end(), symbol,
                             [](const auto& item, uint32_t key) { return item.first < key; });
  if (it != items_.end() && it->first == symbol) {
    it->second = size;
  } else {
    items_.insert(it, {symbol, size});
  }
}

const int64_t* Bindings::find(uint32_t symbol) const {
  for (const auto& item : items_) {
    if (item.first == symbol) return &item.second;
  }
  return nullptr;
}

bool is_static(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](const Dim& d) { return d.is_static(); });
}

Dim element_count(const Shape& shape) {
  Dim count = 1;
  for (const Dim& dim : shape) count = count * dim;
  return count;
}

int64_t element_count(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count = checked_mul(count, size);
  return count;
}

namespace {
template <class T, class F>
std::string join(const std::vector<T>& shape, F&& text) {
  std::string result = "(";
  for (size_t i = 0; i < shape.size(); ++i) result += (i ? ", " : "") + text(shape[i]);
  return result + (shape.size() == 1 ? ",)" : ")");
}
}  // namespace

std::string shape_str(const Shape& shape) {
  return join(shape, [](const Dim& d) { return d.str(); });
}

std::string shape_str(const std::vector<int64_t>& shape) {
  return join(shape, [](int64_t d) { return std::to_string(d); });
}

std::vector<int64_t> evaluate(const Shape& shape, const Bindings& bindings) {
  std::vector<int64_t> sizes;
  sizes.reserve(shape.size());
  for (const Dim& dim : shape) sizes.push_back(dim.evaluate(bindings));
  return sizes;
}

}  // namespace nacre
