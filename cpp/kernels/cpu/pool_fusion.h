#pragma once

namespace nacre {
class Graph;
namespace cpu {

// What surrounds a maximum over windows, made smaller. Both are rewrites of a lowered graph.

// The gradient's sign test (ReLU's) and its sum over pixels (a bias's gradient) move from before
// the windows, where most elements are zeros, to after them: a maximum's gradient reaches the one
// element that it was taken from, and that element equals it.
void gate_pooled(Graph& graph);

// A convolution that only a maximum over windows uses takes them in, and its gradients read the
// gradient of the maxima as it is: cpu.conv_pool and the like.
void fuse_pools(Graph& graph);

}  // namespace cpu
}  // namespace nacre
