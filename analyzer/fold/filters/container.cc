// --container: time that threads spent in a container, by the beginning of its id.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  if (value.empty()) {
    return Error{"the id is empty", "--container",
                 "Give the beginning of a container's id, such as 4f1c2d", Error::Kind::kUsage};
  }
  return Condition{
      "thread_id IN (SELECT thread.thread_id FROM thread"
      " WHERE substr(thread.container_id, 1, length(?)) = ?)",
      {value, value}};
}

}  // namespace

const Filter kContainerFilter = {"container", "ID", "only time in the container whose id begins so",
                                 "thread_id", Make};

}  // namespace twofold
