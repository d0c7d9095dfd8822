// --cgroup: time that threads spent in a control group or below it. Names may hold the letters of
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
      "thread_id IN (SELECT thread.thread_id FROM thread WHERE thread.cgroup = ?"
      " OR substr(thread.cgroup, 1, length(?)) = ?"
      " OR thread.cgroup GLOB ? OR thread.cgroup GLOB ?)",
      {path, below, below, path, below + "*"}};
}

}  // namespace

const Filter kCgroupFilter = {"cgroup",
                              "PATH",
                              "only time in this control group or below it; * and ? match",
                              "thread_id",
                              Make,
                              "SELECT DISTINCT cgroup FROM thread WHERE cgroup IS NOT NULL"
                              " ORDER BY cgroup"};

}  // namespace twofold
