// Adding at indices. Duplicates are summed in the order of the indices, in the elements' type:
// tasks share out the places written, never the updates, so the bits do not depend on threads.

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "kernels/cpu/index_reader.h"
#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/movement.h"
#include "kernels/cpu/strided_copy.h"

namespace nacre::cpu {
namespace {

using Ints = std::vector<int64_t>;

int64_t product(const Ints& shape, size_t begin, size_t end) {
  int64_t n = 1;
  for (size_t i = begin; i < end; ++i) n *= shape[i];
  return n;
}

struct ScatterParams {
  int64_t outer = 1, axis = 1, inner = 1;  // of the result
  int64_t indices = 1;                     // updates per outer index
  Ints lead, lead_strides;                 // scatter_nd: the dimensions that indices address
  int64_t ranges = 1;                      // tasks per outer index, over the result's axis
  DType index_dtype;
  double cost = 0;
};

template <class T>
T plus(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::conditional_t<(sizeof(T) < 4), uint32_t, std::make_unsigned_t<T>>;
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return a + b;
  }
}

// Where an update goes along the axis; -1 when out of range.
int64_t place_of(const ScatterParams& p, const void* indices, int64_t i,
                 const KernelContext& context) {
  int64_t place = 0;
  const int64_t depth = static_cast<int64_t>(p.lead.size());
  for (int64_t k = 0; k < depth; ++k) {
    const size_t d = static_cast<size_t>(k);
    const int64_t index = read_index(indices, p.index_dtype, i * depth + k);
    if (index < 0 || index >= p.lead[d]) {
      set_status(context, kStatusBadIndex, index);
      return -1;
    }
    place += index * p.lead_strides[d];
  }
  return place;
}

// Each task owns a range of the axis, clears it, and looks through all indices for its own.
template <class T>
void run_scatter(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext& context) {
  const auto& p = *static_cast<const ScatterParams*>(opaque);
  run_chunks(context, p.cost, p.outer * p.ranges, [&](int64_t task) {
    const int64_t o = task / p.ranges, range = task % p.ranges;
    const int64_t begin = p.axis * range / p.ranges, end = p.axis * (range + 1) / p.ranges;
    T* out = static_cast<T*>(outputs[0]) + o * p.axis * p.inner;
    const T* updates = static_cast<const T*>(inputs[1]) + o * p.indices * p.inner;
    std::fill(out + begin * p.inner, out + end * p.inner, T{0});
    for (int64_t i = 0; i < p.indices; ++i) {
      const int64_t place = place_of(p, inputs[0], i, context);
      if (place < begin || place >= end) continue;
      T* row = out + place * p.inner;
      const T* update = updates + i * p.inner;
      for (int64_t c = 0; c < p.inner; ++c) row[c] = plus(row[c], update[c]);
    }
  });
}

// out[o, index[o, i, c], c] += update[o, i, c]; tasks own outer indices.
template <class T>
void run_put_along(const void* opaque, const void* const* inputs, void* const* outputs,
                   const KernelContext& context) {
  const auto& p = *static_cast<const ScatterParams*>(opaque);
  run_chunks(context, p.cost, p.outer, [&](int64_t o) {
    T* out = static_cast<T*>(outputs[0]) + o * p.axis * p.inner;
    std::fill_n(out, p.axis * p.inner, T{0});
    const int64_t first = o * p.indices * p.inner;
    for (int64_t i = 0; i < p.indices * p.inner; ++i) {
      const int64_t index = read_index(inputs[0], p.index_dtype, first + i);
      if (index < 0 || index >= p.axis) {
        set_status(context, kStatusBadIndex, index);
        continue;
      }
      T& place = out[index * p.inner + i % p.inner];
      place = plus(place, static_cast<const T*>(inputs[1])[first + i]);
    }
  });
}

// Counts (or sums of weights) of the values 0 .. length-1; others are not counted.
template <class T, bool kWeighted>
void run_bincount(const void* opaque, const void* const* inputs, void* const* outputs,
                  const KernelContext&) {
  const auto& p = *static_cast<const ScatterParams*>(opaque);
  for (int64_t o = 0; o < p.outer; ++o) {
    T* out = static_cast<T*>(outputs[0]) + o * p.axis;
    std::fill_n(out, p.axis, T{0});
    for (int64_t i = o * p.indices; i < (o + 1) * p.indices; ++i) {
      const int64_t value = read_index(inputs[0], p.index_dtype, i);
      if (value < 0 || value >= p.axis) continue;
      out[value] = plus(out[value], kWeighted ? static_cast<const T*>(inputs[1])[i] : T{1});
    }
  }
}

// The function for a dtype, or null.
#define NACRE_BY_DTYPE(dtype, function) \
  switch (dtype) {                      \
    case DType::Float32:                \
      return function<float>;           \
    case DType::Float64:                \
      return function<double>;          \
    case DType::Int32:                  \
      return function<int32_t>;         \
    case DType::Int64:                  \
      return function<int64_t>;         \
    case DType::UInt32:                 \
      return function<uint32_t>;        \
    case DType::UInt8:                  \
      return function<uint8_t>;         \
    default:                            \
      return nullptr;                   \
  }

template <class T>
constexpr auto run_weighted = run_bincount<T, true>;

Kernel::Fn scatter_function(DType dtype){NACRE_BY_DTYPE(dtype, run_scatter)} Kernel::Fn
    put_function(DType dtype){NACRE_BY_DTYPE(dtype, run_put_along)} Kernel::Fn
    weighted_function(DType dtype){NACRE_BY_DTYPE(dtype, run_weighted)}
#undef NACRE_BY_DTYPE

std::string refuse(const OpCase& op_case) {
  if (!is_integer(op_case.inputs[0].dtype)) {
    return std::string(op_case.op) + ": no cpu kernel for indices of " +
           std::string(dtype_name(op_case.inputs[0].dtype));
  }
  const bool weighted = op_case.inputs.size() > 1;
  if (weighted && !scatter_function(op_case.inputs[1].dtype)) {
    return no_kernel(op_case.op, op_case.inputs[1].dtype);
  }
  return "";
}

ScatterParams params_of(const OpCase& op_case) {
  ScatterParams p;
  p.index_dtype = op_case.inputs[0].dtype;
  p.cost = 20 + 0.1 * static_cast<double>(op_case.outputs[0].bytes());
  for (const TensorSpec& input : op_case.inputs) p.cost += 1.0 * static_cast<double>(input.count());
  return p;
}

// Cuts the result's axis into ranges once the rows added are worth looking through the indices
// that many times.
void cut_ranges(ScatterParams* p) {
  const bool worth = p->inner >= 16 && p->outer < 8 && p->cost > 2 * kParallelCost;
  p->ranges = worth ? std::min<int64_t>(8, std::max<int64_t>(1, p->axis)) : 1;
}

Kernel prepare_scatter_add(const OpCase& op_case) {
  ScatterParams p = params_of(op_case);
  const Ints& shape = op_case.outputs[0].shape;
  const size_t axis = static_cast<size_t>(op_case.attrs.integer("axis"));
  p.outer = product(shape, 0, axis);
  p.axis = shape[axis];
  p.inner = product(shape, axis + 1, shape.size());
  p.indices = op_case.inputs[0].count();
  p.lead = {p.axis};
  p.lead_strides = {1};
  cut_ranges(&p);
  const double cost = p.cost;
  return make_kernel(scatter_function(op_case.inputs[1].dtype), std::move(p), cost);
}

Kernel prepare_scatter_nd(const OpCase& op_case) {
  ScatterParams p = params_of(op_case);
  const Ints& shape = op_case.outputs[0].shape;
  const Ints& index_shape = op_case.inputs[0].shape;
  const size_t depth = static_cast<size_t>(index_shape.back());
  p.lead.assign(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(depth));
  p.lead_strides = strides_of(p.lead);
  p.axis = product(shape, 0, depth);
  p.inner = product(shape, depth, shape.size());
  p.indices = product(index_shape, 0, index_shape.size() - 1);
  cut_ranges(&p);
  const double cost = p.cost;
  return make_kernel(scatter_function(op_case.inputs[1].dtype), std::move(p), cost);
}

Kernel prepare_put_along(const OpCase& op_case) {
  ScatterParams p = params_of(op_case);
  const Ints& shape = op_case.outputs[0].shape;
  const size_t axis = static_cast<size_t>(op_case.attrs.integer("axis"));
  p.outer = product(shape, 0, axis);
  p.axis = shape[axis];
  p.inner = product(shape, axis + 1, shape.size());
  p.indices = op_case.inputs[0].shape[axis];
  const double cost = p.cost;
  return make_kernel(put_function(op_case.inputs[1].dtype), std::move(p), cost);
}

Kernel prepare_bincount(const OpCase& op_case) {
  ScatterParams p = params_of(op_case);
  const Ints& shape = op_case.inputs[0].shape;
  p.indices = shape.back();
  p.outer = product(shape, 0, shape.size() - 1);
  p.axis = op_case.outputs[0].shape.back();
  const double cost = p.cost;
  const Kernel::Fn fn = op_case.inputs.size() > 1 ? weighted_function(op_case.inputs[1].dtype)
                                                  : run_bincount<int32_t, false>;
  return make_kernel(fn, std::move(p), cost);
}

}  // namespace

std::span<const OpEntry> scatter_entries() {
  static const std::array entries = {
      OpEntry{"scatter_add", refuse, prepare_scatter_add},
      OpEntry{"scatter_nd", refuse, prepare_scatter_nd},
      OpEntry{"put_along_axis_add", refuse, prepare_put_along},
      OpEntry{"bincount", refuse, prepare_bincount},
  };
  return entries;
}

}  // namespace nacre::cpu
