// Pooling of every type but float32.

#include "kernels/cpu/isa.h"
#include "kernels/cpu/pool_general.h"
#include "kernels/cpu/window_entries.h"

namespace nacre::cpu {
namespace {

template <class T>
const PoolTable* table() {
  static constexpr PoolTable made = make_pool_table<T>();
  return &made;
}

}  // namespace

const PoolTable* find_pool_table(DType dtype) {
  switch (dtype) {
    case DType::Float32:
      return active_isa().pool;
    case DType::Float64:
      return table<double>();
    case DType::Int8:
      return table<int8_t>();
    case DType::UInt8:
      return table<uint8_t>();
    case DType::Int16:
      return table<int16_t>();
    case DType::UInt16:
      return table<uint16_t>();
    case DType::Int32:
      return table<int32_t>();
    case DType::UInt32:
      return table<uint32_t>();
    case DType::Int64:
      return table<int64_t>();
    case DType::UInt64:
      return table<uint64_t>();
    default:
      return nullptr;
  }
}

}  // namespace nacre::cpu
