#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace nacre {

// scan, cond and while: nodes that own subgraphs. A body is traced by a callback into a fresh
// region whose enclosing graph is `outer`; what it uses from outside becomes extra inputs
// (captures), and Variables that it writes are threaded through as extra carries or results.
//
// Operands of the nodes:
//   scan  {carries, scanned, reverse, length}: carries, then xs, then captures -> carries, then ys
//   cond: predicate, captures -> results; regions then, else
//   while {carries}: carries, captures -> carries; regions condition, body

using Body = std::function<std::vector<Value>(Graph& region, const std::vector<Value>& arguments)>;

struct ScanResult {
  std::vector<Value> carries;
  std::vector<Value> ys;
};

// `body` returns the new carries followed by the ys of one step.
ScanResult trace_scan(Graph& outer, const std::vector<Value>& init, const std::vector<Value>& xs,
                      std::optional<Dim> length, bool reverse, const Body& body);
std::vector<Value> trace_cond(Graph& outer, Value predicate, const Body& then_body,
                              const Body& else_body);
std::vector<Value> trace_while(Graph& outer, const std::vector<Value>& init, const Body& condition,
                               const Body& body);

// Gradients of a region node's operands, given those of its results (invalid: none).
std::vector<Value> region_gradient(Graph& graph, int32_t node, const std::vector<Value>& grads);

}  // namespace nacre
