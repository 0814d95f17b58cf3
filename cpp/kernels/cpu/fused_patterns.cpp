// Finds runs of steps that one pattern computes with the same roundings (elementwise_ops.h).

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "kernels/cpu/fused_plan.h"

namespace nacre::cpu {
namespace {

class Matcher {
 public:
  Matcher(const ElementwiseTable& table, const std::vector<bool>& narrow,
          const std::vector<int>& kept, std::vector<PlanStep>* steps)
      : table_(table),
        narrow_(narrow),
        steps_(*steps),
        uses_(narrow.size(), 0),
        definition_(narrow.size(), -1),
        removed_(steps->size(), false) {
    for (const int reg : kept) uses_[at(reg)] += 2;  // never an inner value
    for (size_t s = 0; s < steps_.size(); ++s) {
      definition_[at(steps_[s].dst)] = static_cast<int>(s);
      for (int i = 0; i < arity(steps_[s].op); ++i) ++uses_[at(steps_[s].in[i])];
    }
  }

  void run() {
    for (size_t s = 0; s < steps_.size(); ++s) {
      PlanStep& step = steps_[s];
      if (!narrow_[at(step.dst)]) continue;
      if (step.op == MicroOp::add) match_add(&step);
      if (step.op == MicroOp::sub) match_sub(&step);
      if (step.op == MicroOp::where) match_where(&step);
    }
    for (size_t s = 0; s < steps_.size(); ++s) {
      if (is_pattern(s, Pattern::descend)) match_adam(s);
    }
    std::vector<PlanStep> left;
    for (size_t s = 0; s < steps_.size(); ++s) {
      if (!removed_[s]) left.push_back(steps_[s]);
    }
    steps_ = std::move(left);
  }

 private:
  static size_t at(int reg) { return static_cast<size_t>(reg); }

  // Operands that a step reads; the others repeat the first.
  static int arity(MicroOp op) {
    switch (op) {
      case MicroOp::where:
      case MicroOp::multiply_add:
      case MicroOp::multiply_subtract:
        return 3;
#define NACRE_CASE(name) case MicroOp::name:
        NACRE_FLOAT_UNARY_OPS(NACRE_CASE)
        NACRE_UNARY_OPS(NACRE_CASE)
        NACRE_TEST_OPS(NACRE_CASE)
      case MicroOp::logical_not:
      case MicroOp::bitwise_not:
      case MicroOp::cast:
#undef NACRE_CASE
        return 1;
      default:
        return 2;
    }
  }

  // The step that makes `reg` by `op`, when nothing else reads it and it is not a pattern yet.
  const PlanStep* inner(int reg, MicroOp op) const {
    const int s = definition_[at(reg)];
    if (s < 0 || uses_[at(reg)] != 1 || removed_[static_cast<size_t>(s)]) return nullptr;
    const PlanStep& step = steps_[static_cast<size_t>(s)];
    return step.op == op && !step.pattern ? &step : nullptr;
  }

  void replace(PlanStep* step, Pattern pattern, std::initializer_list<int> operands,
               std::initializer_list<const PlanStep*> gone) {
    step->pattern = table_.patterns[static_cast<int>(pattern)];
    int i = 0;
    for (const int reg : operands) step->in[i++] = static_cast<int16_t>(reg);
    for (; i < kMaxOperands; ++i) step->in[i] = step->in[0];
    for (const PlanStep* inner_step : gone)
      removed_[static_cast<size_t>(inner_step - steps_.data())] = true;
  }

  // a + (b - a) * c, a + (b * b - a) * c, a * b + c.
  void match_add(PlanStep* step) {
    for (int side = 0; side < 2; ++side) {
      const int a = step->in[side];
      const PlanStep* product = inner(step->in[1 - side], MicroOp::mul);
      if (!product) continue;
      for (int k = 0; k < 2; ++k) {
        const PlanStep* difference = inner(product->in[k], MicroOp::sub);
        if (!difference || difference->in[1] != a) continue;
        const int c = product->in[1 - k], b = difference->in[0];
        if (const PlanStep* square = inner(b, MicroOp::square)) {
          return replace(step, Pattern::lerp_square, {a, square->in[0], c},
                         {product, difference, square});
        }
        return replace(step, Pattern::lerp, {a, b, c}, {product, difference});
      }
      return replace(step, Pattern::product_plus, {product->in[0], product->in[1], a}, {product});
    }
  }

  // a - b * c / (sqrt(d) + e), c - a * b.
  void match_sub(PlanStep* step) {
    const int a = step->in[0];
    if (const PlanStep* quotient = inner(step->in[1], MicroOp::div)) {
      const PlanStep* product = inner(quotient->in[0], MicroOp::mul);
      const PlanStep* sum = inner(quotient->in[1], MicroOp::add);
      for (int k = 0; product && sum && k < 2; ++k) {
        const PlanStep* root = inner(sum->in[k], MicroOp::sqrt);
        if (!root) continue;
        return replace(step, Pattern::descend,
                       {a, product->in[0], product->in[1], root->in[0], sum->in[1 - k]},
                       {quotient, product, sum, root});
      }
    }
    if (const PlanStep* product = inner(step->in[1], MicroOp::mul)) {
      replace(step, Pattern::product_minus, {product->in[0], product->in[1], a}, {product});
    }
  }

  bool is_pattern(size_t s, Pattern pattern) const {
    return !removed_[s] && steps_[s].pattern != nullptr &&
           steps_[s].pattern == table_.patterns[static_cast<int>(pattern)];
  }

  // The live step that makes `reg` by `pattern`, with no reader of `reg` before step `end`: it may
  // as well be computed there.
  int movable(int reg, Pattern pattern, size_t end) const {
    const int s = definition_[at(reg)];
    if (s < 0 || static_cast<size_t>(s) >= end || !is_pattern(static_cast<size_t>(s), pattern)) {
      return -1;
    }
    for (size_t k = static_cast<size_t>(s) + 1; k < end; ++k) {
      const int16_t* in = steps_[k].in;
      if (!removed_[k] && std::find(in, in + kMaxOperands, reg) != in + kMaxOperands) return -1;
    }
    return s;
  }

  // Both moving averages and the step that uses them.
  void match_adam(size_t at_step) {
    PlanStep& step = steps_[at_step];
    const int second = movable(step.in[3], Pattern::lerp_square, at_step);
    for (int k = 1; second >= 0 && k < 3; ++k) {
      const int first = movable(step.in[k], Pattern::lerp, at_step);
      if (first < 0) continue;
      const PlanStep m = steps_[static_cast<size_t>(first)];
      const PlanStep v = steps_[static_cast<size_t>(second)];
      const int16_t weight = step.in[0], rate = step.in[3 - k], epsilon = step.in[4];
      replace(&step, Pattern::adam,
              {m.in[0], m.in[1], m.in[2], v.in[0], v.in[1], v.in[2], weight, rate, epsilon},
              {&steps_[static_cast<size_t>(first)], &steps_[static_cast<size_t>(second)]});
      step.more[0] = m.dst;
      step.more[1] = v.dst;
      return;
    }
  }

  // a > b ? c : d.
  void match_where(PlanStep* step) {
    const PlanStep* test = inner(step->in[0], MicroOp::gt);
    if (!test || !narrow_[at(test->in[0])]) return;
    replace(step, Pattern::gate, {test->in[0], test->in[1], step->in[1], step->in[2]}, {test});
  }

  const ElementwiseTable& table_;
  const std::vector<bool>& narrow_;
  std::vector<PlanStep>& steps_;
  std::vector<int> uses_, definition_;
  std::vector<bool> removed_;
};

}  // namespace

void match_patterns(const ElementwiseTable& table, const std::vector<bool>& narrow,
                    const std::vector<int>& kept, std::vector<PlanStep>* steps) {
  Matcher(table, narrow, kept, steps).run();
}

}  // namespace nacre::cpu
