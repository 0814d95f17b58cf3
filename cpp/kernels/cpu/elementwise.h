#pragma once

// Elementwise programs: a list of micro-ops over registers, run tile by tile in L1 with one pass
// over memory. A single op is a program of one instruction. Several programs joined run as one
// call (an optimizer's step over all its variables).
//
// Operands are dense and row-major; inputs broadcast to the program's shape as in NumPy. An output
// may be the same memory as an input of the same shape and element size (updates in place). Nothing
// is accumulated, and no element's bits depend on its place, the tile or the number of threads.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel_context.h"
#include "kernels/backend.h"
#include "kernels/cpu/elementwise_ops.h"

namespace nacre::cpu {

struct Instruction {
  MicroOp op;
  DType dtype;  // of the result
  int dst;
  int a, b = -1, c = -1;  // -1: not used
};

// Registers 0 .. inputs-1 are the inputs; every instruction defines one register, once.
struct FusedProgram {
  std::vector<TensorSpec> inputs;
  std::vector<Instruction> code;
  std::vector<int> outputs;  // registers; each output has the program's shape
  std::vector<int64_t> shape;
};

// The program of an elementwise op, of "cast", or of "cpu.fused", which has the attributes
//   code: text, "mul:0,1;add:2,3": one instruction each, defining registers from inputs on
//   outs: ints, the register of each output
//   dtypes: text, the comma-separated dtype of every register, inputs included.
FusedProgram program_of(const OpCase& op_case);

// Why the program cannot run here; empty when it can.
std::string refuse_fused(const FusedProgram& program);

Kernel make_fused(const FusedProgram& program);
// One kernel for several programs: their inputs concatenated, their outputs concatenated. No
// output may be memory that another of the programs reads or writes.
Kernel join_fused(std::span<const FusedProgram> programs);

// The micro-op of that name; false when there is none.
bool find_micro_op_name(std::string_view name, MicroOp* op);

std::span<const OpEntry> elementwise_entries();

}  // namespace nacre::cpu
