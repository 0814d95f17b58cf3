#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

std::string no_kernel(const OpCase& c, DType dtype) {
  return std::string(c.op) + ": no reference kernel for " + std::string(dtype_name(dtype));
}

}  // namespace

std::string check_inputs(const OpCase& c, const uint32_t* sets, size_t count) {
  for (size_t i = 0; i < c.inputs.size() && i < count; ++i) {
    const DType dtype = c.inputs[i].dtype;
    if (sets[i] == kLikeFirst || sets[i] == kLikeSecond) {
      const DType wanted = c.inputs[sets[i] == kLikeFirst ? 0 : 1].dtype;
      if (dtype != wanted) {
        return no_kernel(c, wanted) + " with " + std::string(dtype_name(dtype));
      }
    } else if (!(sets[i] & set_of(dtype))) {
      return no_kernel(c, dtype);
    }
  }
  return "";
}

std::string check_output(const OpCase& c, uint32_t set) {
  const DType dtype = c.outputs[0].dtype;
  return set & set_of(dtype) ? "" : no_kernel(c, dtype);
}

int64_t load_integer(const void* from, DType dtype, int64_t i) {
  int64_t value = 0;
  with_type<kInts>(dtype, [&]<class T>(Tag<T>) { value = static_cast<int64_t>(load<T>(from, i)); });
  return value;
}

int64_t product(const Sizes& sizes, size_t begin, size_t end) {
  int64_t result = 1;
  for (size_t i = begin; i < end; ++i) result *= sizes[i];
  return result;
}

int64_t offset(const Sizes& index, const Sizes& shape) {
  int64_t result = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) result = result * shape[axis] + index[axis];
  return result;
}

int64_t broadcast_offset(const Sizes& index, const Sizes& shape) {
  const size_t missing = index.size() - shape.size();
  int64_t result = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    result = result * shape[axis] + (shape[axis] == 1 ? 0 : index[missing + axis]);
  }
  return result;
}

}  // namespace nacre::reference
