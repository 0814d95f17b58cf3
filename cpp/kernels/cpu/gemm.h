#pragma once

// The float32 matrix product, C = activation(A B + bias), compiled once per instruction set. Plain
// C types only.
//
// How a product is run follows from its shape, its strides and the instruction set, never from the
// number of threads or from caches found at run time, so the result has the same bits for any
// number of threads. Each element of C is a chain of multiply-adds in the order of k, cut into
// blocks of k at fixed places.

#include <cstddef>
#include <cstdint>

#include "core/kernel_context.h"

namespace nacre::cpu {

enum class Activation : uint8_t { None, Relu, Sigmoid, Tanh };

// A is (m, k) and B is (k, n) with any strides, C is (m, n) with contiguous rows; strides count
// elements. C shares no memory with the operands. `batch` products of this shape are made; item i
// uses A at a_offsets[i] (or i * a_batch without a table), and so on.
struct GemmProblem {
  int64_t m = 0, n = 0, k = 0;
  int64_t a_row = 0, a_col = 1;
  int64_t b_row = 0, b_col = 1;
  int64_t c_row = 0;
  int64_t batch = 1;
  int64_t a_batch = 0, b_batch = 0, c_batch = 0;
  const int64_t* a_offsets = nullptr;  // not owned
  const int64_t* b_offsets = nullptr;
  bool has_bias = false;  // n values, added to each row
  Activation activation = Activation::None;
};

enum class GemmKind : uint8_t {
  Empty,    // C has no elements
  Fill,     // k is zero: C is activation(bias)
  Direct,   // register tiles over A and B where they lie (B packed when its layout demands it)
  Dots,     // both operands contiguous in k, few rows or few columns: dot products
  Rows,     // few rows and B too large for the caches: B is read once, row after row
  Blocked,  // packed blocks of A and B
};

// Cuts `count` things into `parts` runs whose lengths differ by at most one.
struct EvenSplit {
  int64_t parts = 1, base = 0, extra = 0;
  // Inlined always: a weak copy from one instruction set must not serve another.
  __attribute__((always_inline)) int64_t start(int64_t part) const {
    return part * base + (part < extra ? part : extra);
  }
  __attribute__((always_inline)) int64_t size(int64_t part) const {
    return base + (part < extra ? 1 : 0);
  }
};

// A problem with every decision made.
struct GemmPlan {
  GemmProblem problem;
  GemmKind kind = GemmKind::Empty;
  bool turned = false;   // A and B change places: C is one column, computed as one row
  bool pack_b = false;   // Direct and Dots: copy B to the workspace first
  bool stage_b = false;  // Direct: copy one panel of B at a time, beside the tiles that read it
  int64_t k_parts = 1;   // sums over parts of k, added in order
  EvenSplit k_split;
  EvenSplit row_tiles;        // m cut into tiles
  int64_t panels = 0;         // n cut into panels of the tile's columns
  EvenSplit row_chunks;       // row tiles cut into chunks of work
  EvenSplit col_chunks;       // panels cut into chunks of work
  EvenSplit item_chunks;      // batch items cut into chunks of work, when they are small
  bool over_items = false;    // chunks of work are groups of batch items
  size_t item_workspace = 0;  // what one item uses at a time
  int64_t m_super = 0, n_super = 0, k_super = 0;  // Blocked: what is packed at a time
  size_t workspace = 0;
  double nanoseconds = 0;  // rough cost on one core
};

struct GemmTable {
  int tile_rows;
  int tile_columns;
  GemmPlan (*plan)(const GemmProblem& problem);
  // `bias` may be null when the problem has none.
  void (*run)(const GemmPlan& plan, const float* a, const float* b, const float* bias, float* c,
              const KernelContext& context);
};

}  // namespace nacre::cpu
