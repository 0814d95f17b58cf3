#pragma once

// What the kernels of the reference backend are written with: a call with its operands, elements
// loaded as the type that is computed in, and indices in several dimensions.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/half.h"
#include "kernels/backend.h"
#include "kernels/reference/memory.h"

namespace nacre::reference {

// ---- Calls -------------------------------------------------------------------------------------

struct Params {
  Attrs attrs;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

// One run of one op.
struct Call {
  const Params& params;
  const void* const* inputs;
  void* const* outputs;
  const KernelContext& context;

  const Attrs& attrs() const { return params.attrs; }
  size_t arity() const { return params.inputs.size(); }
  DType dtype(size_t i) const { return params.inputs[i].dtype; }
  const std::vector<int64_t>& shape(size_t i) const { return params.inputs[i].shape; }
  int64_t count(size_t i) const { return params.inputs[i].count(); }
  DType out_dtype(size_t i = 0) const { return params.outputs[i].dtype; }
  const std::vector<int64_t>& out_shape(size_t i = 0) const { return params.outputs[i].shape; }
  int64_t out_count(size_t i = 0) const { return params.outputs[i].count(); }
  const void* in(size_t i) const { return to_host(inputs[i]); }
  void* out(size_t i = 0) const { return to_host(outputs[i]); }
};

using Run = void (*)(const Call&);

template <Run run>
void run_kernel(const void* params, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  run(Call{*static_cast<const Params*>(params), inputs, outputs, context});
}

template <Run run>
Kernel prepare(const OpCase& c) {
  auto params = std::make_shared<Params>(Params{c.attrs, {c.inputs.begin(), c.inputs.end()}, {}});
  params->outputs.assign(c.outputs.begin(), c.outputs.end());
  int64_t elements = 0;
  for (const TensorSpec& spec : c.inputs) elements += spec.count();
  for (const TensorSpec& spec : c.outputs) elements += spec.count();
  return Kernel{&run_kernel<run>, std::move(params), 0, 10.0 * static_cast<double>(elements)};
}

// ---- Element types -----------------------------------------------------------------------------

// Sets of dtypes, a bit for each.
constexpr uint32_t set_of(DType dtype) { return 1u << static_cast<int>(dtype); }
template <class... More>
constexpr uint32_t set_of(DType first, More... more) {
  return set_of(first) | set_of(more...);
}

inline constexpr uint32_t kBool = set_of(DType::Bool);
inline constexpr uint32_t kInts = set_of(DType::UInt8, DType::Int8, DType::UInt16, DType::Int16,
                                         DType::UInt32, DType::Int32, DType::UInt64, DType::Int64);
inline constexpr uint32_t kFloats = set_of(DType::Float32, DType::Float64);
inline constexpr uint32_t kHalves = set_of(DType::Float16, DType::BFloat16);
inline constexpr uint32_t kNumbers = kInts | kFloats;
inline constexpr uint32_t kAny = kBool | kNumbers | kHalves;
inline constexpr uint32_t kIndices = set_of(DType::Int32, DType::Int64);
// In place of a set: the same dtype as that input.
inline constexpr uint32_t kLikeFirst = 1u << 30;
inline constexpr uint32_t kLikeSecond = 1u << 31;

// A refuse function: input i must have a dtype of the i-th set. Inputs may be missing at the end.
std::string check_inputs(const OpCase& c, const uint32_t* sets, size_t count);
std::string check_output(const OpCase& c, uint32_t set);

template <uint32_t... sets>
std::string accepts(const OpCase& c) {
  constexpr uint32_t kSets[] = {sets...};
  return check_inputs(c, kSets, sizeof...(sets));
}

// Also the result must have a dtype of the first set.
template <uint32_t result, uint32_t... sets>
std::string makes(const OpCase& c) {
  std::string reason = check_output(c, result);
  if constexpr (sizeof...(sets) > 0) {
    if (reason.empty()) reason = accepts<sets...>(c);
  }
  return reason;
}

template <class T>
struct Tag {
  using Type = T;
};

// Calls body(Tag<T>) with the element type of `dtype`, which must be in the set: refuse saw to
// that.
template <uint32_t set, class Body>
void with_type(DType dtype, Body&& body) {
  const auto choose = [&]<DType candidate, class T>(Tag<T> tag) {
    if constexpr ((set & set_of(candidate)) != 0) {
      if (dtype == candidate) body(tag);
    }
  };
  choose.template operator()<DType::Bool>(Tag<bool>());
  choose.template operator()<DType::UInt8>(Tag<uint8_t>());
  choose.template operator()<DType::Int8>(Tag<int8_t>());
  choose.template operator()<DType::UInt16>(Tag<uint16_t>());
  choose.template operator()<DType::Int16>(Tag<int16_t>());
  choose.template operator()<DType::UInt32>(Tag<uint32_t>());
  choose.template operator()<DType::Int32>(Tag<int32_t>());
  choose.template operator()<DType::UInt64>(Tag<uint64_t>());
  choose.template operator()<DType::Int64>(Tag<int64_t>());
  choose.template operator()<DType::Float16>(Tag<Float16>());
  choose.template operator()<DType::BFloat16>(Tag<BFloat16>());
  choose.template operator()<DType::Float32>(Tag<float>());
  choose.template operator()<DType::Float64>(Tag<double>());
}

// The type that elements of T are computed in: double for floats, T itself for the rest.
template <class T>
using Wide = std::conditional_t<std::is_integral_v<T>, T, double>;

template <class T>
Wide<T> load(const void* from, int64_t i) {
  if constexpr (std::is_same_v<T, bool>) {
    return static_cast<const uint8_t*>(from)[i] != 0;  // any byte but zero is true
  } else if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<const T*>(from)[i];
  } else {
    return to_double(static_cast<const T*>(from)[i]);
  }
}

template <class T>
void store(void* to, int64_t i, Wide<T> value) {
  if constexpr (std::is_same_v<T, bool>) {
    static_cast<uint8_t*>(to)[i] = value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    static_cast<T*>(to)[i] = static_cast<T>(value);
  } else if constexpr (std::is_same_v<T, Float16>) {
    static_cast<T*>(to)[i] = to_float16(value);
  } else {
    static_cast<T*>(to)[i] = to_bfloat16(value);
  }
}

// A type for each kind that holds every element of that kind exactly.
template <class T>
using Widest = std::conditional_t<!std::is_integral_v<T>, double,
                                  std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

// An element of an integer dtype, where no other code depends on which. One of uint64 that does not
// fit comes out negative.
int64_t load_integer(const void* from, DType dtype, int64_t i);

// ---- Integers wrap around, as in NumPy
// -----------------------------------------------------------

template <class T>
T wrapping_add(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
T wrapping_sub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class T>
T wrapping_mul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

template <class C>
C plus(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    return a + b;
  } else {
    return wrapping_add(a, b);
  }
}
template <class C>
C times(C a, C b) {
  if constexpr (std::is_floating_point_v<C>) {
    return a * b;
  } else {
    return wrapping_mul(a, b);
  }
}

template <class C>
bool is_nan(C value) {
  return value != value;
}

// The order of sorting: NaN after every number.
template <class C>
bool less(C a, C b) {
  return a < b || (is_nan(b) && !is_nan(a));
}

// ---- Indices -----------------------------------------------------------------------------------

using Sizes = std::vector<int64_t>;

int64_t product(const Sizes& sizes, size_t begin, size_t end);

// Row-major position of an index.
int64_t offset(const Sizes& index, const Sizes& shape);
// The same where `shape` is broadcast to the index's shape: aligned at the right, sizes of 1 stand
// still.
int64_t broadcast_offset(const Sizes& index, const Sizes& shape);

// All indices of a shape in row-major order: for (Index i(shape); i.more(); i.next()) ... i.at()
class Index {
 public:
  explicit Index(Sizes shape) : shape_(std::move(shape)) { restart(); }

  void restart() {
    at_.assign(shape_.size(), 0);
    more_ = true;
    for (int64_t size : shape_) more_ = more_ && size > 0;
  }
  bool more() const { return more_; }
  void next() {
    for (size_t axis = shape_.size(); axis-- > 0;) {
      if (++at_[axis] < shape_[axis]) return;
      at_[axis] = 0;
    }
    more_ = false;
  }
  const Sizes& at() const { return at_; }

 private:
  Sizes shape_;
  Sizes at_;
  bool more_ = true;
};

// A tensor seen as (outer, size, inner) around one axis.
struct Lanes {
  int64_t outer, size, inner;
  Lanes(const Sizes& shape, size_t axis)
      : outer(product(shape, 0, axis)),
        size(shape[axis]),
        inner(product(shape, axis + 1, shape.size())) {}
  int64_t offset(int64_t o, int64_t k, int64_t i) const { return (o * size + k) * inner + i; }
};

// ---- Families ----------------------------------------------------------------------------------

std::span<const OpEntry> unary_entries();
std::span<const OpEntry> binary_entries();
std::span<const OpEntry> reduce_entries();
std::span<const OpEntry> movement_entries();
std::span<const OpEntry> indexing_entries();
std::span<const OpEntry> order_entries();
std::span<const OpEntry> contraction_entries();
std::span<const OpEntry> random_entries();
std::span<const OpEntry> window_entries();

}  // namespace nacre::reference
