// Ops addressed by index operands. An index out of range is reported; reading there gives 0, and
// writing there is dropped. Sums over duplicates run in the order of the indices.

#include <algorithm>

#include "kernels/reference/call.h"

namespace nacre::reference {
namespace {

class Indices {
 public:
  Indices(const Call& c, size_t operand)
      : context_(c.context), from_(c.in(operand)), dtype_(c.dtype(operand)) {}

  // The i-th index; -1, reported, when it is not in [0, size).
  int64_t get(int64_t i, int64_t size) const {
    const int64_t index = load_integer(from_, dtype_, i);
    if (index >= 0 && index < size) return index;
    set_status(context_, kStatusBadIndex, index);
    return -1;
  }

  // Position of the block that `depth` indices starting at i * depth address in the leading axes of
  // `shape`, counted in blocks; -1 when one of them is out of range.
  int64_t block(int64_t i, const Sizes& shape, int64_t depth) const {
    int64_t position = 0;
    bool inside = true;
    for (int64_t d = 0; d < depth; ++d) {
      const int64_t size = shape[static_cast<size_t>(d)];
      const int64_t index = get(i * depth + d, size);
      inside = inside && index >= 0;
      position = position * size + index;
    }
    return inside ? position : -1;
  }

 private:
  const KernelContext& context_;
  const void* from_;
  DType dtype_;
};

// Copies `count` elements, or writes zeros when there is no source.
void copy_block(const Call& c, int64_t target, const void* from, int64_t source, int64_t count) {
  const auto size = static_cast<int64_t>(dtype_size(c.out_dtype()));
  char* to = static_cast<char*>(c.out()) + target * size;
  const auto bytes = static_cast<size_t>(count * size);
  if (bytes == 0) return;
  if (source < 0) {
    std::memset(to, 0, bytes);
  } else {
    std::memmove(to, static_cast<const char*>(from) + source * size, bytes);
  }
}

// Sums of the result, kept wide until all are added.
template <class T>
class Sums {
 public:
  explicit Sums(const Call& c) : call_(c), sums_(static_cast<size_t>(c.out_count())) {}
  ~Sums() {
    void* y = call_.out();
    for (size_t i = 0; i < sums_.size(); ++i) store<T>(y, static_cast<int64_t>(i), sums_[i]);
  }
  Sums(const Sums&) = delete;
  Sums& operator=(const Sums&) = delete;
  void add(int64_t i, Wide<T> value) {
    auto& sum = sums_[static_cast<size_t>(i)];
    sum = plus(sum, value);
  }

 private:
  const Call& call_;
  std::vector<Wide<T>> sums_;
};

int64_t index_depth(const Sizes& shape) { return shape.back(); }

void run_gather(const Call& c) {
  const Lanes lanes(c.shape(0), static_cast<size_t>(c.attrs().integer("axis")));
  const Indices indices(c, 1);
  const int64_t count = c.count(1);
  for (int64_t o = 0; o < lanes.outer; ++o) {
    for (int64_t j = 0; j < count; ++j) {
      const int64_t index = indices.get(j, lanes.size);
      copy_block(c, (o * count + j) * lanes.inner, c.in(0),
                 index < 0 ? -1 : lanes.offset(o, index, 0), lanes.inner);
    }
  }
}

void run_scatter_add(const Call& c) {
  const Lanes lanes(c.out_shape(), static_cast<size_t>(c.attrs().integer("axis")));
  const Indices indices(c, 0);
  const int64_t count = c.count(0);
  with_type<kNumbers>(c.dtype(1), [&]<class T>(Tag<T>) {
    const void* updates = c.in(1);
    Sums<T> sums(c);
    for (int64_t o = 0; o < lanes.outer; ++o) {
      for (int64_t j = 0; j < count; ++j) {
        const int64_t index = indices.get(j, lanes.size);
        if (index < 0) continue;
        for (int64_t i = 0; i < lanes.inner; ++i) {
          sums.add(lanes.offset(o, index, i), load<T>(updates, (o * count + j) * lanes.inner + i));
        }
      }
    }
  });
}

void run_gather_nd(const Call& c) {
  const int64_t depth = index_depth(c.shape(1));
  const int64_t rows = product(c.shape(1), 0, c.shape(1).size() - 1);
  const int64_t inner = product(c.shape(0), static_cast<size_t>(depth), c.shape(0).size());
  const Indices indices(c, 1);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t block = indices.block(row, c.shape(0), depth);
    copy_block(c, row * inner, c.in(0), block < 0 ? -1 : block * inner, inner);
  }
}

void run_scatter_nd(const Call& c) {
  const int64_t depth = index_depth(c.shape(0));
  const int64_t rows = product(c.shape(0), 0, c.shape(0).size() - 1);
  const int64_t inner = product(c.out_shape(), static_cast<size_t>(depth), c.out_shape().size());
  const Indices indices(c, 0);
  with_type<kNumbers>(c.dtype(1), [&]<class T>(Tag<T>) {
    const void* updates = c.in(1);
    Sums<T> sums(c);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t block = indices.block(row, c.out_shape(), depth);
      for (int64_t i = 0; block >= 0 && i < inner; ++i) {
        sums.add(block * inner + i, load<T>(updates, row * inner + i));
      }
    }
  });
}

void run_scatter_update(const Call& c) {
  const int64_t depth = index_depth(c.shape(1));
  const int64_t rows = product(c.shape(1), 0, c.shape(1).size() - 1);
  const int64_t inner = product(c.out_shape(), static_cast<size_t>(depth), c.out_shape().size());
  const Indices indices(c, 1);
  copy_block(c, 0, c.in(0), 0, c.out_count());
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t block = indices.block(row, c.out_shape(), depth);
    if (block >= 0) copy_block(c, block * inner, c.in(2), row * inner, inner);
  }
}

// Calls body(position in the indices, position in the other tensor or -1), where `shape` is the
// other tensor's.
template <class Body>
void along_axis(const Call& c, size_t operand, const Sizes& shape, Body&& body) {
  const auto axis = static_cast<size_t>(c.attrs().integer("axis"));
  const Lanes at(c.shape(operand), axis);
  const Lanes other(shape, axis);
  const Indices indices(c, operand);
  for (int64_t o = 0; o < at.outer; ++o) {
    for (int64_t k = 0; k < at.size; ++k) {
      for (int64_t i = 0; i < at.inner; ++i) {
        const int64_t position = at.offset(o, k, i);
        const int64_t index = indices.get(position, other.size);
        body(position, index < 0 ? -1 : other.offset(o, index, i));
      }
    }
  }
}

void run_take_along_axis(const Call& c) {
  along_axis(c, 1, c.shape(0),
             [&](int64_t to, int64_t from) { copy_block(c, to, c.in(0), from, 1); });
}

void run_put_along_axis_add(const Call& c) {
  with_type<kNumbers>(c.dtype(1), [&]<class T>(Tag<T>) {
    const void* updates = c.in(1);
    Sums<T> sums(c);
    along_axis(c, 0, c.out_shape(), [&](int64_t from, int64_t to) {
      if (to >= 0) sums.add(to, load<T>(updates, from));
    });
  });
}

// A label out of range gives a row of zeros and is no error.
void run_one_hot(const Call& c) {
  const int64_t depth = c.attrs().integer("depth");
  const int64_t count = c.count(0);
  with_type<kAny>(c.out_dtype(), [&]<class T>(Tag<T>) {
    const void* labels = c.in(0);
    void* y = c.out();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t label = load_integer(labels, c.dtype(0), i);
      for (int64_t k = 0; k < depth; ++k) store<T>(y, i * depth + k, label == k);
    }
  });
}

constexpr OpEntry kEntries[] = {
    {"gather", accepts<kAny, kIndices>, prepare<run_gather>},
    {"scatter_add", accepts<kIndices, kNumbers>, prepare<run_scatter_add>},
    {"gather_nd", accepts<kAny, kIndices>, prepare<run_gather_nd>},
    {"scatter_nd", accepts<kIndices, kNumbers>, prepare<run_scatter_nd>},
    {"scatter_update", accepts<kAny, kIndices, kLikeFirst>, prepare<run_scatter_update>},
    {"take_along_axis", accepts<kAny, kIndices>, prepare<run_take_along_axis>},
    {"put_along_axis_add", accepts<kIndices, kNumbers>, prepare<run_put_along_axis_add>},
    {"one_hot", makes<kAny, kInts>, prepare<run_one_hot>},
};

}  // namespace

std::span<const OpEntry> indexing_entries() { return kEntries; }

}  // namespace nacre::reference
