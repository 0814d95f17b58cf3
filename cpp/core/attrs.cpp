#include "core/attrs.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "core/error.h"

namespace nacre {
namespace {

using Item = std::pair<std::string, Attr>;

bool before(const Item& item, std::string_view key) { return item.first < key; }

const char* kind_name(const Attr& attr) {
  constexpr const char* kNames[] = {"integer", "real", "flag", "text", "ints", "shape", "dtype"};
  return attr.valueless_by_exception() ? "nothing" : kNames[attr.index()];
}

[[noreturn]] void wrong_kind(std::string_view key, const char* wanted, const Attr* found) {
  throw InternalError("Attribute \"" + std::string(key) + "\": expected " + wanted + ", found " +
                      (found ? kind_name(*found) : "nothing") + ".");
}

template <class T>
const T& get(std::string_view key, const char* wanted, const Attr* attr) {
  const T* value = attr ? std::get_if<T>(attr) : nullptr;
  if (!value) wrong_kind(key, wanted, attr);
  return *value;
}

void append(std::string& text, int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  text.append(digits, end);
}

// Each kind starts with its own letter and is unambiguous to its end, so that different attributes
// never give the same text.
struct AppendKey {
  std::string& text;

  void operator()(int64_t value) const { append(text += 'i', value); }
  void operator()(double value) const {
    append(text += 'r', static_cast<int64_t>(std::bit_cast<uint64_t>(value)));
  }
  void operator()(bool value) const { text += value ? "f1" : "f0"; }
  void operator()(const std::string& value) const {
    append(text += 't', static_cast<int64_t>(value.size()));
    (text += ':') += value;
  }
  void operator()(const std::vector<int64_t>& values) const {
    text += 'l';
    for (int64_t value : values) append(text += ',', value);
  }
  void operator()(const Shape& shape) const {
    text += 's';
    for (const Dim& dim : shape) {
      // Expressions are interned: equal ones have equal numbers.
      if (dim.is_static()) {
        append(text += ',', dim.value());
      } else {
        append(text += ",#", dim.expr_id());
      }
    }
  }
  void operator()(DType value) const { (text += 'd') += dtype_name(value); }
};

}  // namespace

Attrs::Attrs(std::initializer_list<std::pair<std::string, Attr>> items) {
  items_.reserve(items.size());
  for (const Item& item : items) set(item.first, item.second);
}

void Attrs::set(std::string_view key, Attr value) {
  const auto at = std::lower_bound(items_.begin(), items_.end(), key, before);
  if (at != items_.end() && at->first == key) {
    at->second = std::move(value);
  } else {
    items_.emplace(at, std::string(key), std::move(value));
  }
}

const Attr* Attrs::find(std::string_view key) const {
  const auto at = std::lower_bound(items_.begin(), items_.end(), key, before);
  return at != items_.end() && at->first == key ? &at->second : nullptr;
}

int64_t Attrs::integer(std::string_view key) const {
  return get<int64_t>(key, "integer", find(key));
}

double Attrs::real(std::string_view key) const {
  const Attr* attr = find(key);
  const int64_t* whole = attr ? std::get_if<int64_t>(attr) : nullptr;
  return whole ? static_cast<double>(*whole) : get<double>(key, "real", attr);
}

bool Attrs::flag(std::string_view key) const { return get<bool>(key, "flag", find(key)); }

const std::string& Attrs::text(std::string_view key) const {
  return get<std::string>(key, "text", find(key));
}

const std::vector<int64_t>& Attrs::ints(std::string_view key) const {
  return get<std::vector<int64_t>>(key, "ints", find(key));
}

const Shape& Attrs::shape(std::string_view key) const {
  return get<Shape>(key, "shape", find(key));
}

DType Attrs::dtype(std::string_view key) const { return get<DType>(key, "dtype", find(key)); }

Attrs Attrs::bound(const Bindings& bindings) const {
  Attrs result = *this;
  for (Item& item : result.items_) {
    if (const Shape* shape = std::get_if<Shape>(&item.second)) {
      item.second = evaluate(*shape, bindings);
    }
  }
  return result;
}

std::string Attrs::key() const {
  std::string text;
  for (const auto& [name, value] : items_) {
    (text += name) += '=';
    std::visit(AppendKey{text}, value);
    text += ';';
  }
  return text;
}

}  // namespace nacre
