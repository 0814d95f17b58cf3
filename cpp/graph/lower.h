#pragma once

#include "graph/graph.h"
#include "kernels/backend.h"

namespace nacre {

// The graph as a backend will run it: canonical, only what outputs and final assignments need,
// nothing computed twice, composites without a kernel replaced by their decomposition, and then the
// backend's own rewrite (fusion, layout). Throws ValueError for an op the backend cannot run.
GraphPtr lower(const Graph& source, const BackendTable& backend);

// Drops nodes that nothing needs, keeping the order of the rest. Inputs always stay.
void drop_dead_nodes(Graph& graph);

}  // namespace nacre
