#include "graph/schedule.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace nacre {

Schedule::Schedule(const Graph& graph, bool joins) : graph_(graph) {
  find_roots();
  split_tail(joins);
}

bool Schedule::has_step(int32_t id) const {
  const OpDef& op = *graph_.nodes[id].op;
  return !op.is(kLeaf) && !op.is(kAlias) && std::string_view(op.name) != "dim_size";
}

void Schedule::find_roots() {
  roots_.resize(graph_.nodes.size());
  for (size_t i = 0; i < graph_.nodes.size(); ++i) {
    const Node& n = graph_.nodes[i];
    for (size_t out = 0; out < n.types.size(); ++out) {
      roots_[i].push_back(n.op->is(kAlias)
                              ? root(n.inputs[0])
                              : Value{static_cast<int32_t>(i), static_cast<int32_t>(out)});
    }
  }
}

void Schedule::split_tail(bool joins) {
  const size_t size = graph_.nodes.size();
  std::vector<char> needed_before(size, 0), writes(size, 0);
  for (const Assignment& a : graph_.assignments) writes[root(a.value).node] = 1;
  in_tail_.assign(size, 0);
  for (size_t i = size; i-- > 0;) {
    const Node& n = graph_.nodes[i];
    // What may fail has to run before the first write.
    bool tail = has_step(static_cast<int32_t>(i)) && n.op->is(kElementwise) &&
                !n.op->is(kMayFail) && writes[i] && !needed_before[i];
    in_tail_[i] = tail;
    for (Value input : n.inputs) {
      const int32_t source = root(input).node;
      if (tail) {
        writes[source] = 1;
      } else if (has_step(static_cast<int32_t>(i))) {
        needed_before[source] = 1;
      }
    }
  }
  std::vector<int32_t> tail;
  for (size_t i = 0; i < size; ++i) {
    if (!has_step(static_cast<int32_t>(i))) continue;
    if (in_tail_[i]) {
      tail.push_back(static_cast<int32_t>(i));
    } else {
      groups_.push_back({static_cast<int32_t>(i)});
    }
  }
  tail_begin_ = groups_.size();
  group_tail(tail, joins);
  position_.assign(size, -1);
  for (size_t i = 0; i < groups_.size(); ++i) {
    for (int32_t id : groups_[i]) position_[id] = static_cast<int32_t>(i);
  }
}

// Tail nodes that do not depend on each other run as one call: all the variables of an optimizer.
// A node goes into the first wave behind what it reads and behind the readers of what it writes.
void Schedule::group_tail(const std::vector<int32_t>& tail, bool joins) {
  std::multimap<int32_t, const Variable*> writers;
  for (const Assignment& a : graph_.assignments)
    writers.insert({root(a.value).node, a.variable.get()});
  std::map<int32_t, size_t> wave_of;
  std::map<const Variable*, size_t> readers, writer;  // 1 + last wave that reads or writes it
  std::vector<std::vector<int32_t>> waves;
  for (int32_t id : tail) {
    size_t wave = 0;
    for (Value input : graph_.nodes[id].inputs) {
      const int32_t source = root(input).node;
      if (auto it = wave_of.find(source); it != wave_of.end())
        wave = std::max(wave, it->second + 1);
      if (graph_.nodes[source].variable)
        wave = std::max(wave, writer[graph_.nodes[source].variable.get()]);
    }
    const auto [begin, end] = writers.equal_range(id);
    for (auto it = begin; it != end; ++it) {
      wave = std::max({wave, readers[it->second], writer[it->second]});
    }
    for (Value input : graph_.nodes[id].inputs) {
      const Variable* variable = graph_.nodes[root(input).node].variable.get();
      if (variable) readers[variable] = std::max(readers[variable], wave + 1);
    }
    for (auto it = begin; it != end; ++it) writer[it->second] = wave + 1;
    wave_of[id] = wave;
    if (waves.size() <= wave) waves.resize(wave + 1);
    waves[wave].push_back(id);
  }
  for (const std::vector<int32_t>& wave : waves) {
    if (joins) {
      groups_.push_back(wave);
    } else {
      for (int32_t id : wave) groups_.push_back({id});
    }
  }
}

}  // namespace nacre
