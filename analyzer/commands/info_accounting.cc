// twofold info: where the time of all threads went, whether it adds up, and how much of it is
// estimated.
#include <cmath>
#include <cstdio>

#include "analyzer/commands/info_parts.h"
#include "analyzer/text/table.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

// Per cent with one figure that is not 0, without an exponent: "0.000003 %".
std::string SmallPercent(double percent) {
  int decimals = 1;
  for (double shown = percent * 10; shown < 0.95 && decimals < 12; shown *= 10) ++decimals;
  char text[64];
  snprintf(text, sizeof(text), "%.*f %%", decimals, percent);
  return text;
}

// Whether the states of each thread and interval add up to the time that it existed.
Result<std::string> DescribeResidue(Database& database, int64_t capture_id) {
  // More than this share of an interval is no matter of clocks any more.
  constexpr double kMaxPercent = 0.1;
  const std::string residues =
      "WITH residue AS (SELECT account_id, thread_id, interval.number,"
      " on_cpu_ns + woken_ns + preempted_ns + interruptible_ns + uninterruptible_ns + stopped_ns"
      "  + traced_ns + parked_ns + idle_ns + other_ns - existed_ns AS residue_ns,"
      " max(interval.end_ns - interval.start_ns, 1) AS length_ns"
      " FROM account JOIN interval ON interval.interval_id = account.interval_id"
      " WHERE interval.capture_id = ?) ";
  Result<int64_t> largest_ns =
      database.QueryInt(residues + "SELECT max(abs(residue_ns)) FROM residue", {capture_id});
  if (!largest_ns) return std::move(largest_ns).error();
  if (*largest_ns == 0)
    return InfoLine("adds up", "to the nanosecond, for every thread and interval");
  const std::string worst =
      residues +
      "SELECT residue_ns, 100.0 * abs(residue_ns) / length_ns AS percent, number, thread.tid,"
      " thread.name, process.pid FROM residue"
      " LEFT JOIN thread ON thread.thread_id = residue.thread_id"
      " LEFT JOIN process ON process.process_id = thread.process_id "
      "ORDER BY percent DESC, account_id LIMIT 1";
  Result<Statement> row = FirstRow(database, worst.c_str(), capture_id);
  if (!row) return std::move(row).error();
  std::string percent = SmallPercent(row->Real(1));
  if (row->Real(1) <= kMaxPercent) {
    return InfoLine("adds up", "within " + FormatDuration(*largest_ns) +
                                   " for every thread and interval, " + percent +
                                   " of an interval at most");
  }
  int64_t residue_ns = row->Int(0);
  return InfoLine("WARNING", "does not add up: in interval " + std::to_string(row->Int(2)) +
                                 ", thread " + std::to_string(row->Int(3)) + " (" +
                                 std::string(row->Text(4)) + ") of process " +
                                 std::to_string(row->Int(5)) + " has " +
                                 FormatDuration(residue_ns < 0 ? -residue_ns : residue_ns) +
                                 (residue_ns < 0 ? " too little" : " too much") +
                                 " in its states, " + percent + " of the interval");
}

// How much of blocked time was measured with its stack, how much is estimated, how much has none.
Result<std::string> DescribeEstimate(Database& database, int64_t capture_id) {
  Result<Statement> row = FirstRow(
      database,
      "SELECT total(time_ns - sampled_ns), total(sampled_ns), total(variance_us2), count(*),"
      " (SELECT total(time_ns) FROM unplaced JOIN interval"
      "  ON interval.interval_id = unplaced.interval_id"
      "  WHERE interval.capture_id = ?1 AND state <> 'R') "
      "FROM blocked JOIN interval ON interval.interval_id = blocked.interval_id "
      "WHERE interval.capture_id = ?1",
      capture_id);
  if (!row) return std::move(row).error();
  if (row->Int(3) == 0) return std::string();
  auto duration = [](double time_ns) { return FormatDuration(std::llround(time_ns)); };
  std::string text = duration(row->Real(0)) + " measured";
  if (row->Real(1) > 0) {
    text += ", " + duration(row->Real(1)) + " estimated (standard error " +
            duration(std::sqrt(row->Real(2)) * 1000) + ")";
  }
  if (row->Real(4) > 0) text += ", " + duration(row->Real(4)) + " without a stack";
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
  Result<Statement> row = FirstRow(
      database,
      "SELECT count(DISTINCT thread_id), sum(existed_ns), sum(on_cpu_ns), sum(woken_ns),"
      " sum(preempted_ns), sum(interruptible_ns), sum(uninterruptible_ns), sum(stopped_ns),"
      " sum(traced_ns), sum(parked_ns), sum(idle_ns), sum(other_ns) "
      "FROM account JOIN interval ON interval.interval_id = account.interval_id "
      "WHERE interval.capture_id = ?",
      capture_id);
  if (!row) return std::move(row).error();
  if (row->Int(0) == 0) return std::string();
  std::string out = "\nAccounting\n";
  out += InfoLine("threads", FormatCount(row->Int(0)) + ", which existed for " +
                                 FormatDuration(row->Int(1)) + " in all");
  Result<std::string> residue = DescribeResidue(database, capture_id);
  if (!residue) return residue;
  out += *residue;
  Result<std::string> estimate = DescribeEstimate(database, capture_id);
  if (!estimate) return estimate;
  out += *estimate;
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 0; i < std::size(kStates); ++i) {
    int64_t time_ns = row->Int(static_cast<int>(i) + 2);
    if (time_ns == 0) continue;
    rows.push_back({FormatDuration(time_ns),
                    FormatShare(static_cast<double>(time_ns), static_cast<double>(row->Int(1))),
                    kStates[i]});
  }
  if (rows.empty()) return out;
  return out +
         FormatTable({{"time", Align::kRight}, {"share", Align::kRight}, {"state", Align::kLeft}},
                     rows, 2, InfoTableWidth());
}

}  // namespace twofold
