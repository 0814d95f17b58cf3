#pragma once

#include <vector>

#include "graph/graph.h"

namespace nacre {

// Reverse-mode differentiation as a graph-to-graph rewrite: appends the nodes that compute
// d(sum of ys)/dxs to the graph. `grad_ys` may hold invalid values, meaning ones. The result is
// invalid for an x on which no y depends. Gradients are ops like any other, so the result can be
// differentiated again; a composite's fast gradient is then replaced by its decomposition.
//
// The method is ordinary reverse accumulation (Griewank and Walther, Evaluating Derivatives, 2008).
// Nodes before `begin` count as constants: a tape does not see what was computed before it.
std::vector<Value> gradients(Graph& graph, const std::vector<Value>& ys,
                             const std::vector<Value>& xs, const std::vector<Value>& grad_ys,
                             int32_t begin = 0);

}  // namespace nacre
