// Reading and replacing elements at indices, for every dtype. Indices are any integers; one out of
// range sets the status word and gives 0 (reading) or is dropped (writing).

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/elementwise_generic.h"
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

struct GatherParams {
  int64_t outer = 1, axis = 1, inner = 1;  // of the array read
  int64_t indices = 1;                     // how many, or the axis of the indices
  Ints lead, lead_strides;                 // gather_nd: leading dimensions that indices address
  int64_t element = 1;                     // bytes
  DType index_dtype;
  double cost = 0;
};

constexpr int64_t kBatch = 256;  // indices converted at a time

void copy_row(char* to, const char* from, int64_t bytes) {
  if (bytes == 4) {
    std::memcpy(to, from, 4);
  } else if (bytes == 8) {
    std::memcpy(to, from, 8);
  } else {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  }
}

// Tasks of so many rows that each moves some tens of kilobytes.
int64_t batch_rows(int64_t row_bytes) {
  return std::max<int64_t>(1, 65536 / std::max<int64_t>(16, row_bytes));
}

void run_gather(const void* opaque, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  const auto& p = *static_cast<const GatherParams*>(opaque);
  const int64_t bytes = p.inner * p.element, total = p.outer * p.indices;
  const int64_t step = batch_rows(bytes);
  const char* x = static_cast<const char*>(inputs[0]);
  char* out = static_cast<char*>(outputs[0]);
  run_chunks(context, p.cost, (total + step - 1) / step, [&](int64_t task) {
    int64_t index[kBatch];
    for (int64_t i = task * step, end = std::min(total, i + step); i < end;) {
      const int64_t o = i / p.indices, first = i % p.indices;
      const int64_t n = std::min({kBatch, end - i, p.indices - first});
      read_indices(inputs[1], p.index_dtype, first, n, index);
      for (int64_t j = 0; j < n; ++j, ++i) {
        if (index[j] < 0 || index[j] >= p.axis) {
          set_status(context, kStatusBadIndex, index[j]);
          std::memset(out + i * bytes, 0, static_cast<size_t>(bytes));
        } else {
          copy_row(out + i * bytes, x + (o * p.axis + index[j]) * bytes, bytes);
        }
      }
    }
  });
}

std::string refuse_index(const OpCase& op_case, size_t input) {
  const DType dtype = op_case.inputs[input].dtype;
  if (is_integer(dtype)) return "";
  return std::string(op_case.op) + ": no cpu kernel for indices of " +
         std::string(dtype_name(dtype));
}
std::string refuse_second(const OpCase& op_case) { return refuse_index(op_case, 1); }
std::string refuse_first(const OpCase& op_case) { return refuse_index(op_case, 0); }

GatherParams params_of(const OpCase& op_case) {
  GatherParams p;
  p.element = static_cast<int64_t>(dtype_size(op_case.inputs[0].dtype));
  p.index_dtype = op_case.inputs[1].dtype;
  p.cost = 20 + 0.2 * static_cast<double>(op_case.outputs[0].bytes()) +
           2.0 * static_cast<double>(op_case.inputs[1].count());
  return p;
}

void set_axis(GatherParams* p, const Ints& shape, int64_t axis) {
  const size_t i = static_cast<size_t>(axis);
  p->outer = product(shape, 0, i);
  p->axis = shape[i];
  p->inner = product(shape, i + 1, shape.size());
}

Kernel prepare_gather(const OpCase& op_case) {
  GatherParams p = params_of(op_case);
  set_axis(&p, op_case.inputs[0].shape, op_case.attrs.integer("axis"));
  p.indices = op_case.inputs[1].count();
  return make_kernel(run_gather, p, p.cost);
}

// The offset that one index vector addresses, in blocks of `inner`; -1 when out of range.
int64_t locate(const GatherParams& p, const void* indices, int64_t i,
               const KernelContext& context) {
  const int64_t depth = static_cast<int64_t>(p.lead.size());
  int64_t offset = 0;
  for (int64_t k = 0; k < depth; ++k) {
    const int64_t index = read_index(indices, p.index_dtype, i * depth + k);
    const size_t d = static_cast<size_t>(k);
    if (index < 0 || index >= p.lead[d]) {
      set_status(context, kStatusBadIndex, index);
      return -1;
    }
    offset += index * p.lead_strides[d];
  }
  return offset;
}

void run_gather_nd(const void* opaque, const void* const* inputs, void* const* outputs,
                   const KernelContext& context) {
  const auto& p = *static_cast<const GatherParams*>(opaque);
  const int64_t bytes = p.inner * p.element, step = batch_rows(bytes);
  char* out = static_cast<char*>(outputs[0]);
  run_chunks(context, p.cost, (p.indices + step - 1) / step, [&](int64_t task) {
    for (int64_t i = task * step; i < std::min(p.indices, (task + 1) * step); ++i) {
      const int64_t at = locate(p, inputs[1], i, context);
      if (at < 0) {
        std::memset(out + i * bytes, 0, static_cast<size_t>(bytes));
      } else {
        copy_row(out + i * bytes, static_cast<const char*>(inputs[0]) + at * bytes, bytes);
      }
    }
  });
}

void set_lead(GatherParams* p, const Ints& shape, const Ints& index_shape) {
  const size_t depth = static_cast<size_t>(index_shape.back());
  p->lead.assign(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(depth));
  p->lead_strides = strides_of(p->lead);
  p->inner = product(shape, depth, shape.size());
  p->indices = product(index_shape, 0, index_shape.size() - 1);
}

Kernel prepare_gather_nd(const OpCase& op_case) {
  GatherParams p = params_of(op_case);
  set_lead(&p, op_case.inputs[0].shape, op_case.inputs[1].shape);
  const double cost = p.cost;
  return make_kernel(run_gather_nd, std::move(p), cost);
}

// A copy of x with slices replaced, in order: the last one wins.
void run_scatter_update(const void* opaque, const void* const* inputs, void* const* outputs,
                        const KernelContext& context) {
  const auto& p = *static_cast<const GatherParams*>(opaque);
  const int64_t bytes = p.inner * p.element;
  char* out = static_cast<char*>(outputs[0]);
  const int64_t whole = product(p.lead, 0, p.lead.size()) * bytes;
  if (inputs[0] != outputs[0] && whole) {
    std::memcpy(out, inputs[0], static_cast<size_t>(whole));
  }
  for (int64_t i = 0; i < p.indices; ++i) {
    const int64_t at = locate(p, inputs[1], i, context);
    if (at >= 0) {
      copy_row(out + at * bytes, static_cast<const char*>(inputs[2]) + i * bytes, bytes);
    }
  }
}

Kernel prepare_scatter_update(const OpCase& op_case) {
  GatherParams p = params_of(op_case);
  set_lead(&p, op_case.inputs[0].shape, op_case.inputs[1].shape);
  const double cost = p.cost;
  return make_kernel(run_scatter_update, std::move(p), cost);
}

void run_take_along(const void* opaque, const void* const* inputs, void* const* outputs,
                    const KernelContext& context) {
  const auto& p = *static_cast<const GatherParams*>(opaque);
  const int64_t total = p.outer * p.indices * p.inner, step = 16384;
  run_chunks(context, p.cost, (total + step - 1) / step, [&](int64_t task) {
    with_size(static_cast<size_t>(p.element), [&]<class T>() {
      const T* x = static_cast<const T*>(inputs[0]);
      T* out = static_cast<T*>(outputs[0]);
      for (int64_t i = task * step; i < std::min(total, (task + 1) * step); ++i) {
        const int64_t c = i % p.inner, o = i / (p.inner * p.indices);
        const int64_t index = read_index(inputs[1], p.index_dtype, i);
        if (index < 0 || index >= p.axis) {
          set_status(context, kStatusBadIndex, index);
          out[i] = 0;
        } else {
          out[i] = x[(o * p.axis + index) * p.inner + c];
        }
      }
    });
  });
}

Kernel prepare_take_along(const OpCase& op_case) {
  GatherParams p = params_of(op_case);
  const int64_t axis = op_case.attrs.integer("axis");
  set_axis(&p, op_case.inputs[0].shape, axis);
  p.indices = op_case.inputs[1].shape[static_cast<size_t>(axis)];
  return make_kernel(run_take_along, p, p.cost);
}

struct OneHotParams {
  int64_t rows, depth, element;
  DType index_dtype;
  char one[8];
};

void run_one_hot(const void* opaque, const void* const* inputs, void* const* outputs,
                 const KernelContext&) {
  const auto& p = *static_cast<const OneHotParams*>(opaque);
  char* out = static_cast<char*>(outputs[0]);
  std::fill_n(out, p.rows * p.depth * p.element, char{0});
  for (int64_t r = 0; r < p.rows; ++r) {
    const int64_t index = read_index(inputs[0], p.index_dtype, r);
    if (index < 0 || index >= p.depth) continue;  // a row of zeros
    std::memcpy(out + (r * p.depth + index) * p.element, p.one, static_cast<size_t>(p.element));
  }
}

Kernel prepare_one_hot(const OpCase& op_case) {
  const DType dtype = op_case.outputs[0].dtype;
  OneHotParams p{};
  p.rows = op_case.inputs[0].count();
  p.depth = op_case.attrs.integer("depth");
  p.element = static_cast<int64_t>(dtype_size(dtype));
  p.index_dtype = op_case.inputs[0].dtype;
  alignas(64) int64_t one[16] = {1};
  alignas(64) char converted[128];
  find_cast(active_isa(), DType::Int64, dtype)(converted, one, nullptr, nullptr, 1);
  std::memcpy(p.one, converted, dtype_size(dtype));
  return make_kernel(run_one_hot, p, 20 + 0.2 * static_cast<double>(op_case.outputs[0].bytes()));
}

struct IotaParams {
  std::vector<char> pattern;  // 0, 1, 2, ... along the axis
  int64_t outer, axis, inner, element;
};

void run_iota(const void* opaque, const void* const*, void* const* outputs, const KernelContext&) {
  const auto& p = *static_cast<const IotaParams*>(opaque);
  char* out = static_cast<char*>(outputs[0]);
  for (int64_t o = 0; o < p.outer; ++o) {
    if (p.inner == 1) {
      if (p.axis) std::memcpy(out, p.pattern.data(), static_cast<size_t>(p.axis * p.element));
      out += p.axis * p.element;
      continue;
    }
    for (int64_t i = 0; i < p.axis; ++i) {
      with_size(static_cast<size_t>(p.element), [&]<class T>() {
        T value;
        std::memcpy(&value, p.pattern.data() + i * p.element, sizeof value);
        std::fill_n(reinterpret_cast<T*>(out), p.inner, value);
      });
      out += p.inner * p.element;
    }
  }
}

Kernel prepare_iota(const OpCase& op_case) {
  const TensorSpec& out = op_case.outputs[0];
  const size_t axis = static_cast<size_t>(op_case.attrs.integer("axis"));
  IotaParams p{};
  p.outer = product(out.shape, 0, axis);
  p.axis = out.shape[axis];
  p.inner = product(out.shape, axis + 1, out.shape.size());
  p.element = static_cast<int64_t>(dtype_size(out.dtype));
  std::vector<int64_t> values(static_cast<size_t>(p.axis) + 16);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i);
  p.pattern.resize(values.size() * dtype_size(out.dtype));
  find_cast(active_isa(), DType::Int64, out.dtype)(p.pattern.data(), values.data(), nullptr,
                                                   nullptr, p.axis);
  return make_kernel(run_iota, std::move(p), 20 + 0.2 * static_cast<double>(out.bytes()));
}

std::string accept(const OpCase&) { return ""; }

}  // namespace

std::span<const OpEntry> gather_entries() {
  static const std::array entries = {
      OpEntry{"gather", refuse_second, prepare_gather},
      OpEntry{"gather_nd", refuse_second, prepare_gather_nd},
      OpEntry{"take_along_axis", refuse_second, prepare_take_along},
      OpEntry{"scatter_update", refuse_second, prepare_scatter_update},
      OpEntry{"one_hot", refuse_first, prepare_one_hot},
      OpEntry{"iota", accept, prepare_iota},
  };
  return entries;
}

}  // namespace nacre::cpu
