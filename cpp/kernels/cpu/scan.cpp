// Positions of extremes and running sums and products along one axis, seen as (outer, axis, inner).
// Running values accumulate in the type of the elements, in order.

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/reduce.h"

namespace nacre::cpu {
namespace {

struct AxisView {
  int64_t outer = 1, axis = 1, inner = 1;
};

AxisView view_of(const std::vector<int64_t>& shape, int64_t axis) {
  AxisView view;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i);
    (at < axis ? view.outer : at == axis ? view.axis : view.inner) *= shape[i];
  }
  return view;
}

struct ScanParams {
  AxisView view;
  double cost;
  ReducePlaceFn place = nullptr;
  bool reverse = false, exclusive = false;
};

constexpr int64_t kTaskWork = 16384;

// Tasks over the outer index; at least kTaskWork elements each.
template <class Body>
void over_outer(const ScanParams& params, const KernelContext& context, Body&& body) {
  const AxisView& view = params.view;
  const int64_t slab = std::max<int64_t>(1, view.axis * view.inner);
  const int64_t batch = std::max<int64_t>(1, kTaskWork / slab);
  run_chunks(context, params.cost, (view.outer + batch - 1) / batch, [&](int64_t task) {
    for (int64_t o = task * batch; o < std::min(view.outer, (task + 1) * batch); ++o) body(o);
  });
}

template <class T, bool kMax>
bool beats(T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return best == best;  // the first NaN wins
  }
  return kMax ? x > best : x < best;
}

template <class T, bool kMax>
void run_arg(const void* opaque, const void* const* inputs, void* const* outputs,
             const KernelContext& context) {
  const auto& params = *static_cast<const ScanParams*>(opaque);
  const AxisView& view = params.view;
  over_outer(params, context, [&](int64_t o) {
    const T* x = static_cast<const T*>(inputs[0]) + o * view.axis * view.inner;
    int32_t* out = static_cast<int32_t*>(outputs[0]) + o * view.inner;
    constexpr int64_t kStrip = 64;
    for (int64_t first = 0; first < view.inner; first += kStrip) {
      const int64_t n = std::min(kStrip, view.inner - first);
      T best[kStrip];
      if (view.axis > 0) std::copy_n(x + first, n, best);
      std::fill_n(out + first, n, 0);
      for (int64_t r = 1; r < view.axis; ++r) {
        const T* row = x + r * view.inner + first;
        for (int64_t c = 0; c < n; ++c) {
          if (beats<T, kMax>(row[c], best[c])) {
            best[c] = row[c];
            out[first + c] = static_cast<int32_t>(r);
          }
        }
      }
    }
  });
}

// Float32 along the last axis.
void run_place(const void* opaque, const void* const* inputs, void* const* outputs,
               const KernelContext& context) {
  const auto& params = *static_cast<const ScanParams*>(opaque);
  const int64_t axis = params.view.axis;
  over_outer(params, context, [&](int64_t o) {
    static_cast<int32_t*>(outputs[0])[o] =
        static_cast<int32_t>(params.place(static_cast<const float*>(inputs[0]) + o * axis, axis));
  });
}

template <class T, bool kSum>
T accumulate(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    return static_cast<T>(kSum ? x + y : x * y);
  } else {
    return kSum ? a + b : a * b;
  }
}

template <class T, bool kSum>
void run_cumulative(const void* opaque, const void* const* inputs, void* const* outputs,
                    const KernelContext& context) {
  const auto& params = *static_cast<const ScanParams*>(opaque);
  const AxisView& view = params.view;
  over_outer(params, context, [&](int64_t o) {
    const T* x = static_cast<const T*>(inputs[0]) + o * view.axis * view.inner;
    T* out = static_cast<T*>(outputs[0]) + o * view.axis * view.inner;
    const int64_t inner = view.inner;
    for (int64_t i = 0; i < view.axis; ++i) {
      const int64_t r = params.reverse ? view.axis - 1 - i : i;
      const int64_t before = params.reverse ? r + 1 : r - 1;
      for (int64_t c = 0; c < inner; ++c) {
        const T previous = i ? out[before * inner + c] : T(kSum ? 0 : 1);
        const T value = !params.exclusive ? x[r * inner + c]
                        : i               ? x[before * inner + c]
                                          : T(kSum ? 0 : 1);
        out[r * inner + c] = i ? accumulate<T, kSum>(previous, value) : value;
      }
    }
  });
}

enum class ScanOp { argmax, argmin, cumsum, cumprod };

template <class T>
Kernel::Fn function_of(ScanOp op) {
  switch (op) {
    case ScanOp::argmax:
      return run_arg<T, true>;
    case ScanOp::argmin:
      return run_arg<T, false>;
    case ScanOp::cumsum:
      return run_cumulative<T, true>;
    case ScanOp::cumprod:
      return run_cumulative<T, false>;
  }
  return nullptr;
}

Kernel::Fn find_function(const OpCase& op_case) {
  const ScanOp op = op_case.op == "argmax"   ? ScanOp::argmax
                    : op_case.op == "argmin" ? ScanOp::argmin
                    : op_case.op == "cumsum" ? ScanOp::cumsum
                                             : ScanOp::cumprod;
  switch (op_case.inputs[0].dtype) {
    case DType::Float32:
      return function_of<float>(op);
    case DType::Float64:
      return function_of<double>(op);
    case DType::Int32:
      return function_of<int32_t>(op);
    case DType::Int64:
      return function_of<int64_t>(op);
    case DType::UInt32:
      return function_of<uint32_t>(op);
    case DType::UInt8:
      return function_of<uint8_t>(op);
    case DType::Bool:
      return op == ScanOp::argmax || op == ScanOp::argmin ? function_of<uint8_t>(op) : nullptr;
    default:
      return nullptr;
  }
}

std::string refuse(const OpCase& op_case) {
  return find_function(op_case) ? "" : no_kernel(op_case.op, op_case.inputs[0].dtype);
}

Kernel prepare(const OpCase& op_case) {
  ScanParams params{};
  params.view = view_of(op_case.inputs[0].shape, op_case.attrs.integer("axis"));
  params.cost = 10 + 1.0 * static_cast<double>(op_case.inputs[0].count());
  if (op_case.op == "cumsum" || op_case.op == "cumprod") {
    params.reverse = op_case.attrs.flag("reverse");
    params.exclusive = op_case.attrs.flag("exclusive");
  }
  Kernel::Fn fn = find_function(op_case);
  const bool places = op_case.op == "argmax" || op_case.op == "argmin";
  if (places && op_case.inputs[0].dtype == DType::Float32 && params.view.inner == 1 &&
      params.view.axis > 0) {
    const ReduceTable& table = *active_isa().reduce;
    params.place = op_case.op == "argmax" ? table.place_of_max : table.place_of_min;
    params.cost *= 0.2;
    fn = run_place;
  }
  return make_kernel(fn, params, params.cost);
}

}  // namespace

std::span<const OpEntry> scan_entries() {
  static const std::array entries = {
      OpEntry{"argmax", refuse, prepare},
      OpEntry{"argmin", refuse, prepare},
      OpEntry{"cumsum", refuse, prepare},
      OpEntry{"cumprod", refuse, prepare},
  };
  return entries;
}

}  // namespace nacre::cpu
