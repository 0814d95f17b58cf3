#include "core/tensor.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/half.h"
#include "core/memory.h"
#include "core/shape.h"

namespace nacre {

struct Tensor::Storage {
  const void* elements = nullptr;
  bool writable = false;
  bool padded = false;
  HostBlock block;              // own memory, or
  std::shared_ptr<void> owner;  // someone else's
};

namespace {

std::string describe(DType dtype, const std::vector<int64_t>& shape) {
  return "Tensor of shape " + shape_str(shape) + " and dtype " + std::string(dtype_name(dtype));
}

// Number of elements, with every size checked against what an address can express.
int64_t checked_count(DType dtype, const std::vector<int64_t>& shape) {
  bool empty = false;
  for (int64_t dim : shape) {
    if (dim < 0) {
      throw ValueError(describe(dtype, shape) + ": dimensions must not be negative.");
    }
    empty = empty || dim == 0;
  }
  if (empty) return 0;
  int64_t count = 1;
  int64_t bytes = 0;
  bool fits = true;
  for (int64_t dim : shape) fits = fits && !__builtin_mul_overflow(count, dim, &count);
  fits = fits && !__builtin_mul_overflow(count, static_cast<int64_t>(dtype_size(dtype)), &bytes);
  if (!fits) {
    throw MemoryError(describe(dtype, shape) + " needs more than " +
                      std::to_string(std::numeric_limits<int64_t>::max()) + " bytes.");
  }
  return count;
}

template <class T>
T clamp_to(double value) {
  if (std::isnan(value)) return T{0};
  // The bounds are exact in double, or the power of two just above the highest value.
  const double past = std::ldexp(1.0, std::numeric_limits<T>::digits);
  if (value >= past) return std::numeric_limits<T>::max();
  if (value <= static_cast<double>(std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  return static_cast<T>(value);
}

template <class T>
void store(void* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

template <class T>
T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void store_double(void* to, DType dtype, double value) {
  switch (dtype) {
    case DType::Bool:
      return store<uint8_t>(to, value != 0);
    case DType::UInt8:
      return store(to, clamp_to<uint8_t>(value));
    case DType::Int8:
      return store(to, clamp_to<int8_t>(value));
    case DType::UInt16:
      return store(to, clamp_to<uint16_t>(value));
    case DType::Int16:
      return store(to, clamp_to<int16_t>(value));
    case DType::UInt32:
      return store(to, clamp_to<uint32_t>(value));
    case DType::Int32:
      return store(to, clamp_to<int32_t>(value));
    case DType::UInt64:
      return store(to, clamp_to<uint64_t>(value));
    case DType::Int64:
      return store(to, clamp_to<int64_t>(value));
    case DType::Float16:
      return store(to, to_float16(value));
    case DType::BFloat16:
      return store(to, to_bfloat16(value));
    case DType::Float32:
      return store(to, static_cast<float>(value));
    case DType::Float64:
      return store(to, value);
  }
}

double load_double(const void* from, DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return load<uint8_t>(from) != 0;
    case DType::UInt8:
      return load<uint8_t>(from);
    case DType::Int8:
      return load<int8_t>(from);
    case DType::UInt16:
      return load<uint16_t>(from);
    case DType::Int16:
      return load<int16_t>(from);
    case DType::UInt32:
      return load<uint32_t>(from);
    case DType::Int32:
      return load<int32_t>(from);
    case DType::UInt64:
      return static_cast<double>(load<uint64_t>(from));
    case DType::Int64:
      return static_cast<double>(load<int64_t>(from));
    case DType::Float16:
      return to_double(load<Float16>(from));
    case DType::BFloat16:
      return to_double(load<BFloat16>(from));
    case DType::Float32:
      return load<float>(from);
    case DType::Float64:
      return load<double>(from);
  }
  throw InternalError("Tensor of unknown dtype.");
}

}  // namespace

Tensor::Tensor(std::shared_ptr<Storage> storage, DType dtype, std::vector<int64_t> shape,
               int64_t count)
    : storage_(std::move(storage)), dtype_(dtype), count_(count), shape_(std::move(shape)) {}

Tensor Tensor::empty(DType dtype, std::vector<int64_t> shape) {
  const int64_t count = checked_count(dtype, shape);
  const size_t bytes = static_cast<size_t>(count) * dtype_size(dtype);
  auto storage = std::make_shared<Storage>();
  storage->block.reset(allocate_host(bytes));
  if (!storage->block) throw_out_of_memory(describe(dtype, shape), bytes);
  storage->elements = storage->block.get();
  storage->writable = true;
  storage->padded = true;
  return Tensor(std::move(storage), dtype, std::move(shape), count);
}

Tensor Tensor::zeros(DType dtype, std::vector<int64_t> shape) {
  Tensor result = empty(dtype, std::move(shape));
  std::memset(result.mutable_data(), 0, result.bytes());
  return result;
}

Tensor Tensor::from_bytes(const void* elements, DType dtype, std::vector<int64_t> shape) {
  Tensor result = empty(dtype, std::move(shape));
  if (result.bytes()) std::memcpy(result.mutable_data(), elements, result.bytes());
  return result;
}

Tensor Tensor::scalar(double value, DType dtype) {
  Tensor result = empty(dtype, {});
  store_double(result.mutable_data(), dtype, value);
  return result;
}

Tensor Tensor::external(void* elements, DType dtype, std::vector<int64_t> shape,
                        std::shared_ptr<void> owner) {
  Tensor result =
      external(static_cast<const void*>(elements), dtype, std::move(shape), std::move(owner));
  result.storage_->writable = true;
  return result;
}

Tensor Tensor::external(const void* elements, DType dtype, std::vector<int64_t> shape,
                        std::shared_ptr<void> owner) {
  const int64_t count = checked_count(dtype, shape);
  auto storage = std::make_shared<Storage>();
  storage->elements = elements;
  storage->owner = std::move(owner);
  return Tensor(std::move(storage), dtype, std::move(shape), count);
}

bool Tensor::padded() const { return storage_ && storage_->padded; }

const void* Tensor::data() const {
  if (!storage_) throw InternalError("A tensor that was never made has no elements.");
  return storage_->elements;
}

void* Tensor::mutable_data() {
  if (!storage_ || !storage_->writable) {
    throw InternalError("This tensor's elements cannot be written.");
  }
  return const_cast<void*>(storage_->elements);
}

Tensor Tensor::reshaped(std::vector<int64_t> shape) const {
  const int64_t count = checked_count(dtype_, shape);
  if (count != count_) {
    throw InternalError(describe(dtype_, shape_) + " cannot take shape " + shape_str(shape) + ".");
  }
  return Tensor(storage_, dtype_, std::move(shape), count);
}

double Tensor::item_as_double() const {
  if (count_ != 1) {
    throw ValueError(describe(dtype_, shape_) + ": expected exactly one element.");
  }
  return load_double(data(), dtype_);
}

}  // namespace nacre
