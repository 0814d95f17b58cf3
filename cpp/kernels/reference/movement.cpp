// Ops that move elements without looking at them: they work by element size, for every dtype.

#include <algorithm>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

// Copies single elements of one size.
struct Mover {
  char* to;
  size_t size;

  explicit Mover(const Call& c)
      : to(static_cast<char*>(c.out())), size(dtype_size(c.out_dtype())) {}
  void move(int64_t target, const void* from, int64_t source) const {
    const auto step = static_cast<int64_t>(size);
    std::memcpy(to + target * step, static_cast<const char*>(from) + source * step, size);
  }
};

void run_transpose(const Call& c) {
  const Sizes& perm = c.attrs().ints("perm");
  const Mover mover(c);
  const void* x = c.in(0);
  Sizes source(perm.size());
  int64_t to = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    for (size_t axis = 0; axis < perm.size(); ++axis) {
      source[static_cast<size_t>(perm[axis])] = i.at()[axis];
    }
    mover.move(to++, x, offset(source, c.shape(0)));
  }
}

void run_broadcast_to(const Call& c) {
  const Mover mover(c);
  const void* x = c.in(0);
  int64_t to = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    mover.move(to++, x, broadcast_offset(i.at(), c.shape(0)));
  }
}

void run_concat(const Call& c) {
  const auto axis = static_cast<size_t>(c.attrs().integer("axis"));
  const Mover mover(c);
  int64_t before = 0;  // entries along the axis that earlier operands fill
  for (size_t operand = 0; operand < c.arity(); ++operand) {
    const void* x = c.in(operand);
    int64_t from = 0;
    for (Index i(c.shape(operand)); i.more(); i.next()) {
      Sizes target = i.at();
      target[axis] += before;
      mover.move(offset(target, c.out_shape()), x, from++);
    }
    before += c.shape(operand)[axis];
  }
}

std::string refuse_concat(const OpCase& c) {
  for (const TensorSpec& spec : c.inputs) {
    if (spec.dtype == c.outputs[0].dtype) continue;
    return std::string(c.op) + ": no reference kernel for operands of different dtypes";
  }
  return "";
}

void run_slice(const Call& c) {
  const Sizes& start = c.attrs().ints("start");
  const Sizes& stride = c.attrs().ints("stride");
  const Mover mover(c);
  const void* x = c.in(0);
  Sizes source(start.size());
  int64_t to = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    for (size_t axis = 0; axis < start.size(); ++axis) {
      source[axis] = start[axis] + i.at()[axis] * stride[axis];
    }
    mover.move(to++, x, offset(source, c.shape(0)));
  }
}

void run_pad(const Call& c) {
  const Sizes& low = c.attrs().ints("low");
  const Sizes& interior = c.attrs().ints("interior");
  const Mover mover(c);
  const void* x = c.in(0);
  const int64_t count = c.out_count();
  for (int64_t to = 0; to < count; ++to) mover.move(to, c.in(1), 0);
  Sizes target(low.size());
  int64_t from = 0;
  for (Index i(c.shape(0)); i.more(); i.next()) {
    for (size_t axis = 0; axis < low.size(); ++axis) {
      target[axis] = low[axis] + i.at()[axis] * (interior[axis] + 1);
    }
    mover.move(offset(target, c.out_shape()), x, from++);
  }
}

void run_reverse(const Call& c) {
  const Sizes& axes = c.attrs().ints("axes");
  const Mover mover(c);
  const void* x = c.in(0);
  int64_t to = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    Sizes source = i.at();
    for (int64_t axis : axes) {
      const auto a = static_cast<size_t>(axis);
      source[a] = c.shape(0)[a] - 1 - source[a];
    }
    mover.move(to++, x, offset(source, c.shape(0)));
  }
}

// Starts clamped so that a window of that size lies inside.
Sizes window_start(const Call& c, size_t starts, const Sizes& shape, const Sizes& window) {
  Sizes start(shape.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const int64_t wanted = load_integer(c.in(starts), c.dtype(starts), static_cast<int64_t>(axis));
    start[axis] = std::clamp<int64_t>(wanted, 0, shape[axis] - window[axis]);
  }
  return start;
}

void run_dynamic_slice(const Call& c) {
  const Sizes start = window_start(c, 1, c.shape(0), c.out_shape());
  const Mover mover(c);
  const void* x = c.in(0);
  int64_t to = 0;
  for (Index i(c.out_shape()); i.more(); i.next()) {
    Sizes source = i.at();
    for (size_t axis = 0; axis < start.size(); ++axis) source[axis] += start[axis];
    mover.move(to++, x, offset(source, c.shape(0)));
  }
}

void run_dynamic_update_slice(const Call& c) {
  const Sizes start = window_start(c, 2, c.shape(0), c.shape(1));
  const Mover mover(c);
  const int64_t count = c.out_count();
  for (int64_t to = 0; to < count; ++to) mover.move(to, c.in(0), to);
  int64_t from = 0;
  for (Index i(c.shape(1)); i.more(); i.next()) {
    Sizes target = i.at();
    for (size_t axis = 0; axis < start.size(); ++axis) target[axis] += start[axis];
    mover.move(offset(target, c.out_shape()), c.in(1), from++);
  }
}

void run_iota(const Call& c) {
  const auto axis = static_cast<size_t>(c.attrs().integer("axis"));
  with_type<kAny>(c.out_dtype(), [&]<class T>(Tag<T>) {
    void* y = c.out();
    int64_t to = 0;
    for (Index i(c.out_shape()); i.more(); i.next()) {
      store<T>(y, to++, static_cast<Wide<T>>(i.at()[axis]));
    }
  });
}

constexpr OpEntry kEntries[] = {
    {"transpose", accepts<kAny>, prepare<run_transpose>},
    {"broadcast_to", accepts<kAny>, prepare<run_broadcast_to>},
    {"concat", refuse_concat, prepare<run_concat>},
    {"slice", accepts<kAny>, prepare<run_slice>},
    {"pad", accepts<kAny, kLikeFirst>, prepare<run_pad>},
    {"reverse", accepts<kAny>, prepare<run_reverse>},
    {"dynamic_slice", accepts<kAny, kIndices>, prepare<run_dynamic_slice>},
    {"dynamic_update_slice", accepts<kAny, kLikeFirst, kIndices>,
     prepare<run_dynamic_update_slice>},
    {"iota", makes<kAny>, prepare<run_iota>},
};

}  // namespace

std::span<const OpEntry> movement_entries() { return kEntries; }

}  // namespace nacre::reference
