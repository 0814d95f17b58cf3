#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nacre {

class Bindings;

// One dimension: an integer, or an expression over symbols (batch, time, ...). Expressions are kept
// as sums of products in a canonical form and interned, so equal expressions compare equal and a
// Dim is as cheap to copy as an integer.
class Dim {
 public:
  Dim(int64_t value = 0) : value_(value) {}  // NOLINT: integers are dimensions
  // The symbol of that name; the same name is always the same symbol.
  static Dim symbol(std::string_view name);

  bool is_static() const { return expr_ == 0; }
  int64_t value() const;  // throws InternalError on a symbolic dimension
  bool operator==(const Dim& other) const = default;
  bool operator==(int64_t value) const { return is_static() && value_ == value; }

  std::string str() const;  // "32", "batch", "2*time+1"
  int64_t evaluate(const Bindings& bindings) const;
  uint32_t expr_id() const { return expr_; }

 private:
  friend class DimTable;
  explicit Dim(uint32_t expr, int) : value_(0), expr_(expr) {}
  int64_t value_;
  uint32_t expr_ = 0;
};

Dim operator+(const Dim& a, const Dim& b);
Dim operator-(const Dim& a, const Dim& b);
Dim operator*(const Dim& a, const Dim& b);
// Exact quotient; false when b does not divide a for all sizes.
bool divide_exactly(const Dim& a, const Dim& b, Dim* quotient);
Dim floor_divide(const Dim& a, int64_t b);  // stays symbolic when a is
Dim ceil_divide(const Dim& a, int64_t b);
Dim dim_max(const Dim& a, const Dim& b);
Dim dim_min(const Dim& a, const Dim& b);

using Shape = std::vector<Dim>;

// Values of symbols for one run.
class Bindings {
 public:
  // Makes `dim` equal `size`: binds a plain symbol, checks anything else. Returns false on
  // conflict.
  bool unify(const Dim& dim, int64_t size);
  void set(uint32_t symbol, int64_t size);
  const int64_t* find(uint32_t symbol) const;
  const std::vector<std::pair<uint32_t, int64_t>>& items() const { return items_; }
  bool operator==(const Bindings& other) const { return items_ == other.items_; }

 private:
  std::vector<std::pair<uint32_t, int64_t>> items_;  // sorted by symbol
};

bool is_static(const Shape& shape);
Dim element_count(const Shape& shape);
std::string shape_str(const Shape& shape);                 // "(batch, 784)"
std::string shape_str(const std::vector<int64_t>& shape);  // "(32, 784)"
std::vector<int64_t> evaluate(const Shape& shape, const Bindings& bindings);
int64_t element_count(const std::vector<int64_t>& shape);

}  // namespace nacre
