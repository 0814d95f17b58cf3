// Runs elementwise programs. Tiles are whole multiples of 16 elements and read and write memory in
// place; the last few elements go through padded slots, so that nothing behind an operand's end is
// touched and every element sees the same vector arithmetic.

#include <algorithm>
#include <cstring>

#include "kernels/cpu/fused_plan.h"

namespace nacre::cpu {
namespace {

inline void copy_element(void* to, const void* from, int size) {
  switch (size) {
    case 1:
      std::memcpy(to, from, 1);
      return;
    case 2:
      std::memcpy(to, from, 2);
      return;
    case 4:
      std::memcpy(to, from, 4);
      return;
    default:
      std::memcpy(to, from, 8);
  }
}

template <class T>
void fill_elements(void* to, const void* value, int64_t n) {
  T v;
  std::memcpy(&v, value, sizeof v);
  T* out = static_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i) out[i] = v;
}

void fill(void* to, const void* value, int size, int64_t n) {
  switch (size) {
    case 1:
      return fill_elements<uint8_t>(to, value, n);
    case 2:
      return fill_elements<uint16_t>(to, value, n);
    case 4:
      return fill_elements<uint32_t>(to, value, n);
    default:
      return fill_elements<uint64_t>(to, value, n);
  }
}

template <class T>
void copy_strided(void* to, const void* from, int64_t stride, int64_t n) {
  T* out = static_cast<T*>(to);
  const T* in = static_cast<const T*>(from);
  for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride];
}

void copy_run(char* to, const char* from, int size, int64_t stride, int64_t n) {
  if (stride == 1) {
    std::memcpy(to, from, static_cast<size_t>(n * size));
  } else if (stride == 0) {
    fill(to, from, size, n);
  } else if (size == 1) {
    copy_strided<uint8_t>(to, from, stride, n);
  } else if (size == 2) {
    copy_strided<uint16_t>(to, from, stride, n);
  } else if (size == 4) {
    copy_strided<uint32_t>(to, from, stride, n);
  } else {
    copy_strided<uint64_t>(to, from, stride, n);
  }
}

// Elements [start, start + n) of a broadcast input: in place when they are one contiguous run of
// whole vectors, otherwise copied to `buffer`.
const char* gather(const PlanInput& input, const char* base, int64_t start, int64_t n,
                   char* buffer) {
  const int rank = static_cast<int>(input.dims.size());
  int64_t index[kMaxRank];
  int64_t element = 0;
  for (int i = rank; i-- > 0;) {
    index[i] = start % input.dims[i];
    start /= input.dims[i];
    element += index[i] * input.strides[i];
  }
  const int inner = rank - 1, size = input.size;
  const int64_t stride = input.strides[inner];
  if (stride == 1 && input.dims[inner] - index[inner] >= n && n % kTilePad == 0) {
    return base + element * size;
  }
  for (int64_t done = 0; done < n;) {
    const int64_t run = std::min(n - done, input.dims[inner] - index[inner]);
    copy_run(buffer + done * size, base + element * size, size, stride, run);
    done += run;
    element += run * stride;
    index[inner] += run;
    for (int i = inner; i > 0 && index[i] == input.dims[i]; --i) {  // carry
      element += input.strides[i - 1] - input.dims[i] * input.strides[i];
      index[i] = 0;
      ++index[i - 1];
    }
  }
  return buffer;
}

bool has_zero(const void* values, int size, int64_t n) {
  const char* bytes = static_cast<const char*>(values);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t v = 0;
    copy_element(&v, bytes + i * size, size);
    if (v == 0) return true;
  }
  return false;
}

inline void execute(const std::vector<PlanStep>& steps, char* const* reg, int64_t n,
                    const KernelContext& context) {
  for (const PlanStep& step : steps) {
    const int16_t* in = step.in;
    if (step.pattern) {
      const void* operands[kMaxOperands];
      for (int i = 0; i < kMaxOperands; ++i) operands[i] = reg[in[i]];
      void* results[kMaxResults] = {reg[step.dst]};
      for (int i = 1; i < kMaxResults && step.more[i - 1] >= 0; ++i) {
        results[i] = reg[step.more[i - 1]];
      }
      step.pattern(results, operands, n);
      continue;
    }
    if (step.divisor_size && has_zero(reg[in[1]], step.divisor_size, n)) {
      set_status(context, kStatusBadArgument);
    }
    step.fn(reg[step.dst], reg[in[0]], reg[in[1]], reg[in[2]], n);
  }
}

// One chunk being run: where every register stands at the moment.
struct Run {
  const FusedPlan& plan;
  const void* const* inputs;
  void* const* outputs;
  const KernelContext& context;
  // Not initialised: most of it is never touched.
  char* reg[kMaxRegisters];
  alignas(64) char slots[kMaxRegisters * kSlotBytes];
  alignas(64) char scratch[kScratchBytes];

  Run(const FusedPlan& plan, const void* const* inputs, void* const* outputs,
      const KernelContext& context)
      : plan(plan), inputs(inputs), outputs(outputs), context(context) {}

  char* slot(int r) { return slots + r * kSlotBytes; }

  void compute_uniform() {
    for (const PlanInput& input : plan.inputs) {
      if (input.access != Access::Uniform) continue;
      reg[input.reg] = slot(input.reg);
      copy_element(reg[input.reg], inputs[input.reg], input.size);
    }
    for (const PlanStep& step : plan.uniform_steps) reg[step.dst] = slot(step.dst);
    execute(plan.uniform_steps, reg, 1, context);
  }

  void prepare(int64_t n) {
    const int64_t spread = std::min(plan.tile, (n + kTilePad - 1) / kTilePad * kTilePad);
    for (const Spread& s : plan.spreads) {
      fill(scratch + s.buffer, reg[s.reg], s.size, spread);
      reg[s.reg] = scratch + s.buffer;
    }
    for (const auto& [r, buffer] : plan.buffers) reg[r] = scratch + buffer;
    for (const PlanInput& input : plan.inputs) {
      if (input.access != Access::Periodic) continue;
      const char* block = static_cast<const char*>(inputs[input.reg]);
      const int64_t length = (spread + input.period) * input.size;
      const int64_t bytes = input.period * input.size;
      char* to = scratch + input.buffer;
      std::memcpy(to, block, static_cast<size_t>(std::min(bytes, length)));
      for (int64_t done = bytes; done < length; done *= 2) {  // doubles what is there
        std::memcpy(to + done, to, static_cast<size_t>(std::min(done, length - done)));
      }
    }
  }

  // Whether the output may be written before the tile's last step: its memory is no input's that a
  // later step reads.
  bool direct(const PlanOutput& output, int index) const {
    if (output.copy) return false;
    for (const int16_t input : output.hazards) {
      if (inputs[input] == outputs[index]) return false;
    }
    return true;
  }

  void tile(int64_t start, int64_t n) {
    const bool whole = n % kTilePad == 0;
    for (const PlanInput& input : plan.inputs) {
      const char* base = static_cast<const char*>(inputs[input.reg]);
      switch (input.access) {
        case Access::Uniform:
          break;
        case Access::Contiguous:
          base += start * input.size;
          reg[input.reg] = const_cast<char*>(base);
          if (!whole) {
            reg[input.reg] = slot(input.reg);
            std::memcpy(reg[input.reg], base, static_cast<size_t>(n * input.size));
          }
          break;
        case Access::Periodic:
          reg[input.reg] = scratch + input.buffer + start % input.period * input.size;
          break;
        case Access::Gathered:
          reg[input.reg] = const_cast<char*>(gather(input, base, start, n, scratch + input.buffer));
          break;
      }
    }
    const int count = static_cast<int>(plan.outputs.size());
    uint64_t late = 0;  // outputs that stand in a buffer until the tile ends
    for (int i = 0; i < count; ++i) {
      const PlanOutput& output = plan.outputs[i];
      if (output.copy) continue;
      if (whole && direct(output, i)) {
        reg[output.reg] = static_cast<char*>(outputs[i]) + start * output.size;
      } else {
        late |= uint64_t{1} << i;
        if (!whole) reg[output.reg] = slot(output.reg);
      }
    }
    execute(plan.steps, reg, n, context);
    // First those that only repeat a value, as the others may overwrite the value.
    for (int pass = 0; pass < 2; ++pass) {
      for (int i = 0; i < count; ++i) {
        const PlanOutput& output = plan.outputs[i];
        if (pass == 0 ? !output.copy : !(late >> i & 1)) continue;
        std::memcpy(static_cast<char*>(outputs[i]) + start * output.size, reg[output.reg],
                    static_cast<size_t>(n * output.size));
      }
    }
  }
};

}  // namespace

void FusedPlan::run_scalar(const void* const* in, void* const* out,
                           const KernelContext& context) const {
  alignas(64) char slots[kMaxRegisters * kSlotBytes];
  char* reg[kMaxRegisters];
  for (int r = 0; r < registers; ++r) reg[r] = slots + r * kSlotBytes;
  for (const PlanInput& input : inputs) copy_element(reg[input.reg], in[input.reg], input.size);
  execute(uniform_steps, reg, 1, context);
  for (size_t i = 0; i < outputs.size(); ++i) {
    copy_element(out[i], reg[outputs[i].reg], outputs[i].size);
  }
}

void FusedPlan::run(const void* const* in, void* const* out, const KernelContext& context,
                    int64_t begin, int64_t end) const {
  Run run(*this, in, out, context);
  run.compute_uniform();
  run.prepare(end - begin);
  int64_t start = begin;
  for (; start + tile <= end; start += tile) run.tile(start, tile);
  const int64_t whole = (end - start) / kTilePad * kTilePad;
  if (whole > 0) run.tile(start, whole);
  if (start + whole < end) run.tile(start + whole, end - start - whole);
}

}  // namespace nacre::cpu
