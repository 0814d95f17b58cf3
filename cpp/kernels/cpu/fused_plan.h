#pragma once

// An elementwise program made ready to run: operands' addresses reduced to a few cases, registers
// assigned to tile buffers by lifetime.

#include <cstdint>
#include <vector>

#include "kernels/cpu/elementwise.h"

namespace nacre::cpu {

inline constexpr int kMaxRegisters = 192;
inline constexpr size_t kMaxRank = 32;
inline constexpr int64_t kScratchBytes = 48
                                         << 10;  // tile buffers of one running chunk, on its stack
inline constexpr int64_t kTilePad = 16;          // elements; whole vectors may be touched
inline constexpr int64_t kChunkElements = 4096;
inline constexpr int64_t kSlotBytes = kTilePad * 8;

enum class Access : uint8_t {
  Contiguous,  // used in place
  Uniform,     // one element for all: computed once, then spread over a tile
  Periodic,    // a short contiguous block repeated: spread once, read at an offset
  Gathered,    // anything else: copied into the tile, or read in place where a run is long enough
};

struct PlanInput {
  Access access;
  uint8_t size;  // bytes of an element
  int16_t reg;
  int32_t buffer = 0;  // offset of its tile buffer in the scratch memory
  int64_t period = 0;
  // Gathered: dimensions, innermost last, and strides in elements (0 where broadcast).
  std::vector<int64_t> dims, strides;
};

struct PlanStep {
  MicroFn fn;
  PatternFn pattern = nullptr;  // instead of fn
  int16_t dst;
  int16_t more[kMaxResults - 1] = {-1, -1};  // further results of a pattern
  int16_t in[kMaxOperands];                  // those not needed repeat the first
  MicroOp op;
  uint8_t divisor_size = 0;  // integer division: bytes of the divisor, looked at for zeros
};

struct PlanOutput {
  int16_t reg;
  uint8_t size;
  bool copy;  // also stands elsewhere (an input, a uniform value, another output)
  std::vector<int16_t> hazards;  // inputs read after this output is written, by input number
};

struct Spread {  // a uniform register that tiles need
  int16_t reg;
  uint8_t size;
  int32_t buffer;
};

struct FusedPlan {
  int64_t count = 0;
  int64_t tile = 0;
  int registers = 0;
  std::vector<PlanInput> inputs;
  std::vector<PlanStep> uniform_steps;  // once per chunk, on single values
  std::vector<PlanStep> steps;          // per tile
  std::vector<PlanOutput> outputs;
  std::vector<Spread> spreads;
  // Tile buffers of registers, as (register, offset).
  std::vector<std::pair<int16_t, int32_t>> buffers;
  bool scalar = false;  // one element in all: only uniform_steps
  double cost = 0;      // nanoseconds on one core

  // Elements [begin, end); begin is a multiple of kTilePad.
  void run(const void* const* inputs, void* const* outputs, const KernelContext& context,
           int64_t begin, int64_t end) const;
  void run_scalar(const void* const* inputs, void* const* outputs,
                  const KernelContext& context) const;
};

FusedPlan make_plan(const FusedProgram& program);

// Replaces runs of float32 steps by patterns. Registers in `kept` are read after the last step;
// `narrow` says which registers are float32.
void match_patterns(const ElementwiseTable& table, const std::vector<bool>& narrow,
                    const std::vector<int>& kept, std::vector<PlanStep>* steps);

}  // namespace nacre::cpu
