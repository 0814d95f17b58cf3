#pragma once

#include "graph/graph.h"

namespace nacre {

// Rewrites nodes in place into the form whose meaning is most exact: a cross-entropy of
// probabilities whose producer is a softmax or sigmoid becomes the cross-entropy of its logits,
// also when the layer and the loss were given apart. Values keep their names, so a trace may go on.
void canonicalise(Graph& graph);

}  // namespace nacre
