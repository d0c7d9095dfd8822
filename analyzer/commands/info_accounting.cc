// twofold info: where the time of all threads went, and how much of it is estimated.
#include <algorithm>
#include <cmath>

#include "analyzer/commands/info_parts.h"
#include "analyzer/tabular/row_groups.h"
#include "analyzer/text/table.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// How much of blocked time was measured with its stack, how much is estimated, how much has none;
// of threads with an account, so that it is the time that they were blocked.
Result<std::string> DescribeEstimate(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database,
               "SELECT total(scaled_ns), total(time_ns - sampled_ns),"
               " total(CASE WHEN quanta_us2 > 0 THEN 1e-6 * sampled_ns * sampled_ns / quanta_us2"
               "  WHEN quantum_ns > 0 THEN 1.0 * sampled_ns / quantum_ns END), count(*),"
               " (SELECT total(time_ns) FROM unplaced JOIN interval"
               "  ON interval.interval_id = unplaced.interval_id"
               "  WHERE interval.capture_id = ?1 AND state <> 'R') "
               "FROM blocked JOIN interval ON interval.interval_id = blocked.interval_id "
               "WHERE interval.capture_id = ?1 AND has_accounts = 1"
               " AND thread_id IN (SELECT thread_id FROM account)",
               capture_id));
  if (row.Int(3) == 0) return std::string();
  auto duration = [](double time_ns) { return FormatDuration(std::llround(time_ns)); };
  double measured_ns = std::min(row.Real(0), row.Real(1));
  double estimated_ns = row.Real(0) - measured_ns;
  std::string text = duration(measured_ns) + " measured";
  if (estimated_ns > 0 && row.Real(2) > 0) {
    int64_t kept = std::max<int64_t>(std::llround(row.Real(2)), 1);
    text += ", " + duration(estimated_ns) + " estimated by " + FormatCount(kept) +
            (kept == 1 ? " shorter block" : " shorter blocks, each") + " for " +
            duration(estimated_ns / double(kept));
  }
  if (row.Real(4) > 0) text += ", " + duration(row.Real(4)) + " without a stack";
  return InfoLine("blocked", text);
}

}  // namespace

Result<std::string> DescribeAccounting(Database& database, int64_t capture_id) {
  static constexpr const char* kStates[] = {
      "on a CPU",
      "woken, waiting for a CPU",
      "preempted, waiting for a CPU",
      "blocked, S: asleep, waiting for an event",
      "blocked, D: waiting for a disk or a lock of the kernel",
      "blocked, T: stopped by a signal",
      "blocked, t: stopped by a debugger",
      "blocked, P: a parked kernel thread",
      "blocked, I: an idle kernel thread",
      "blocked in another state",
  };
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          ("SELECT " + ThreadCount("account") +
           ", sum(existed_ns), sum(on_cpu_ns), sum(woken_ns),"
           " sum(preempted_ns), sum(interruptible_ns), sum(uninterruptible_ns), sum(stopped_ns),"
           " sum(traced_ns), sum(parked_ns), sum(idle_ns), sum(other_ns) "
           "FROM account JOIN interval ON interval.interval_id = account.interval_id "
           "WHERE interval.capture_id = ?")
              .c_str(),
          capture_id));
  if (row.Int(0) == 0) return std::string();
  std::string out = "\nAccounting\n";
  out += InfoLine("threads", FormatCount(row.Int(0)) + ", which existed for " +
                                 FormatDuration(row.Int(1)) + " in all");
  TWOFOLD_ASSIGN_OR_RETURN(std::string sums, DescribeSums(database, capture_id));
  out += sums;
  TWOFOLD_ASSIGN_OR_RETURN(std::string estimate, DescribeEstimate(database, capture_id));
  out += estimate;
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < std::size(kStates); ++i) {
    int64_t time_ns = row.Int(int(i) + 2);
    if (time_ns == 0) continue;
    rows.push_back(
        {FormatDuration(time_ns), FormatShare(double(time_ns), double(row.Int(1))), kStates[i]});
  }
  if (rows.empty()) return out;
  return out +
         FormatTable({{"time", Align::kRight}, {"share", Align::kRight}, {"state", Align::kLeft}},
                     rows, 2, InfoTableWidth());
}

}  // namespace twofold
