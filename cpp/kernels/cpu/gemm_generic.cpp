#include "kernels/cpu/gemm_generic.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/activated.h"

namespace nacre::cpu {
namespace {

// Integers multiply as unsigned numbers at least as wide as int, where overflow wraps.
template <class T>
auto wide(T value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<std::common_type_t<std::make_unsigned_t<T>, unsigned>>(value);
  } else {
    return value;
  }
}

template <class T>
T multiply_add(T a, T b, T c) {
  return static_cast<T>(wide(c) + wide(a) * wide(b));
}

constexpr int64_t kColumnsAtOnce = 512;
constexpr int64_t kDepthAtOnce = 64;

// Rows [begin, end) of C, which share each block of B while it is in the nearest cache.
template <class T>
void rows_of_c(const GemmProblem& p, const T* a, const T* b, int64_t b_row, const T* bias, T* c,
               int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) std::fill_n(c + i * p.c_row, p.n, T{0});
  for (int64_t j0 = 0; j0 < p.n; j0 += kColumnsAtOnce) {
    const int64_t columns = std::min(kColumnsAtOnce, p.n - j0);
    for (int64_t k0 = 0; k0 < p.k; k0 += kDepthAtOnce) {
      const int64_t k1 = std::min(p.k, k0 + kDepthAtOnce);
      for (int64_t i = begin; i < end; ++i) {
        T* __restrict target = c + i * p.c_row + j0;
        for (int64_t k = k0; k < k1; ++k) {
          const T scale = a[i * p.a_row + k * p.a_col];
          const T* __restrict source = b + k * b_row + j0;
          for (int64_t j = 0; j < columns; ++j) {
            target[j] = multiply_add(scale, source[j], target[j]);
          }
        }
      }
    }
  }
  if (bias == nullptr && p.activation == Activation::None) return;
  for (int64_t i = begin; i < end; ++i) {
    T* row = c + i * p.c_row;
    for (int64_t j = 0; j < p.n; ++j) {
      const T sum = bias == nullptr ? row[j] : static_cast<T>(wide(row[j]) + wide(bias[j]));
      row[j] = activated(sum, p.activation);
    }
  }
}

bool packs_b(const GemmProblem& p) { return p.b_col != 1 && p.n > 1; }

template <class T>
void run(const GemmProblem& p, const void* a_memory, const void* b_memory, const void* bias_memory,
         void* c_memory, const KernelContext& context) {
  const int64_t rows = p.m == 0 || p.n == 0 ? 0 : p.m;
  const int64_t work = p.n * std::max<int64_t>(p.k, 1);
  const int64_t group = std::clamp<int64_t>((1 << 16) / std::max<int64_t>(work, 1), 1, 64);
  for (int64_t item = 0; item < p.batch; ++item) {
    const T* a = static_cast<const T*>(a_memory) +
                 (p.a_offsets != nullptr ? p.a_offsets[item] : item * p.a_batch);
    const T* b = static_cast<const T*>(b_memory) +
                 (p.b_offsets != nullptr ? p.b_offsets[item] : item * p.b_batch);
    T* c = static_cast<T*>(c_memory) + item * p.c_batch;
    int64_t b_row = p.b_row;
    if (packs_b(p)) {
      T* packed = reinterpret_cast<T*>(context.workspace);
      parallel_for(context, (p.k + kDepthAtOnce - 1) / kDepthAtOnce, [&](int64_t chunk) {
        const int64_t end = std::min(p.k, (chunk + 1) * kDepthAtOnce);
        for (int64_t j = 0; j < p.n; ++j) {
          for (int64_t k = chunk * kDepthAtOnce; k < end; ++k) {
            packed[k * p.n + j] = b[k * p.b_row + j * p.b_col];
          }
        }
      });
      b = packed;
      b_row = p.n;
    }
    const T* bias = static_cast<const T*>(bias_memory);
    parallel_for(context, (rows + group - 1) / group, [&](int64_t chunk) {
      rows_of_c(p, a, b, b_row, bias, c, chunk * group, std::min(rows, (chunk + 1) * group));
    });
  }
}

}  // namespace

GenericGemm generic_gemm(DType dtype) {
  switch (dtype) {
    case DType::Float64:
      return run<double>;
    case DType::Int8:
      return run<int8_t>;
    case DType::UInt8:
      return run<uint8_t>;
    case DType::Int16:
      return run<int16_t>;
    case DType::UInt16:
      return run<uint16_t>;
    case DType::Int32:
      return run<int32_t>;
    case DType::UInt32:
      return run<uint32_t>;
    case DType::Int64:
      return run<int64_t>;
    case DType::UInt64:
      return run<uint64_t>;
    default:
      return nullptr;
  }
}

size_t generic_gemm_workspace(DType dtype, const GemmProblem& problem) {
  if (!packs_b(problem)) return 0;
  const size_t bytes = static_cast<size_t>(problem.k * problem.n) * dtype_size(dtype);
  return (bytes + 63) & ~size_t{63};
}

}  // namespace nacre::cpu
