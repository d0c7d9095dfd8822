// Finding the cgroup of --cgroup. Only the hierarchy of version 2 is looked at: it is the one that
// every task is in exactly once, also on hosts that use version 1 beside it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "format/base/result.h"
#include "recorder/unique_fd.h"

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

// Paths of cgroups by id.
class CgroupPaths {
 public:
  explicit CgroupPaths(const std::string& mountinfo_path = "/proc/self/mountinfo");

  // As Cgroup::path; nullopt: there is no such cgroup any longer, or none that we may look up.
  std::optional<std::string> Find(uint64_t id);

 private:
  std::optional<CgroupMount> mount_;
  UniqueFd directory_;
  std::map<uint64_t, std::string> known_;
};

}  // namespace twofold
