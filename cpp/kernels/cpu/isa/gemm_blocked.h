#pragma once

// Large products: five loops around the register tile. A part of A and of B is packed for all
// threads in one go, then every chunk of C runs over the blocks of k with it.

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/isa/gemm_pack.h"
#include "kernels/cpu/isa/gemm_plan.h"
#include "kernels/cpu/isa/gemm_thin.h"

namespace nacre::cpu::NACRE_ISA_NAME {

// What is packed at one time: rows [m0, m0 + m), columns [n0, n0 + n), k in [k0, k0 + k).
struct Super {
  int64_t m0, m, n0, n, k0, k;
  EvenSplit k_blocks;
  EvenSplit tiles;    // m rows
  int64_t panels;     // n columns
  float* packed_a;    // block of k, then tile, then k, then row
  float* packed_b;    // block of k, then panel, then k, then column
  int64_t b_columns;  // n rounded up to vectors
};

NACRE_INLINE Super make_super(const GemmPlan& plan, char* workspace) {
  Super s = {};
  s.packed_a = reinterpret_cast<float*>(workspace);
  const int64_t a_floats = (plan.m_super * plan.k_super + 15) & ~int64_t{15};
  s.packed_b = s.packed_a + a_floats;
  return s;
}

static void pack_a(const GemmPlan& plan, const float* a, const Super& s,
                   const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  const EvenSplit groups = even_split(s.tiles.parts, ceil_div(s.tiles.parts, kChunkTiles));
  parallel_for(context, s.k_blocks.parts * groups.parts, [&](int64_t chunk) {
    const int64_t block = chunk / groups.parts;
    const int64_t group = chunk % groups.parts;
    const int64_t k0 = s.k_blocks.start(block), k = s.k_blocks.size(block);
    const int64_t end = groups.start(group) + groups.size(group);
    for (int64_t tile = groups.start(group); tile < end; ++tile) {
      const int64_t row = s.tiles.start(tile), rows = s.tiles.size(tile);
      pack_panel(a + (s.m0 + row) * p.a_row + (s.k0 + k0) * p.a_col, p.a_row, p.a_col, rows, rows,
                 k, s.packed_a + k0 * s.m + row * k);
    }
  });
}

// A panel of B, columns padded to whole vectors.
NACRE_INLINE void pack_b_panel(const GemmProblem& p, const float* b, int64_t n_left, int64_t k,
                               float* to) {
  const int64_t columns = at_most(kPanel, n_left);
  pack_panel(b, p.b_col, p.b_row, columns, ceil_div(columns, kWidth) * kWidth, k, to);
}

static void pack_b(const GemmPlan& plan, const float* b, const Super& s,
                   const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  const EvenSplit groups = even_split(s.panels, ceil_div(s.panels, kChunkPanels));
  parallel_for(context, s.k_blocks.parts * groups.parts, [&](int64_t chunk) {
    const int64_t block = chunk / groups.parts;
    const int64_t group = chunk % groups.parts;
    const int64_t k0 = s.k_blocks.start(block), k = s.k_blocks.size(block);
    const int64_t end = groups.start(group) + groups.size(group);
    for (int64_t panel = groups.start(group); panel < end; ++panel) {
      const int64_t column = panel * kPanel;
      pack_b_panel(p, b + (s.k0 + k0) * p.b_row + (s.n0 + column) * p.b_col, s.n - column, k,
                   s.packed_b + k0 * s.b_columns + column * k);
    }
  });
}

static void multiply(const GemmPlan& plan, const float* bias, float* c, const Super& s,
                     const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  const int64_t col_parts = ceil_div(s.panels, kChunkPanels);
  // Enough chunks that the last ones to finish are a small part of the whole.
  const int64_t row_parts = at_least(ceil_div(s.tiles.parts, kChunkTiles),
                                     at_most(ceil_div(s.tiles.parts, 2), ceil_div(16, col_parts)));
  const EvenSplit row_chunks = even_split(s.tiles.parts, row_parts);
  const EvenSplit col_chunks = even_split(s.panels, col_parts);
  const bool curved = p.activation == Activation::Sigmoid || p.activation == Activation::Tanh;
  parallel_for(context, row_parts * col_parts, [&](int64_t chunk) {
    const int64_t tile0 = row_chunks.start(chunk % row_parts);
    const int64_t tile1 = tile0 + row_chunks.size(chunk % row_parts);
    const int64_t panel0 = col_chunks.start(chunk / row_parts);
    const int64_t panel1 = panel0 + col_chunks.size(chunk / row_parts);
    for (int64_t block = 0; block < s.k_blocks.parts; ++block) {
      const int64_t k0 = s.k_blocks.start(block), k = s.k_blocks.size(block);
      const bool last = s.k0 + k0 + k == p.k;
      TileArgs args = {};
      args.k = k;
      args.a_row = 1;
      args.c_row = p.c_row;
      args.accumulate = s.k0 + k0 > 0;
      args.relu = last && p.activation == Activation::Relu;
      // A tile's A stays in the nearest cache while the chunk's panels of B pass from the next one.
      for (int64_t tile = tile0; tile < tile1; ++tile) {
        const int64_t row = s.tiles.start(tile), rows = s.tiles.size(tile);
        args.a = s.packed_a + k0 * s.m + row * k;
        args.a_k = rows;
        for (int64_t panel = panel0; panel < panel1; ++panel) {
          const int64_t column = panel * kPanel;
          const int64_t columns = at_most(kPanel, s.n - column);
          args.b = s.packed_b + k0 * s.b_columns + column * k;
          args.b_k = ceil_div(columns, kWidth) * kWidth;
          args.tail = tail_of(columns);
          args.bias = last && bias != nullptr ? bias + s.n0 + column : nullptr;
          args.c = c + (s.m0 + row) * p.c_row + s.n0 + column;
          run_tile(args, rows, columns, true);
          if (last && curved) {
            for (int64_t r = 0; r < rows; ++r) {
              finish_row(args.c + r * p.c_row, columns, nullptr, false, p.activation);
            }
          }
        }
      }
    }
  });
}

static void run_blocked(const GemmPlan& plan, const float* a, const float* b, const float* bias,
                        float* c, const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  Super s = make_super(plan, context.workspace);
  for (s.k0 = 0; s.k0 < p.k; s.k0 += s.k) {
    s.k = at_most(plan.k_super, p.k - s.k0);
    s.k_blocks = even_split(s.k, ceil_div(s.k, kBlockK));
    for (s.n0 = 0; s.n0 < p.n; s.n0 += s.n) {
      s.n = at_most(plan.n_super, p.n - s.n0);
      s.panels = ceil_div(s.n, kPanel);
      s.b_columns = ceil_div(s.n, kWidth) * kWidth;
      pack_b(plan, b, s, context);
      for (s.m0 = 0; s.m0 < p.m; s.m0 += s.m) {
        s.m = at_most(plan.m_super, p.m - s.m0);
        s.tiles = even_split(s.m, ceil_div(s.m, kTileRows));
        // With one super row, A stays packed for every column.
        if (s.n0 == 0 || plan.m_super < p.m) pack_a(plan, a, s, context);
        multiply(plan, bias, c, s, context);
      }
    }
  }
}

}  // namespace nacre::cpu::NACRE_ISA_NAME
