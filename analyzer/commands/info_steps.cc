// twofold info: what recording gave up to keep to its limit, step by step.
#include "analyzer/commands/info_parts.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// Of a recording that went on for days there may be many.
constexpr int64_t kMostSteps = 40;

std::string StepText(const std::string& detail, uint64_t from, uint64_t to, bool taken_back) {
  const auto pick = [&](const std::string& given_up, const std::string& back) {
    return taken_back ? back : given_up;
  };
  if (detail == "quantum") {
    return (to >= from ? "T rises from " : "T falls from ") + FormatDuration(int64_t(from)) +
           " to " + FormatDuration(int64_t(to));
  }
  if (detail == "wait-stacks") {
    return pick("no stacks of waits for a CPU", "stacks of waits for a CPU again");
  }
  if (detail == "wakers") return pick("no wakers", "wakers again");
  if (detail == "short-user-stacks") {
    return pick("no user stacks of blocks shorter than " + FormatDuration(int64_t(to)),
                "user stacks of short blocks again");
  }
  if (detail == "sample-rate") {
    return "from the next interval on samples at " + std::to_string(to) + " Hz instead of " +
           std::to_string(from) + " Hz";
  }
  if (detail == "stacks") {
    return pick("no stacks of blocks and waits, only exact times by thread and state",
                "stacks of blocks and waits again");
  }
  if (detail == "limit") {
    return pick("nothing is left to give up, and the limit is missed", "the limit is kept again");
  }
  return pick("something that a newer version knows", "something that a newer version knows again");
}

}  // namespace

Result<std::string> DescribeSteps(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(int64_t count,
                           database.QueryInt("SELECT count(*) FROM detail_step JOIN interval"
                                             " ON interval.interval_id = detail_step.interval_id"
                                             " WHERE interval.capture_id = ?1",
                                             {capture_id}));
  if (count == 0) return std::string();
  std::string out = "\nWhat was given up to keep to --max-overhead\n";
  TWOFOLD_RETURN_IF_ERROR(ForEachRow(
      database,
      "SELECT time_ns, detail, from_value, to_value, is_taken_back, cost_permyriad FROM detail_step"
      " JOIN interval ON interval.interval_id = detail_step.interval_id"
      " WHERE interval.capture_id = ?1 ORDER BY detail_step_id LIMIT ?2",
      {capture_id, kMostSteps}, [&](const Statement& row) {
        out += InfoLine("at " + FormatDuration(row.Int(0)),
                        StepText(std::string(row.Text(1)), uint64_t(row.Int(2)),
                                 uint64_t(row.Int(3)), row.Int(4) != 0) +
                            "; recording took " + FormatShare(double(row.Int(5)), 1e4) +
                            " of the host");
      }));
  if (count > kMostSteps) {
    out +=
        InfoLine("later", FormatCount(uint64_t(count - kMostSteps), " more step", " more steps") +
                              " (SQL's table detail_step)");
  }
  return out;
}

}  // namespace twofold
