#pragma once

// Small things that every family of CPU kernels uses.

#include <memory>
#include <string>
#include <string_view>

#include "core/dtype.h"
#include "core/kernel_context.h"
#include "kernels/backend.h"

namespace nacre::cpu {

// Below this many nanoseconds of work on one core, waking other threads does not pay.
inline constexpr double kParallelCost = 20000;

inline std::string no_kernel(std::string_view op, DType dtype) {
  return std::string(op) + ": no cpu kernel for " + std::string(dtype_name(dtype));
}

// Runs body(chunk) for every chunk, on several threads only when `cost` nanoseconds justify it.
template <class Body>
inline void run_chunks(const KernelContext& context, double cost, int64_t chunks, Body&& body) {
  if (cost < kParallelCost) {
    for (int64_t i = 0; i < chunks; ++i) body(i);
  } else {
    parallel_for(context, chunks, body);
  }
}

template <class Params>
Kernel make_kernel(Kernel::Fn fn, Params params, double cost, size_t workspace = 0) {
  Kernel kernel;
  kernel.fn = fn;
  kernel.params = std::make_shared<const Params>(std::move(params));
  kernel.cost = cost;
  kernel.workspace = (workspace + 63) / 64 * 64;
  return kernel;
}

// Calls fn.template operator()<T>() with an unsigned type of `size` bytes.
template <class Fn>
decltype(auto) with_size(size_t size, Fn&& fn) {
  switch (size) {
    case 1:
      return fn.template operator()<uint8_t>();
    case 2:
      return fn.template operator()<uint16_t>();
    case 4:
      return fn.template operator()<uint32_t>();
    default:
      return fn.template operator()<uint64_t>();
  }
}

}  // namespace nacre::cpu
