// The matrix product of this instruction set: runs what gemm_plan.h decided.

#include "kernels/cpu/gemm.h"

#include "kernels/cpu/isa/gemm_blocked.h"
#include "kernels/cpu/isa/gemm_pack.h"
#include "kernels/cpu/isa/gemm_plan.h"
#include "kernels/cpu/isa/gemm_thin.h"
#include "kernels/cpu/isa/gemm_tile.h"
#include "kernels/cpu/isa_tables.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

// One product of a batch.
struct Item {
  const float* a;
  const float* b;
  const float* bias;
  float* c;
  char* workspace;
};

// Part of a product: rows, columns and k, and where its result goes.
struct Part {
  int64_t row_begin, row_end;  // in tiles (Direct) or groups of four rows (Dots)
  int64_t col_begin, col_end;  // in panels (Direct, Rows) or groups of four columns (Dots)
  int64_t k_begin, k_end;
  float* c;
  int64_t c_row;
  bool finish;  // bias and activation belong to this part
};

float* packed_b_of(const GemmPlan& plan, char* workspace) {
  const int64_t partial = plan.k_parts > 1 ? plan.k_parts * plan.problem.m * plan.problem.n : 0;
  return reinterpret_cast<float*>(workspace) + ((partial + 15) & ~int64_t{15});
}

// Dots: columns become rows contiguous in k.
void pack_b_rows(const GemmProblem& p, const float* b, float* packed,
                 const KernelContext& context) {
  constexpr int64_t kStep = 1024;
  const int64_t row = packed_dots_row(p.k);
  const auto pack = [&](int64_t chunk) {
    const int64_t begin = chunk * kStep, count = at_most(kStep, p.k - begin);
    const float* from = b + begin * p.b_row;
    float* to = packed + begin;
    if (p.b_col == 1) return pack_transposed(from, p.b_row, count, row, p.n, to);
    for (int64_t j = 0; j < p.n; ++j) {
      for (int64_t k = 0; k < count; ++k) to[j * row + k] = from[j * p.b_col + k * p.b_row];
    }
  };
  const int64_t chunks = ceil_div(p.k, kStep);
  if (p.k * p.n >= 16 * kStep) {
    parallel_for(context, chunks, pack);
  } else {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) pack(chunk);
  }
}

void pack_b_whole(const GemmPlan& plan, const Item& item, const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  float* packed = packed_b_of(plan, item.workspace);
  if (plan.kind == GemmKind::Dots) return pack_b_rows(p, item.b, packed, context);
  const auto pack = [&](int64_t panel) {
    const int64_t column = panel * kPanel;
    pack_b_panel(p, item.b + column * p.b_col, p.n - column, p.k, packed + column * p.k);
  };
  const int64_t chunks = plan.row_chunks.parts * plan.col_chunks.parts * plan.k_parts;
  if (chunks > 1) {
    parallel_for(context, plan.panels, pack);
  } else {
    for (int64_t panel = 0; panel < plan.panels; ++panel) pack(panel);
  }
}

// Where one block of k of a part stands in the sum.
struct Block {
  int64_t k_begin, k_end;
  bool first, last;
};

TileArgs tile_args(const GemmPlan& plan, const Part& part, const Block& block) {
  const GemmProblem& p = plan.problem;
  TileArgs args = {};
  args.a_row = p.a_row;
  args.a_k = p.a_col;
  args.k = block.k_end - block.k_begin;
  args.c_row = part.c_row;
  args.scalar_bias = plan.turned;
  args.accumulate = !block.first;
  args.relu = block.last && p.activation == Activation::Relu;
  return args;
}

// One tile of C; B has been set.
void direct_tile(const GemmPlan& plan, const Item& item, const Part& part, const Block& block,
                 int64_t tile, int64_t panel, TileArgs* args) {
  const GemmProblem& p = plan.problem;
  const int64_t row = plan.row_tiles.start(tile), rows = plan.row_tiles.size(tile);
  const int64_t column = panel * kPanel, columns = at_most(kPanel, p.n - column);
  const float* bias = block.last ? item.bias : nullptr;
  args->a = item.a + row * p.a_row + block.k_begin * p.a_col;
  args->tail = tail_of(columns);
  args->bias = bias == nullptr ? nullptr : plan.turned ? bias : bias + column;
  args->c = part.c + row * part.c_row + column;
  run_tile(*args, rows, columns, p.a_row == 1);
  if (!block.last || (p.activation != Activation::Sigmoid && p.activation != Activation::Tanh)) {
    return;
  }
  for (int64_t r = 0; r < rows; ++r) {
    finish_row(args->c + r * part.c_row, columns, nullptr, false, p.activation);
  }
}

// One block of k of a part: tiles of C in rows, then panels, over B where it lies or packed whole.
void direct_block(const GemmPlan& plan, const Item& item, const Part& part, const Block& block) {
  const GemmProblem& p = plan.problem;
  const float* packed = plan.pack_b ? packed_b_of(plan, item.workspace) : nullptr;
  TileArgs args = tile_args(plan, part, block);
  for (int64_t tile = part.row_begin; tile < part.row_end; ++tile) {
    for (int64_t panel = part.col_begin; panel < part.col_end; ++panel) {
      const int64_t column = panel * kPanel;
      if (packed != nullptr) {
        args.b_k = ceil_div(at_most(kPanel, p.n - column), kWidth) * kWidth;
        args.b = packed + column * p.k + block.k_begin * args.b_k;
      } else {
        args.b_k = p.b_row;
        args.b = item.b + column + block.k_begin * p.b_row;
      }
      direct_tile(plan, item, part, block, tile, panel, &args);
    }
  }
}

// The same with each panel of B copied to the nearest cache first: panels, then tiles.
void staged_block(const GemmPlan& plan, const Item& item, const Part& part, const Block& block) {
  const GemmProblem& p = plan.problem;
  alignas(64) float staged[kBlockK * kPanel];
  TileArgs args = tile_args(plan, part, block);
  args.b = staged;
  for (int64_t panel = part.col_begin; panel < part.col_end; ++panel) {
    const int64_t column = panel * kPanel;
    args.b_k = ceil_div(at_most(kPanel, p.n - column), kWidth) * kWidth;
    pack_b_panel(p, item.b + column * p.b_col + block.k_begin * p.b_row, p.n - column, args.k,
                 staged);
    for (int64_t tile = part.row_begin; tile < part.row_end; ++tile) {
      direct_tile(plan, item, part, block, tile, panel, &args);
    }
  }
}

void run_direct(const GemmPlan& plan, const Item& item, const Part& part) {
  const EvenSplit blocks = direct_k_blocks(plan, part.k_end - part.k_begin);
  for (int64_t i = 0; i < blocks.parts; ++i) {
    const bool last = i == blocks.parts - 1;
    const Block block = {part.k_begin + blocks.start(i), part.k_begin + blocks.start(i + 1), i == 0,
                         last && part.finish};
    if (plan.stage_b) {
      staged_block(plan, item, part, block);
    } else {
      direct_block(plan, item, part, block);
    }
  }
}

// Bias and activation over a block of C that holds bare products.
void finish_block(const GemmPlan& plan, const Item& item, float* c, int64_t c_row, int64_t rows,
                  int64_t column, int64_t columns) {
  const GemmProblem& p = plan.problem;
  if (item.bias == nullptr && p.activation == Activation::None) return;
  const float* bias = item.bias == nullptr || plan.turned ? item.bias : item.bias + column;
  for (int64_t r = 0; r < rows; ++r) {
    finish_row(c + r * c_row, columns, bias, plan.turned, p.activation);
  }
}

void run_dots(const GemmPlan& plan, const Item& item, const Part& part) {
  const GemmProblem& p = plan.problem;
  const int64_t row = part.row_begin * 4, rows = at_most(p.m, part.row_end * 4) - row;
  const int64_t column = part.col_begin * 4, columns = at_most(p.n, part.col_end * 4) - column;
  DotArgs args = {};
  args.x = item.a + row * p.a_row + part.k_begin;
  args.x_row = p.a_row;
  args.y_row = plan.pack_b ? packed_dots_row(p.k) : p.b_col;
  args.y = plan.pack_b ? packed_b_of(plan, item.workspace) : item.b;
  args.y += column * args.y_row + part.k_begin;
  args.k = part.k_end - part.k_begin;
  args.c = part.c + row * part.c_row + column;
  args.c_row = part.c_row;
  dots(args, rows, columns);
  if (part.finish) finish_block(plan, item, args.c, args.c_row, rows, column, columns);
}

void run_rows(const GemmPlan& plan, const Item& item, const Part& part) {
  const GemmProblem& p = plan.problem;
  const int64_t part_end = at_most(p.n, part.col_end * kPanel);
  RowsArgs args = {};
  args.a = item.a + part.k_begin * p.a_col;
  args.a_row = p.a_row;
  args.a_col = p.a_col;
  args.b_row = p.b_row;
  args.k = part.k_end - part.k_begin;
  args.c_row = part.c_row;
  // One row uses each element once and is as fast from the shared cache without help.
  args.far = p.k * p.n > (p.m == 1 ? 16 : 1) * kNearFloats;
  for (int64_t begin = part.col_begin * kPanel; begin < part_end; begin += kRowsColumns) {
    args.b = item.b + begin + part.k_begin * p.b_row;
    args.c = part.c + begin;
    args.n = at_most(kRowsColumns, part_end - begin);
    few_rows(args, p.m);
    if (part.finish) finish_block(plan, item, args.c, args.c_row, p.m, begin, args.n);
  }
}

void run_part(const GemmPlan& plan, const Item& item, const Part& part) {
  switch (plan.kind) {
    case GemmKind::Dots:
      return run_dots(plan, item, part);
    case GemmKind::Rows:
      return run_rows(plan, item, part);
    default:
      return run_direct(plan, item, part);
  }
}

// Parts of k go to the workspace and are added in their order.
void run_k_parts(const GemmPlan& plan, const Item& item, const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  float* partial = reinterpret_cast<float*>(item.workspace);
  parallel_for(context, plan.k_parts, [&](int64_t i) {
    Part part = {};
    part.row_end = plan.row_chunks.start(plan.row_chunks.parts);
    part.col_end = plan.col_chunks.start(plan.col_chunks.parts);
    part.k_begin = plan.k_split.start(i);
    part.k_end = plan.k_split.start(i + 1);
    part.c = partial + i * p.m * p.n;
    part.c_row = p.n;
    run_part(plan, item, part);
  });
  for (int64_t row = 0; row < p.m; ++row) {
    add_parts(partial + row * p.n, plan.k_parts, p.m * p.n, p.n, item.c + row * p.c_row);
  }
  finish_block(plan, item, item.c, p.c_row, p.m, 0, p.n);
}

void run_item(const GemmPlan& plan, const Item& item, const KernelContext& context) {
  if (plan.pack_b) pack_b_whole(plan, item, context);
  if (plan.k_parts > 1) return run_k_parts(plan, item, context);
  const int64_t row_parts = plan.row_chunks.parts;
  parallel_for(context, row_parts * plan.col_chunks.parts, [&](int64_t chunk) {
    const int64_t row = chunk % row_parts;
    const int64_t col = chunk / row_parts;
    Part part = {};
    part.row_begin = plan.row_chunks.start(row);
    part.row_end = plan.row_chunks.start(row + 1);
    part.col_begin = plan.col_chunks.start(col);
    part.col_end = plan.col_chunks.start(col + 1);
    part.k_end = plan.problem.k;
    part.c = item.c;
    part.c_row = plan.problem.c_row;
    part.finish = true;
    run_part(plan, item, part);
  });
}

void run_fill(const GemmPlan& plan, const Item& item) {
  const GemmProblem& p = plan.problem;
  for (int64_t row = 0; row < p.m; ++row) {
    float* c = item.c + row * p.c_row;
    for (int64_t j = 0; j < p.n; ++j) c[j] = 0;
  }
  finish_block(plan, item, item.c, p.c_row, p.m, 0, p.n);
}

void run(const GemmPlan& plan, const float* a, const float* b, const float* bias, float* c,
         const KernelContext& context) {
  const GemmProblem& p = plan.problem;
  if (plan.kind == GemmKind::Empty) return;
  if (!p.has_bias) bias = nullptr;
  if (plan.turned) {
    const float* old_a = a;
    a = b;
    b = old_a;
  }
  const auto item_at = [&](int64_t i) {
    Item item = {};
    item.a = a + (p.a_offsets != nullptr ? p.a_offsets[i] : i * p.a_batch);
    item.b = b + (p.b_offsets != nullptr ? p.b_offsets[i] : i * p.b_batch);
    item.bias = bias;
    item.c = c + i * p.c_batch;
    item.workspace = context.workspace;
    return item;
  };
  if (plan.over_items) {
    parallel_for(context, plan.item_chunks.parts, [&](int64_t chunk) {
      const int64_t end = plan.item_chunks.start(chunk + 1);
      for (int64_t i = plan.item_chunks.start(chunk); i < end; ++i) {
        Item item = item_at(i);
        item.workspace += chunk * static_cast<int64_t>(plan.item_workspace);
        run_item(plan, item, context);
      }
    });
    return;
  }
  for (int64_t i = 0; i < p.batch; ++i) {
    const Item item = item_at(i);
    if (plan.kind == GemmKind::Fill) {
      run_fill(plan, item);
    } else if (plan.kind == GemmKind::Blocked) {
      run_blocked(plan, item.a, item.b, item.bias, item.c, context);
    } else {
      run_item(plan, item, context);
    }
  }
}

GemmPlan plan(const GemmProblem& problem) { return make_plan(problem); }

}  // namespace

const GemmTable gemm_table = {kTileRows, kPanel, plan, run};

}  // namespace nacre::cpu::NACRE_ISA_NAME
