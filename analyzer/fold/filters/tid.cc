// --tid: time of threads, by the number that the kernel gave them.
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(std::vector<SqlValue> tids, ParseNumbers(value, "tid"));
  return Condition{"thread_id IN (SELECT thread.thread_id FROM thread WHERE thread.tid IN (" +
                       Placeholders(tids.size()) + "))",
                   std::move(tids)};
}

}  // namespace

const Filter kTidFilter = {"tid", "TID,...", "only these threads", "thread_id", Make};

}  // namespace twofold
