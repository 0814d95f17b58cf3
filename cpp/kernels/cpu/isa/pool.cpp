// Float32 pooling: see pool.h for layout and aliasing. Plain two-dimensional windows have loops of
// their own.

#include "kernels/cpu/isa/pool_windows.h"
#include "kernels/cpu/isa_tables.h"
#include "kernels/cpu/pool_general.h"

namespace nacre::cpu::NACRE_ISA_NAME {
namespace {

using General = GeneralPool<float>;

// Windows of an image without padding, whose places a byte can tell apart.
bool is_plain(const PoolCase& c) {
  bool plain = c.in[0] == 1 && c.out[0] == 1 && c.window[0] == 1;
  for (int i = 1; i < 3; ++i) {
    plain = plain && c.low[i] == 0 && (c.out[i] - 1) * c.stride[i] + c.window[i] <= c.in[i];
  }
  return plain && c.window[1] * c.window[2] <= kByteWindow;
}

// body(first channel, read, write) for vectors of channels, the last of which may be partial.
template <class Body>
NACRE_INLINE void each_vector(int64_t channels, Body&& body) {
  int64_t i = 0;
  for (; i + kLanes<float> <= channels; i += kLanes<float>) {
    body(
        i, [](const float* p) __attribute__((always_inline)) { return load(p); },
        [](float* p, F32 v) __attribute__((always_inline)) { store(p, v); });
  }
  if (i == channels) return;
  const int64_t n = channels - i;
  body(
      i, [n](const float* p) __attribute__((always_inline)) { return load_partial(p, n); },
      [n](float* p, F32 v) __attribute__((always_inline)) { store_partial(p, v, n); });
}

void max(const PoolCase& c, const void* x, void* y, void* index, int64_t begin, int64_t end) {
  if (!is_plain(c)) return General::max(c, x, y, index, begin, end);
  const WindowShape window = {c.window[1], c.window[2], c.channels, c.in[2] * c.channels};
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / c.out[1], h = row % c.out[1] * c.stride[1];
    const float* from = static_cast<const float*>(x) + (image * c.in[1] + h) * window.row;
    for (int64_t w = 0; w < c.out[2]; ++w) {
      const int64_t to = (row * c.out[2] + w) * c.channels;
      max_window(window, from + w * c.stride[2] * c.channels, c.channels,
                 static_cast<float*>(y) + to,
                 index == nullptr ? nullptr : static_cast<uint8_t*>(index) + to);
    }
  }
}

void max_gradient(const PoolCase& c, const void* dy, const void* index, void* dx, int64_t begin,
                  int64_t end) {
  const bool apart = c.stride[1] == c.window[1] && c.stride[2] == c.window[2];
  if (!is_plain(c) || !apart) return General::max_gradient(c, dy, index, dx, begin, end);
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / c.in[1], h = row % c.in[1];
    float* to = static_cast<float*>(dx) + row * c.in[2] * c.channels;
    if (h / c.window[1] >= c.out[1]) {
      __builtin_memset(to, 0, static_cast<size_t>(c.in[2] * c.channels) * sizeof(float));
      continue;
    }
    const int64_t from = (image * c.out[1] + h / c.window[1]) * c.out[2] * c.channels;
    spread_row({c.out[2], c.window[2], c.in[2], c.channels}, static_cast<const float*>(dy) + from,
               static_cast<const uint8_t*>(index) + from,
               static_cast<int>(h % c.window[1] * c.window[2]), to);
  }
}

void average(const PoolCase& c, const void* x, void* y, int64_t begin, int64_t end) {
  if (!is_plain(c)) return General::average(c, x, y, begin, end);
  const int64_t channels = c.channels, x_row = c.in[2] * channels;
  const F32 places = broadcast(static_cast<float>(c.window[1] * c.window[2]));
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / c.out[1], h = row % c.out[1] * c.stride[1];
    const float* from = static_cast<const float*>(x) + (image * c.in[1] + h) * x_row;
    for (int64_t w = 0; w < c.out[2]; ++w) {
      const float* window = from + w * c.stride[2] * channels;
      float* to = static_cast<float*>(y) + (row * c.out[2] + w) * channels;
      each_vector(channels, [&](int64_t i, auto read, auto write) {
        F32 sum = {};
        for (int64_t j = 0; j < c.window[1]; ++j) {
          for (int64_t k = 0; k < c.window[2]; ++k) {
            sum += read(window + j * x_row + k * channels + i);
          }
        }
        write(to + i, sum / places);
      });
    }
  }
}

// Windows that do not overlap: each value is shared by the pixels of its window.
void average_gradient(const PoolCase& c, const void* dy, void* dx, int64_t begin, int64_t end) {
  const bool apart = c.stride[1] == c.window[1] && c.stride[2] == c.window[2];
  if (!is_plain(c) || !apart) return General::average_gradient(c, dy, dx, begin, end);
  const int64_t channels = c.channels, covered = c.out[2] * c.window[2];
  const F32 places = broadcast(static_cast<float>(c.window[1] * c.window[2]));
  for (int64_t row = begin; row < end; ++row) {
    const int64_t image = row / c.in[1], h = row % c.in[1] / c.window[1];
    float* to = static_cast<float*>(dx) + row * c.in[2] * channels;
    const int64_t inside = h < c.out[1] ? covered : 0;
    __builtin_memset(to + inside * channels, 0,
                     static_cast<size_t>((c.in[2] - inside) * channels) * sizeof(float));
    if (inside == 0) continue;
    const float* from =
        static_cast<const float*>(dy) + (image * c.out[1] + h) * c.out[2] * channels;
    for (int64_t w = 0; w < c.out[2]; ++w, from += channels) {
      each_vector(channels, [&](int64_t i, auto read, auto write) {
        const F32 part = read(from + i) / places;
        for (int64_t k = 0; k < c.window[2]; ++k, to += channels) write(to + i, part);
        to -= c.window[2] * channels;
      });
      to += c.window[2] * channels;
    }
  }
}

}  // namespace

const PoolTable pool_table = {max, max_gradient, General::max_gather, average, average_gradient};

}  // namespace nacre::cpu::NACRE_ISA_NAME
