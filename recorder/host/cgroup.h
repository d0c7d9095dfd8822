// Finding the cgroup of --cgroup, and the paths of those that the kernel names by an id. Only the
// hierarchy of version 2 is looked at: it is the one that every task is in exactly once, also on
// hosts that use version 1 beside it.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

struct Cgroup {
  uint64_t id = 0;  // as the kernel has it; also the directory's inode number
  std::string
      path;  // below the root of the hierarchy: "/system.slice/nginx.service"; the root: "/"
};

struct CgroupMount {
  std::string directory;  // such as /sys/fs/cgroup
  std::string root;       // the cgroup that it shows: "/", in a container maybe another
};

// The mount of the version 2 hierarchy in the text of /proc/self/mountinfo: one of its root, else
// the first; nullopt: it is not mounted.
std::optional<CgroupMount> FindCgroupMount(std::string_view mountinfo);

// The cgroup that a path means: as a directory of the mount (/sys/fs/cgroup/system.slice), or below
// it, with or without a slash (/system.slice, system.slice). Error: there is none, the path belongs
// to a hierarchy of version 1, or the host has no hierarchy of version 2.
Result<Cgroup> FindCgroup(const std::string& path,
                          const std::string& mountinfo_path = "/proc/self/mountinfo");

// Whether perf's records of new cgroups are of the hierarchy of version 2, by the text of
// /proc/cgroups: hosts may put perf_event into one of version 1, whose ids mean something else.
bool PerfTellsVersionTwo(std::string_view proc_cgroups);

// Paths of cgroups by id, also of those that were removed: all that exist at the start are looked
// at, and those that are made later are told of by perf's sideband.
class CgroupPaths {
 public:
  // Walks the hierarchy, up to `most` cgroups: as many are remembered.
  explicit CgroupPaths(const std::string& mountinfo_path = "/proc/self/mountinfo",
                       size_t most = 65536);

  // A cgroup was made.
  void Add(uint64_t id, const std::string& path);

  // As Cgroup::path; nullopt: nothing told of it before it was removed, or it may not be looked up.
  std::optional<std::string> Find(uint64_t id);

 private:
  void Walk();

  std::optional<CgroupMount> mount_;
  UniqueFd directory_;
  size_t most_;
  std::unordered_map<uint64_t, std::string> known_;
  std::deque<uint64_t> oldest_first_;  // ids of known_
};

}  // namespace twofold
