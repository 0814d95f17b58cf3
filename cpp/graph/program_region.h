#pragma once

#include "graph/program.h"

namespace nacre {

// A region's place in its program: its own programs run in a part of the enclosing arena and table.
struct Program::Region {
  enum class Kind : uint8_t { Scan, Cond, While };
  struct Part {
    std::shared_ptr<const Program> program;
    size_t arena = 0;    // bytes into the enclosing arena
    uint32_t table = 0;  // entries into the enclosing table
  };
  Kind kind;
  std::vector<Part> parts;
  size_t carries = 0, scanned = 0;
  bool reverse = false;
  int64_t length = 0;
  std::vector<size_t> carry_bytes;   // of each carry
  std::vector<size_t> x_bytes;       // of one step of each x
  std::vector<size_t> y_bytes;       // of one step of each y
  std::vector<size_t> spare;         // bytes into the arena: a second place for each carry
  std::vector<size_t> second_spare;  // while only
  size_t predicate = 0;              // while only: where the condition's result goes
};

}  // namespace nacre
