#include "ops/op_list.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "core/error.h"
#include "ops/op.h"

namespace nacre {
namespace ops {

// Stand for "no such function" in the list; the table holds a null pointer instead.
static std::vector<TensorType> infer_none(InferContext&) { return {}; }
static std::vector<Value> grad_none(const GradContext&) { return {}; }
static std::vector<Value> decompose_none(Builder&, std::span<const Value>, const Attrs&) {
  return {};
}

#define NACRE_DECLARE(name, infer, gradient, decompose, flags) \
  std::vector<TensorType> infer_##infer(InferContext&);        \
  std::vector<Value> grad_##gradient(const GradContext&);      \
  std::vector<Value> decompose_##decompose(Builder&, std::span<const Value>, const Attrs&);
NACRE_OP_LIST(NACRE_DECLARE)
#undef NACRE_DECLARE

namespace {

template <class Fn>
Fn or_null(Fn fn, Fn none) {
  return fn == none ? nullptr : fn;
}

OpDef make(const char* name, InferFn infer, GradFn gradient, DecomposeFn decompose,
           uint32_t flags) {
  return {name, or_null<InferFn>(infer, infer_none), or_null<GradFn>(gradient, grad_none),
          or_null<DecomposeFn>(decompose, decompose_none), flags};
}

const auto& table() {
#define NACRE_ENTRY(name, infer, gradient, decompose, flags) \
  make(#name, infer_##infer, grad_##gradient, decompose_##decompose, flags),
  static const auto entries = std::to_array<OpDef>({NACRE_OP_LIST(NACRE_ENTRY)});
#undef NACRE_ENTRY
  return entries;
}

}  // namespace
}  // namespace ops

std::span<const OpDef> op_list() { return ops::table(); }

const OpDef* find_op(std::string_view name) {
  static const auto index = [] {
    std::unordered_map<std::string_view, const OpDef*> map;
    for (const OpDef& op : op_list()) map.emplace(op.name, &op);
    return map;
  }();
  auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

const OpDef& get_op(std::string_view name) {
  if (const OpDef* op = find_op(name)) return *op;
  throw InternalError("there is no op named " + std::string(name));
}

}  // namespace nacre
