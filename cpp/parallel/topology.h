#pragma once

namespace nacre {

// How many threads can do useful work here: physical cores among those that this process may run
// on, no more than its cgroup's CPU quota allows, at least one.
int usable_cores();

}  // namespace nacre
