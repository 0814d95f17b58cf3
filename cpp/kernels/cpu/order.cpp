// Sorting along one axis, stable, NaN after every number (before, when descending), and binary
// search. Elements become unsigned keys of the same order, so that one sort serves every dtype.

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>

#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/movement.h"

namespace nacre::cpu {
namespace {

template <class T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a < b || (b != b && a == a);
  return a < b;
}

template <class T>
uint64_t key_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (value != value) return UINT64_MAX;
    const int64_t bits = std::bit_cast<int64_t>(static_cast<double>(value) + 0.0);  // -0 is 0
    return static_cast<uint64_t>(bits) ^ (bits < 0 ? UINT64_MAX : uint64_t{1} << 63);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<uint64_t>(static_cast<int64_t>(value)) ^ (uint64_t{1} << 63);
  } else {
    return value;
  }
}

struct Keyed {
  uint64_t key;
  int64_t place;
};

[[gnu::noinline]] void sort_keyed(Keyed* begin, Keyed* end) {
  // Ties by place make this stable.
  std::sort(begin, end, [](const Keyed& a, const Keyed& b) {
    return a.key != b.key ? a.key < b.key : a.place < b.place;
  });
}

struct SortParams {
  int64_t outer = 1, axis = 1, inner = 1;
  bool descending = false;
  double cost = 0;
};

constexpr int64_t kTasks = 16;  // each has one row of the workspace

// The sorted elements, or with kPlaces where they stood.
template <class T, bool kPlaces>
void run_sort(const void* opaque, const void* const* inputs, void* const* outputs,
              const KernelContext& context) {
  const auto& p = *static_cast<const SortParams*>(opaque);
  const int64_t rows = p.outer * p.inner;
  const int64_t tasks = std::min(kTasks, rows);
  run_chunks(context, p.cost, tasks, [&](int64_t task) {
    Keyed* keyed = reinterpret_cast<Keyed*>(context.workspace) + task * p.axis;
    for (int64_t row = rows * task / tasks; row < rows * (task + 1) / tasks; ++row) {
      const int64_t first = row / p.inner * p.axis * p.inner + row % p.inner;
      const T* x = static_cast<const T*>(inputs[0]) + first;
      for (int64_t i = 0; i < p.axis; ++i) {
        const uint64_t key = key_of(x[i * p.inner]);
        keyed[i] = {p.descending ? ~key : key, i};
      }
      sort_keyed(keyed, keyed + p.axis);
      for (int64_t i = 0; i < p.axis; ++i) {
        if constexpr (kPlaces) {
          static_cast<int32_t*>(outputs[0])[first + i * p.inner] =
              static_cast<int32_t>(keyed[i].place);
        } else {
          static_cast<T*>(outputs[0])[first + i * p.inner] = x[keyed[i].place * p.inner];
        }
      }
    }
  });
}

struct SearchParams {
  int64_t sorted, values;
  bool right;
};

template <class T>
void run_search(const void* opaque, const void* const* inputs, void* const* outputs,
                const KernelContext&) {
  const auto& p = *static_cast<const SearchParams*>(opaque);
  const T* sorted = static_cast<const T*>(inputs[0]);
  const T* values = static_cast<const T*>(inputs[1]);
  for (int64_t i = 0; i < p.values; ++i) {
    const T* at = p.right ? std::upper_bound(sorted, sorted + p.sorted, values[i], before<T>)
                          : std::lower_bound(sorted, sorted + p.sorted, values[i], before<T>);
    static_cast<int32_t*>(outputs[0])[i] = static_cast<int32_t>(at - sorted);
  }
}

// What an op does for one dtype; null where there is nothing.
template <class Visit>
auto with_type(DType dtype, Visit&& visit) -> decltype(visit.template operator()<float>()) {
  switch (dtype) {
    case DType::Float32:
      return visit.template operator()<float>();
    case DType::Float64:
      return visit.template operator()<double>();
    case DType::Int32:
      return visit.template operator()<int32_t>();
    case DType::Int64:
      return visit.template operator()<int64_t>();
    case DType::UInt32:
      return visit.template operator()<uint32_t>();
    case DType::Bool:
    case DType::UInt8:
      return visit.template operator()<uint8_t>();
    default:
      return {};
  }
}

Kernel::Fn function_of(std::string_view op, DType dtype) {
  return with_type(dtype, [&]<class T>() -> Kernel::Fn {
    if (op == "sort") return run_sort<T, false>;
    if (op == "argsort") return run_sort<T, true>;
    return run_search<T>;
  });
}

std::string refuse(const OpCase& op_case) {
  const DType dtype = op_case.inputs[0].dtype;
  return function_of(op_case.op, dtype) ? "" : no_kernel(op_case.op, dtype);
}

Kernel prepare_sort(const OpCase& op_case) {
  const TensorSpec& x = op_case.inputs[0];
  SortParams p;
  const int64_t axis = op_case.attrs.integer("axis");
  for (size_t i = 0; i < x.shape.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i);
    (at < axis ? p.outer : at == axis ? p.axis : p.inner) *= x.shape[i];
  }
  p.descending = op_case.attrs.flag("descending");
  p.cost = 50 + 30.0 * static_cast<double>(x.count());
  const int64_t tasks = std::min(kTasks, p.outer * p.inner);
  return make_kernel(function_of(op_case.op, x.dtype), p, p.cost,
                     static_cast<size_t>(tasks * p.axis) * sizeof(Keyed));
}

Kernel prepare_search(const OpCase& op_case) {
  const SearchParams p{op_case.inputs[0].count(), op_case.inputs[1].count(),
                       op_case.attrs.text("side") == "right"};
  return make_kernel(function_of(op_case.op, op_case.inputs[0].dtype), p,
                     20 + 30.0 * static_cast<double>(p.values));
}

}  // namespace

std::span<const OpEntry> order_entries() {
  static const std::array entries = {
      OpEntry{"sort", refuse, prepare_sort},
      OpEntry{"argsort", refuse, prepare_sort},
      OpEntry{"searchsorted", refuse, prepare_search},
  };
  return entries;
}

}  // namespace nacre::cpu
