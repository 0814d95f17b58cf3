#pragma once

#include <memory>
#include <string>

#include "bindings/common.h"
#include "core/error.h"

namespace nacre::bindings {

// Ops record into `graph` while this lives.
class GraphScope {
 public:
  explicit GraphScope(std::shared_ptr<Graph> graph);
  ~GraphScope();
  GraphScope(const GraphScope&) = delete;
  GraphScope& operator=(const GraphScope&) = delete;
};

// Runs fn; a user's mistake it finds is reported under the name of the layer being called.
template <class Fn>
auto with_scope(Fn&& fn) {
  try {
    return fn();
  } catch (const ValueError& error) {
    const std::string scope = current_scope();
    if (scope.empty()) throw;
    throw ValueError(scope + ": " + error.what());
  } catch (const TypeError& error) {
    const std::string scope = current_scope();
    if (scope.empty()) throw;
    throw TypeError(scope + ": " + error.what());
  }
}

}  // namespace nacre::bindings
