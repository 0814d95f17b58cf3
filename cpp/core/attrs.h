#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/dtype.h"
#include "core/shape.h"

namespace nacre {

// One attribute of an op. Integers, axis lists and flags are fixed at trace time; a Shape may
// hold symbols, and is replaced by std::vector<int64_t> when a program is bound.
using Attr = std::variant<int64_t, double, bool, std::string, std::vector<int64_t>, Shape, DType>;

// A small ordered map. Keys are few (at most a handful), so a sorted vector beats a tree.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string, Attr>> items);

  void set(std::string_view key, Attr value);
  bool has(std::string_view key) const { return find(key) != nullptr; }

  // Each getter throws InternalError when the key is absent or of another kind.
  int64_t integer(std::string_view key) const;
  double real(std::string_view key) const;  // accepts an integer too
  bool flag(std::string_view key) const;
  const std::string& text(std::string_view key) const;
  const std::vector<int64_t>& ints(std::string_view key) const;
  const Shape& shape(std::string_view key) const;
  DType dtype(std::string_view key) const;

  const std::vector<std::pair<std::string, Attr>>& items() const { return items_; }
  // Every Shape replaced by its integer values (as ints).
  Attrs bound(const Bindings& bindings) const;
  bool operator==(const Attrs& other) const { return items_ == other.items_; }
  std::string key() const;  // text that is equal for equal attributes, for caches

 private:
  const Attr* find(std::string_view key) const;
  std::vector<std::pair<std::string, Attr>> items_;
};

}  // namespace nacre
