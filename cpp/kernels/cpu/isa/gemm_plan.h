#pragma once

// Every decision about a product, from its shape, strides and the instruction set only.

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa/gemm_tile.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// What one core does, roughly: decides when a second one pays.
inline constexpr double kFlopsPerNanosecond = NACRE_VECTOR_BYTES == 16 ? 25 : 100;
inline constexpr double kBytesPerNanosecond = 16;
inline constexpr double kParallelNanoseconds = 12000;  // less than this stays on the calling thread
inline constexpr double kChunkNanoseconds = 4000;
inline constexpr int64_t kMaxChunks = 64;

// Blocked products: a block of k, and how much of each operand is packed at a time.
inline constexpr int64_t kBlockK = 384;
inline constexpr int64_t kPackedFloats = int64_t{2} << 20;
inline constexpr int64_t kSuperRows = kPackedFloats / kBlockK;
inline constexpr int64_t kChunkTiles = 8;   // row tiles in a chunk of work
inline constexpr int64_t kChunkPanels = 8;  // panels in a chunk of work

// A B larger than this does not stay in a core's own cache. Narrow vectors read B more often for
// the same arithmetic, and are found on machines with smaller caches.
inline constexpr int64_t kNearFloats = int64_t{1} << (NACRE_VECTOR_BYTES == 64 ? 18 : 17);

// Columns up to which a product with a contiguous A is a set of dot products: a register tile would
// leave lanes empty. Folding the sums has a price that a long k pays.
inline constexpr int64_t kFewColumns = kWidth / 4;
inline constexpr int64_t kFewColumnsLongK = kWidth;
inline constexpr int64_t kLongK = 512;
inline constexpr int64_t kFewRows = 4;
inline constexpr int64_t kRowsColumns = 4096;  // columns of a chunk in the Rows kind: C stays in L1

NACRE_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
NACRE_INLINE int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
NACRE_INLINE int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
NACRE_INLINE size_t align64(size_t bytes) { return (bytes + 63) & ~size_t{63}; }

// Dots: floats between the rows of a B copied to be contiguous in k. Never a multiple of a page,
// which would crowd the rows into the same few places of the nearest cache.
NACRE_INLINE int64_t packed_dots_row(int64_t k) {
  return ceil_div(k, kWidth) * kWidth + (k % 512 == 0 ? kWidth : 0);
}

NACRE_INLINE EvenSplit even_split(int64_t count, int64_t parts) {
  return EvenSplit{parts, count / parts, count % parts};
}

// Floats of a packed B: every panel but the last has the tile's width.
NACRE_INLINE int64_t packed_b_floats(int64_t n, int64_t k) {
  return ceil_div(n, kWidth) * kWidth * k;
}

// The cost on one core, by arithmetic and by memory.
NACRE_INLINE double estimate(const GemmProblem& p) {
  const double m = static_cast<double>(p.m), n = static_cast<double>(p.n),
               k = static_cast<double>(p.k);
  // Lanes that a narrow product leaves empty cost as much as the others.
  const double lanes = n >= kWidth || p.m == 1 ? n : static_cast<double>(at_most(p.n * 2, kWidth));
  const double bytes = 4 * (m * k + k * n + m * n);
  return 2 * m * lanes * k / kFlopsPerNanosecond + bytes / kBytesPerNanosecond;
}

// Whether register tiles cannot read B where it lies.
NACRE_INLINE bool needs_packed_b(const GemmProblem& p) {
  return p.b_col != 1 || (!kMaskedLoads && p.n % kWidth != 0);
}

// A block of k of all of A: when it fits a core's own cache, B can be copied panel by panel, each
// copy read at once by all rows and then forgotten.
inline constexpr int64_t kStagedFloats = kNearFloats / 2;
NACRE_INLINE bool can_stage_b(const GemmProblem& p) {
  return p.m * at_most(p.k, kBlockK) <= kStagedFloats;
}

NACRE_INLINE GemmKind choose_kind(const GemmProblem& p) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return GemmKind::Empty;
  if (p.k == 0) return GemmKind::Fill;
  const bool a_along_k = p.a_col == 1;
  const bool b_along_k = p.b_row == 1;
  if (a_along_k && b_along_k && (p.m == 1 || (p.m <= 2 * kFewRows && p.k >= 4 * kWidth))) {
    return GemmKind::Dots;
  }
  if (a_along_k && p.n <= kFewColumns && p.k >= 2 * kWidth) return GemmKind::Dots;
  if (a_along_k && p.n <= kFewColumnsLongK && p.k >= kLongK && p.m >= kLongK) {
    return GemmKind::Dots;
  }
  if (p.b_col == 1 && p.m <= kFewRows && p.n >= 2 * kPanel) return GemmKind::Rows;
  if (p.a_row != 1 && p.a_col != 1) return GemmKind::Blocked;  // packing takes any strides
  // Packed parts are bounded, a B packed whole is not.
  if (needs_packed_b(p) && p.k * p.n > kPackedFloats / 2) {
    return can_stage_b(p) ? GemmKind::Direct : GemmKind::Blocked;
  }
  // Packing pays when B would otherwise be read from afar for every one of many row tiles, and when
  // there are enough columns to use a packed A more than once or twice.
  const bool large = p.m > 4 * kTileRows && p.k >= 64 && p.k * p.n > kNearFloats;
  return large && p.n > 2 * kPanel && !can_stage_b(p) ? GemmKind::Blocked : GemmKind::Direct;
}

// Whether a Direct product copies each panel of B before its tiles read it.
NACRE_INLINE bool choose_stage_b(const GemmPlan& plan) {
  const GemmProblem& p = plan.problem;
  if (plan.kind != GemmKind::Direct || !can_stage_b(p) || plan.k_parts > 1) return false;
  if (needs_packed_b(p)) return p.k * p.n > kPackedFloats / 2;
  return p.m > kTileRows && p.n > 2 * kPanel && p.k * p.n > kNearFloats;
}

// Few results and a long k (the gradient of a small kernel over a large batch): k is cut too. So is
// that of few rows times a B that comes from memory: whole rows of B are read faster than pieces.
NACRE_INLINE int64_t choose_k_parts(const GemmPlan& plan) {
  const GemmProblem& p = plan.problem;
  constexpr int64_t kShortest = 2048, kShortPart = 192, kMostParts = 16, kFewResults = 4096;
  if (plan.kind == GemmKind::Blocked || p.batch > 1) return 1;
  if (plan.nanoseconds < kParallelNanoseconds) return 1;
  if (plan.kind == GemmKind::Rows) {
    const bool from_memory = p.k * p.n > 16 * kNearFloats && p.k >= 32 * kMostParts;
    return from_memory && p.n <= 4 * kRowsColumns ? kMostParts : 1;
  }
  if (plan.kind == GemmKind::Direct && p.k >= 4 * kShortPart && p.m * p.n <= kFewResults) {
    return at_most(kMostParts, p.k / kShortPart) & ~int64_t{1};
  }
  const int64_t tiles = ceil_div(p.m, kTileRows) * ceil_div(p.n, kPanel);
  if (p.k < 2 * kShortest || tiles >= 16) return 1;
  return at_most(kMostParts, p.k / kShortest) & ~int64_t{1};
}

// Direct products run over k in one go unless that would send the tiles of one chunk through more
// memory than the caches hold: a long transposed A is read in strips of a few columns, one page of
// memory after another, and a large B is read anew for every tile.
NACRE_INLINE bool direct_cuts_k(const GemmPlan& plan) {
  const GemmProblem& p = plan.problem;
  if (plan.stage_b) return p.k > kBlockK;  // the copy of a panel holds one block
  if (p.k < 2 * kBlockK || p.m <= kTileRows) return false;
  return p.a_row == 1 || (p.k * p.n > (int64_t{1} << 17) && p.m > 4 * kTileRows);
}
NACRE_INLINE EvenSplit direct_k_blocks(const GemmPlan& plan, int64_t k) {
  return even_split(k, direct_cuts_k(plan) ? ceil_div(k, kBlockK) : 1);
}

// Row tiles and panels into chunks of work.
NACRE_INLINE void cut_chunks(GemmPlan* plan) {
  const GemmProblem& p = plan->problem;
  plan->row_tiles = even_split(p.m, ceil_div(p.m, kTileRows));
  plan->panels = ceil_div(p.n, kPanel);
  int64_t wanted = 1;
  if (plan->nanoseconds >= kParallelNanoseconds && plan->k_parts == 1 && !plan->over_items) {
    const double chunks = plan->nanoseconds / kChunkNanoseconds;
    wanted = chunks > kMaxChunks ? kMaxChunks : static_cast<int64_t>(chunks) & ~int64_t{1};
  }
  int64_t rows = 1, columns = 1;
  if (plan->kind == GemmKind::Rows) {
    columns = at_least(ceil_div(p.n, kRowsColumns), at_most(wanted, ceil_div(p.n, 256)));
  } else if (plan->kind == GemmKind::Dots) {
    // Dots cut rows of whichever operand has more of them.
    rows = p.m >= p.n ? at_most(wanted, ceil_div(p.m, 4)) : 1;
    columns = p.m >= p.n ? 1 : at_most(wanted, ceil_div(p.n, 4));
  } else if (plan->stage_b) {
    columns = at_most(at_least(wanted, 1), plan->panels);
  } else {
    const bool wide_chunks = plan->k_parts == 1 && p.a_row == 1 && direct_cuts_k(*plan);
    rows = at_most(wanted, ceil_div(plan->row_tiles.parts, wide_chunks ? 4 : 1));
    columns = at_most(ceil_div(wanted, rows), plan->panels);
  }
  if (plan->kind == GemmKind::Dots) {
    plan->row_chunks = even_split(ceil_div(p.m, 4), rows);
    plan->col_chunks = even_split(ceil_div(p.n, 4), columns);
  } else {
    plan->row_chunks = even_split(plan->row_tiles.parts, rows);
    plan->col_chunks = even_split(plan->panels, columns);
  }
}

NACRE_INLINE void plan_blocked(GemmPlan* plan) {
  const GemmProblem& p = plan->problem;
  plan->m_super = at_most(p.m, kSuperRows);
  plan->n_super = at_most(p.n, kSuperRows);
  const int64_t larger = at_least(plan->m_super, plan->n_super);
  const int64_t blocks = at_least(1, kPackedFloats / (larger * kBlockK));
  plan->k_super = at_most(p.k, blocks * kBlockK);
  const size_t floats = static_cast<size_t>(plan->m_super * plan->k_super) +
                        static_cast<size_t>(packed_b_floats(plan->n_super, plan->k_super)) + 16;
  plan->workspace = align64(floats * sizeof(float));
}

// The same product with rows and columns exchanged, for a C of one column.
NACRE_INLINE void turn(GemmPlan* plan) {
  const GemmProblem old = plan->problem;
  GemmProblem& p = plan->problem;
  p.m = 1;
  p.n = old.m;
  p.a_row = old.b_col;
  p.a_col = old.b_row;
  p.b_row = old.a_col;
  p.b_col = old.a_row;
  p.c_row = old.m;
  p.a_batch = old.b_batch;
  p.b_batch = old.a_batch;
  p.a_offsets = old.b_offsets;
  p.b_offsets = old.a_offsets;
  plan->turned = true;
}

// Strides along a dimension of one element mean nothing: the handiest values stand in for them.
NACRE_INLINE void normalise_strides(GemmProblem* p) {
  if (p->m == 1) p->a_row = 1;
  if (p->n == 1) p->b_col = 1;
  if (p->k == 1 && p->a_row != 1) p->a_col = 1;
  if (p->k == 1 && p->b_col != 1) p->b_row = 1;
}

static inline GemmPlan make_plan(const GemmProblem& problem) {
  GemmPlan plan = {};
  plan.problem = problem;
  const GemmProblem& p = plan.problem;
  if (p.n == 1 && p.m > 1 && p.c_row == 1) turn(&plan);
  normalise_strides(&plan.problem);
  plan.kind = choose_kind(p);
  plan.nanoseconds = estimate(p);
  if (plan.kind == GemmKind::Empty) return plan;
  if (plan.kind == GemmKind::Blocked) {
    plan_blocked(&plan);
    plan.nanoseconds *= static_cast<double>(p.batch);
    return plan;
  }
  plan.k_parts = choose_k_parts(plan);
  plan.k_split = even_split(p.k, plan.k_parts);
  const double total = plan.nanoseconds * static_cast<double>(p.batch);
  plan.over_items =
      p.batch > 1 && total >= kParallelNanoseconds && plan.nanoseconds < 4 * kParallelNanoseconds;
  plan.stage_b = choose_stage_b(plan);
  cut_chunks(&plan);
  if (plan.kind == GemmKind::Dots) {
    plan.pack_b = p.b_row != 1;
  } else if (plan.kind == GemmKind::Direct) {
    plan.pack_b = needs_packed_b(p) && !plan.stage_b;
  }
  int64_t floats = plan.k_parts > 1 ? plan.k_parts * p.m * p.n + 16 : 0;
  if (plan.pack_b) {
    floats += plan.kind == GemmKind::Dots ? p.n * packed_dots_row(p.k) + 16
                                          : packed_b_floats(p.n, p.k) + 16;
  }
  plan.item_workspace = align64(static_cast<size_t>(floats) * sizeof(float));
  plan.workspace = plan.item_workspace;
  if (plan.over_items) {
    const double chunks = total / kChunkNanoseconds;
    const int64_t wanted = chunks > kMaxChunks ? kMaxChunks : static_cast<int64_t>(chunks);
    plan.item_chunks = even_split(p.batch, at_most(p.batch, at_least(1, wanted)));
    plan.workspace *= static_cast<size_t>(plan.item_chunks.parts);
  }
  plan.nanoseconds = total;
  return plan;
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
