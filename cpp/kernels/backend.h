#pragma once

// The seam between the core and a backend: for each op, does the backend support this case, how
// much workspace does it need, and a function that runs it. One versioned table per backend.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/attrs.h"
#include "core/dtype.h"
#include "core/kernel_context.h"

namespace nacre {

// A tensor of known size. Memory is always dense and row-major.
struct TensorSpec {
  DType dtype;
  std::vector<int64_t> shape;
  int64_t count() const { return element_count(shape); }
  size_t bytes() const { return static_cast<size_t>(count()) * dtype_size(dtype); }
};

// One op with everything bound. Shape attributes have become integer lists.
struct OpCase {
  std::string_view op;
  const Attrs& attrs;
  std::span<const TensorSpec> inputs;
  std::span<const TensorSpec> outputs;
};

// A prepared call. `fn` gets operand pointers in order. Operands may be read past their end up to
// the next multiple of 64 bytes only if they are not inputs of the program; a kernel that cannot
// know must not. Outputs never alias inputs, but for what OpEntry::in_place allows.
struct Kernel {
  using Fn = void (*)(const void* params, const void* const* inputs, void* const* outputs,
                      const KernelContext& context);
  Fn fn = nullptr;
  std::shared_ptr<const void> params;  // immutable, shared by concurrent runs
  size_t workspace = 0;                // bytes, 64-byte aligned
  double cost = 0;                     // rough nanoseconds on one core: decides signal polling
};

struct OpEntry {
  const char* op;
  // Why this case cannot run here; an empty string when it can.
  std::string (*refuse)(const OpCase&);
  Kernel (*prepare)(const OpCase&);
  // The operand whose memory the first result may be, if it is as large; -1 for none.
  int in_place = -1;
};

class Graph;  // a backend's own rewrite works on graphs; kernels do not

struct BackendTable {
  static constexpr uint32_t kVersion = 1;
  uint32_t version;
  const char* name;
  std::span<const OpEntry> (*entries)();
  // Fuses and chooses layouts; may be null. Runs after autodiff, on a private copy of the graph.
  void (*rewrite)(Graph& graph);
  // One kernel for several elementwise cases that do not depend on each other (an optimizer's step
  // over all its variables): inputs concatenated, then outputs concatenated. May be null.
  Kernel (*join)(std::span<const OpCase> cases);
  // Memory only this backend touches. `host` says the host may read and write it directly.
  bool host;
  void* (*allocate)(size_t bytes);
  void (*release)(void* memory, size_t bytes);
  void (*copy_in)(void* device, const void* host_memory, size_t bytes);
  void (*copy_out)(void* host_memory, const void* device, size_t bytes);
  void (*copy)(void* to, const void* from, size_t bytes);
};

// nullptr when the backend has no entry for the op.
const OpEntry* find_entry(const BackendTable& backend, std::string_view op);
// Throws ValueError naming the known backends.
const BackendTable& find_backend(std::string_view name);
void register_backend(const BackendTable& backend);

}  // namespace nacre
