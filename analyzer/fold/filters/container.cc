// --container: time of processes in a container, by the beginning of its id.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  if (value.empty()) {
    return Error{"the id is empty", "--container",
                 "Give the beginning of a container's id, such as 4f1c2d", Error::Kind::kUsage};
  }
  return Condition{
      "process_id IN (SELECT process.process_id FROM process"
      " WHERE substr(process.container_id, 1, length(?)) = ?)",
      {value, value}};
}

}  // namespace

const Filter kContainerFilter = {
    "container", "ID", "only processes in the container whose id begins so", "process_id", Make};

}  // namespace twofold
