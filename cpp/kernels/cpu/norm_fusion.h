#pragma once

namespace nacre {
class Graph;
}

namespace nacre::cpu {

// Batch normalisations take in a sum and ReLU behind them, and their gradients ReLU's gate before
// them, ReLU with an upper limit too. The gate is computed from the normalised values, which are
// computed again, so nothing of the activation is kept for it.
void fuse_norms(Graph& graph);

}  // namespace nacre::cpu
