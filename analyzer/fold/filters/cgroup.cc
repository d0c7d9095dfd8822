// --cgroup: time of processes in a control group or below it. Names may hold the letters of
// patterns themselves, so an exact match always counts.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  std::string path = value;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.empty()) {
    return Error{"the path is empty", "--cgroup",
                 "Give a path such as /system.slice/nginx.service, or a pattern such as "
                 "'*/nginx.service'",
                 Error::Kind::kUsage};
  }
  if (path.front() != '/' && path.front() != '*') path = "/" + path;
  std::string below = path == "/" ? path : path + "/";
  return Condition{
      "process_id IN (SELECT process.process_id FROM process WHERE process.cgroup = ?"
      " OR substr(process.cgroup, 1, length(?)) = ?"
      " OR process.cgroup GLOB ? OR process.cgroup GLOB ?)",
      {path, below, below, path, below + "*"}};
}

}  // namespace

const Filter kCgroupFilter = {"cgroup",
                              "PATH",
                              "only processes in this control group or below it; * and ? match",
                              "process_id",
                              Make,
                              "SELECT DISTINCT cgroup FROM process WHERE cgroup IS NOT NULL"
                              " ORDER BY cgroup"};

}  // namespace twofold
