#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace nacre {

// The order in which a program runs a lowered graph: that of the graph, but for the nodes that only
// Variable writes need. Those make the tail, so that they can write the Variables in place.
class Schedule {
 public:
  // `joins` says that the backend runs independent nodes of the tail as one call.
  Schedule(const Graph& graph, bool joins);

  // Nodes of each step, in order; the tail's come last.
  const std::vector<std::vector<int32_t>>& groups() const { return groups_; }
  size_t tail_begin() const { return tail_begin_; }
  bool in_tail(int32_t node) const { return in_tail_[node] != 0; }
  // The step that runs a node; -1 for nodes without one.
  int32_t position(int32_t node) const { return position_[node]; }
  // Whether running the node takes a step: leaves, reshapes and sizes need none.
  bool has_step(int32_t node) const;
  // The value whose memory a value shares: reshapes own nothing.
  Value root(Value value) const { return roots_[value.node][value.out]; }

 private:
  void find_roots();
  void split_tail(bool joins);
  void group_tail(const std::vector<int32_t>& tail, bool joins);

  const Graph& graph_;
  std::vector<std::vector<Value>> roots_;
  std::vector<char> in_tail_;
  std::vector<std::vector<int32_t>> groups_;
  std::vector<int32_t> position_;
  size_t tail_begin_ = 0;
};

}  // namespace nacre
