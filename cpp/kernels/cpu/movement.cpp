#include "kernels/cpu/movement.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/cpu/index_reader.h"
#include "kernels/cpu/kernel_tools.h"
#include "kernels/cpu/strided_copy.h"

namespace nacre::cpu {
namespace {

using Ints = std::vector<int64_t>;

int64_t dot(const Ints& a, const Ints& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// One copy per input, each between fixed offsets (in bytes).
struct CopyParams {
  struct Part {
    StridedCopy copy;
    int64_t from = 0, to = 0;
  };
  std::vector<Part> parts;
  size_t size = 1;
  int64_t filled = 0;  // elements of the output set first to the last input's value
};

void run_copies(const void* opaque, const void* const* inputs, void* const* outputs,
                const KernelContext& context) {
  const auto& params = *static_cast<const CopyParams*>(opaque);
  const size_t count = params.parts.size();
  if (params.filled) {
    fill_elements(outputs[0], inputs[count], params.size, params.filled, context);
  }
  for (size_t i = 0; i < count; ++i) {
    const CopyParams::Part& part = params.parts[i];
    part.copy.run(static_cast<const char*>(inputs[i]) + part.from,
                  static_cast<char*>(outputs[0]) + part.to, context);
  }
}

Kernel copies(CopyParams params) {
  double cost = 0.1 * static_cast<double>(params.filled);
  for (const auto& part : params.parts) cost += part.copy.cost;
  return make_kernel(run_copies, std::move(params), cost);
}

// Reads the input with `strides` from element `offset` on into the whole output.
Kernel copy_to_output(const OpCase& op_case, const Ints& strides, int64_t offset) {
  const TensorSpec& out = op_case.outputs[0];
  CopyParams params;
  params.size = dtype_size(out.dtype);
  params.parts.push_back({StridedCopy(out.shape, strides, strides_of(out.shape), params.size),
                          offset * static_cast<int64_t>(params.size), 0});
  return copies(std::move(params));
}

Kernel prepare_transpose(const OpCase& op_case) {
  const Ints in = strides_of(op_case.inputs[0].shape);
  Ints strides;
  for (const int64_t axis : op_case.attrs.ints("perm")) {
    strides.push_back(in[static_cast<size_t>(axis)]);
  }
  return copy_to_output(op_case, strides, 0);
}

Kernel prepare_broadcast(const OpCase& op_case) {
  const Ints& shape = op_case.inputs[0].shape;
  const Ints in = strides_of(shape);
  Ints strides(op_case.outputs[0].shape.size(), 0);
  const size_t lead = strides.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i) strides[lead + i] = shape[i] == 1 ? 0 : in[i];
  return copy_to_output(op_case, strides, 0);
}

Kernel prepare_slice(const OpCase& op_case) {
  Ints strides = strides_of(op_case.inputs[0].shape);
  const int64_t offset = dot(op_case.attrs.ints("start"), strides);
  const Ints& step = op_case.attrs.ints("stride");
  for (size_t i = 0; i < strides.size(); ++i) strides[i] *= step[i];
  return copy_to_output(op_case, strides, offset);
}

Kernel prepare_reverse(const OpCase& op_case) {
  const Ints& shape = op_case.inputs[0].shape;
  Ints strides = strides_of(shape);
  int64_t offset = 0;
  for (const int64_t axis : op_case.attrs.ints("axes")) {
    const size_t i = static_cast<size_t>(axis);
    offset += std::max<int64_t>(0, shape[i] - 1) * strides[i];
    strides[i] = -strides[i];
  }
  return copy_to_output(op_case, strides, offset);
}

Kernel prepare_concat(const OpCase& op_case) {
  const TensorSpec& out = op_case.outputs[0];
  const size_t axis = static_cast<size_t>(op_case.attrs.integer("axis"));
  const Ints to = strides_of(out.shape);
  CopyParams params;
  params.size = dtype_size(out.dtype);
  int64_t position = 0;
  for (const TensorSpec& input : op_case.inputs) {
    params.parts.push_back({StridedCopy(input.shape, strides_of(input.shape), to, params.size), 0,
                            position * to[axis] * static_cast<int64_t>(params.size)});
    position += input.shape[axis];
  }
  return copies(std::move(params));
}

Kernel prepare_pad(const OpCase& op_case) {
  const TensorSpec &in = op_case.inputs[0], &out = op_case.outputs[0];
  Ints to = strides_of(out.shape);
  const int64_t offset = dot(op_case.attrs.ints("low"), to);
  const Ints& interior = op_case.attrs.ints("interior");
  for (size_t i = 0; i < to.size(); ++i) to[i] *= interior[i] + 1;
  CopyParams params;
  params.size = dtype_size(out.dtype);
  params.filled = out.count() == in.count() ? 0 : out.count();
  params.parts.push_back({StridedCopy(in.shape, strides_of(in.shape), to, params.size), 0,
                          offset * static_cast<int64_t>(params.size)});
  return copies(std::move(params));
}

// Slices whose start is a tensor; it is moved so that the slice fits.
struct DynamicParams {
  StridedCopy copy;
  StridedCopy whole;  // of an update: the copy of everything else
  Ints shape, size, strides;
  int64_t element = 1;
  DType index_dtype;
};

int64_t dynamic_offset(const DynamicParams& p, const void* starts) {
  int64_t offset = 0;
  for (size_t i = 0; i < p.shape.size(); ++i) {
    const int64_t start = read_index(starts, p.index_dtype, static_cast<int64_t>(i));
    const int64_t last = std::max<int64_t>(0, p.shape[i] - p.size[i]);
    offset += std::clamp<int64_t>(start, 0, last) * p.strides[i];
  }
  return offset * p.element;
}

void run_dynamic_slice(const void* opaque, const void* const* inputs, void* const* outputs,
                       const KernelContext& context) {
  const auto& p = *static_cast<const DynamicParams*>(opaque);
  p.copy.run(static_cast<const char*>(inputs[0]) + dynamic_offset(p, inputs[1]), outputs[0],
             context);
}

void run_dynamic_update(const void* opaque, const void* const* inputs, void* const* outputs,
                        const KernelContext& context) {
  const auto& p = *static_cast<const DynamicParams*>(opaque);
  if (inputs[0] != outputs[0]) p.whole.run(inputs[0], outputs[0], context);
  p.copy.run(inputs[1], static_cast<char*>(outputs[0]) + dynamic_offset(p, inputs[2]), context);
}

Kernel prepare_dynamic(const OpCase& op_case, const Ints& size, DType index_dtype, bool update) {
  const TensorSpec& x = op_case.inputs[0];
  DynamicParams p;
  p.shape = x.shape;
  p.size = size;
  p.strides = strides_of(x.shape);
  p.element = static_cast<int64_t>(dtype_size(x.dtype));
  p.index_dtype = index_dtype;
  const size_t bytes = dtype_size(x.dtype);
  const Ints own = strides_of(size);
  p.copy =
      update ? StridedCopy(size, own, p.strides, bytes) : StridedCopy(size, p.strides, own, bytes);
  if (update) p.whole = StridedCopy(x.shape, p.strides, p.strides, bytes);
  const double cost = p.copy.cost + p.whole.cost;
  return make_kernel(update ? run_dynamic_update : run_dynamic_slice, std::move(p), cost);
}

Kernel prepare_dynamic_slice(const OpCase& op_case) {
  return prepare_dynamic(op_case, op_case.attrs.ints("size"), op_case.inputs[1].dtype, false);
}
Kernel prepare_dynamic_update(const OpCase& op_case) {
  return prepare_dynamic(op_case, op_case.inputs[1].shape, op_case.inputs[2].dtype, true);
}

std::string accept(const OpCase&) { return ""; }

}  // namespace

std::span<const OpEntry> movement_entries() {
  static const std::array entries = {
      OpEntry{"transpose", accept, prepare_transpose},
      OpEntry{"broadcast_to", accept, prepare_broadcast},
      OpEntry{"concat", accept, prepare_concat},
      OpEntry{"slice", accept, prepare_slice},
      OpEntry{"pad", accept, prepare_pad},
      OpEntry{"reverse", accept, prepare_reverse},
      OpEntry{"dynamic_slice", accept, prepare_dynamic_slice},
      OpEntry{"dynamic_update_slice", accept, prepare_dynamic_update},
  };
  return entries;
}

}  // namespace nacre::cpu
