// --pid: time of processes, by the number that the kernel gave them.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<SqlValue> pids, ParseNumbers(value, "pid"));
  return Condition{"process_id IN (SELECT process.process_id FROM process WHERE process.pid IN (" +
                       Placeholders(pids.size()) + "))",
                   std::move(pids)};
}

}  // namespace

const Filter kPidFilter = {"pid", "PID,...", "only these processes", "process_id", Make};

}  // namespace twofold
