#include "parallel/topology.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace nacre {
namespace {

#if defined(__linux__)

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The logical processors that this process may run on.
std::vector<int> allowed_processors() {
  // The mask of a machine with many processors may not fit the default set.
  for (int size = 1024; size <= (1 << 20); size *= 4) {
    cpu_set_t* set = CPU_ALLOC(size);
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(size);
    CPU_ZERO_S(bytes, set);
    const bool ok = sched_getaffinity(0, bytes, set) == 0;
    std::vector<int> processors;
    for (int i = 0; ok && i < size; ++i) {
      if (CPU_ISSET_S(i, bytes, set)) processors.push_back(i);
    }
    CPU_FREE(set);
    if (ok) return processors;
  }
  return {};
}

// Two logical processors of one core share its multipliers: they count once.
int physical_cores(const std::vector<int>& processors) {
  std::set<std::string> cores;
  for (const int processor : processors) {
    const std::string siblings =
        first_line("/sys/devices/system/cpu/cpu" + std::to_string(processor) +
                   "/topology/thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu" + std::to_string(processor) : siblings);
  }
  return static_cast<int>(cores.size());
}

// Processors' worth of time that one cgroup directory grants; 0 for no limit.
double quota_v2(const std::string& directory) {
  std::istringstream line(first_line(directory + "/cpu.max"));
  double quota = 0, period = 0;
  return line >> quota >> period && quota > 0 && period > 0 ? quota / period : 0;
}

double quota_v1(const std::string& directory) {
  std::istringstream quota_line(first_line(directory + "/cpu.cfs_quota_us"));
  std::istringstream period_line(first_line(directory + "/cpu.cfs_period_us"));
  double quota = 0, period = 0;
  return quota_line >> quota && period_line >> period && quota > 0 && period > 0 ? quota / period
                                                                                 : 0;
}

// The tightest quota from the process's own group up to the root of the mount.
double tightest(const std::string& mount, std::string group,
                double (*quota_of)(const std::string&)) {
  double best = 0;
  for (;;) {
    const double quota = quota_of(mount + group);
    if (quota > 0 && (best == 0 || quota < best)) best = quota;
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) return best;
    group.resize(slash);
  }
}

double cgroup_quota() {
  std::ifstream file("/proc/self/cgroup");  // lines of hierarchy:controllers:group
  std::string line;
  double best = 0;
  while (std::getline(file, line)) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    double quota = 0;
    if (controllers.empty()) {
      quota = tightest("/sys/fs/cgroup", group, quota_v2);
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      quota = tightest("/sys/fs/cgroup/" + controllers, group, quota_v1);
    }
    if (quota > 0 && (best == 0 || quota < best)) best = quota;
  }
  return best;
}

#endif

}  // namespace

int usable_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
  const std::vector<int> processors = allowed_processors();
  if (!processors.empty()) cores = physical_cores(processors);
  const double quota = cgroup_quota();
  // Rounded down: a thread too many is stopped by the quota while others wait for it.
  if (quota > 0) cores = std::min(cores, static_cast<int>(std::max(1.0, quota)));
#endif
  return std::max(cores, 1);
}

}  // namespace nacre
