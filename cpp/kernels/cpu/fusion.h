#pragma once

namespace nacre {
class Graph;
namespace cpu {

// The CPU backend's rewrite: products take their bias and activation into the epilogue, and
// elementwise ops over the same shape become one "cpu.fused" node that runs tile by tile.
void fuse(Graph& graph);

}  // namespace cpu
}  // namespace nacre
