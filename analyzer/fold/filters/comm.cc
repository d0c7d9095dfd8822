// --comm: time of threads whose own name, or whose process's name, is as given. Names may hold the
// letters of patterns themselves ("[main]"), so an exact match always counts.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  if (value.empty()) {
    return Error{"the name is empty", "--comm",
                 "Give a name such as tar, or a pattern such as 'kworker*'", Error::Kind::kUsage};
  }
  return Condition{
      "thread_id IN (SELECT thread.thread_id FROM thread"
      " JOIN process ON process.process_id = thread.process_id"
      " WHERE thread.name = ? OR thread.name GLOB ? OR process.name = ? OR process.name GLOB ?)",
      {value, value, value, value}};
}

}  // namespace

const Filter kCommFilter = {
    "comm",      "NAME", "only threads and processes of this name; * and ? match",
    "thread_id", Make,   "SELECT name FROM thread UNION SELECT name FROM process ORDER BY name"};

}  // namespace twofold
