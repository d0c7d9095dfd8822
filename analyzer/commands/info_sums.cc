// twofold info: whether sums agree that came about independently: the states of a thread with how
// long it existed, that with the interval's length, and the rows of each view with the accounts.
// Each with its residue; what is more than a matter of clocks or chance is a warning.
#include <cmath>
#include <cstdio>

#include "analyzer/commands/info_parts.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// More than this share of an interval is no matter of clocks any more.
constexpr double kMaxPercent = 0.1;

// Per cent with one figure that is not 0, without an exponent: "0.000003 %".
std::string SmallPercent(double percent) {
  int decimals = 1;
  for (double shown = percent * 10; shown < 0.95 && decimals < 12; shown *= 10) ++decimals;
  char text[64];
  snprintf(text, sizeof(text), "%.*f %%", decimals, percent);
  return text;
}

std::string Duration(double time_ns) { return FormatDuration(std::llround(std::abs(time_ns))); }

// "in interval 1, thread 7 (worker) of process 2": columns `first` to `first` + 3.
std::string Whose(const Statement& row, int first) {
  return "in interval " + std::to_string(row.Int(first)) + ", thread " +
         std::to_string(row.Int(first + 1)) + " (" + std::string(row.Text(first + 2)) +
         ") of process " + std::to_string(row.Int(first + 3));
}

// Whether the states of each thread and interval add up to the time that it existed.
Result<std::string> DescribeStates(Database& database, int64_t capture_id) {
  const std::string residues =
      "WITH residue AS (SELECT account_id, thread_id, interval.number,"
      " on_cpu_ns + woken_ns + preempted_ns + interruptible_ns + uninterruptible_ns + stopped_ns"
      "  + traced_ns + parked_ns + idle_ns + other_ns - existed_ns AS residue_ns,"
      " max(interval.end_ns - interval.start_ns, 1) AS length_ns"
      " FROM account JOIN interval ON interval.interval_id = account.interval_id"
      " WHERE interval.capture_id = ?) ";
  TWOFOLD_ASSIGN_OR_RETURN(
      int64_t largest_ns,
      database.QueryInt(residues + "SELECT max(abs(residue_ns)) FROM residue", {capture_id}));
  if (largest_ns == 0)
    return InfoLine("adds up", "to the nanosecond, for every thread and interval");
  const std::string worst =
      residues +
      "SELECT residue_ns, 100.0 * abs(residue_ns) / length_ns AS percent, number, thread.tid,"
      " thread.name, process.pid FROM residue"
      " LEFT JOIN thread ON thread.thread_id = residue.thread_id"
      " LEFT JOIN process ON process.process_id = thread.process_id "
      "ORDER BY percent DESC, account_id LIMIT 1";
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, FirstRow(database, worst.c_str(), capture_id));
  std::string percent = SmallPercent(row.Real(1));
  if (row.Real(1) <= kMaxPercent) {
    return InfoLine("adds up", "within " + FormatDuration(largest_ns) +
                                   " for every thread and interval, " + percent +
                                   " of an interval at most");
  }
  int64_t residue_ns = row.Int(0);
  return InfoLine("WARNING", "does not add up: " + Whose(row, 2) + " has " +
                                 Duration(double(residue_ns)) +
                                 (residue_ns < 0 ? " too little" : " too much") +
                                 " in its states, " + percent + " of the interval");
}

// Whether threads existed no longer than their intervals lasted, and no shorter in those between
// two others of theirs. A thread that changes its name or program has an account of each; one that
// moves in and out of what is recorded has gaps of its own.
Result<std::string> DescribeExistence(Database& database, int64_t capture_id) {
  static constexpr const char* kWorst =
      "WITH place AS (SELECT interval_id, number, row_number() OVER (ORDER BY interval_id) AS "
      "place,"
      "  max(end_ns - start_ns, 1) AS length_ns FROM interval"
      "  WHERE capture_id = ?1 AND has_accounts = 1),"
      " existence AS (SELECT thread.tid, thread.start_ns, min(account.thread_id) AS thread_id,"
      "   place, number, length_ns, sum(existed_ns) AS existed_ns FROM account"
      "  JOIN place ON place.interval_id = account.interval_id"
      "  JOIN thread ON thread.thread_id = account.thread_id"
      "  GROUP BY thread.tid, thread.start_ns, place),"
      " neighbours AS (SELECT *, lag(place) OVER thread_in_order AS before,"
      "   lead(place) OVER thread_in_order AS after FROM existence"
      "  WINDOW thread_in_order AS (PARTITION BY tid, start_ns ORDER BY place)),"
      " residue AS ("
      "  SELECT thread_id, number, existed_ns, length_ns, existed_ns - length_ns AS residue_ns,"
      "   1 AS has_account FROM neighbours"
      "  WHERE existed_ns > length_ns OR (before = place - 1 AND after = place + 1)"
      "  UNION ALL"
      "  SELECT neighbours.thread_id, place.number, 0, place.length_ns, -place.length_ns, 0"
      "  FROM neighbours JOIN place ON place.place = neighbours.place + 1"
      "  WHERE neighbours.after > neighbours.place + 1) "
      "SELECT residue_ns, 100.0 * abs(residue_ns) / length_ns AS percent, number, thread.tid,"
      " thread.name, process.pid, existed_ns, length_ns, has_account,"
      " (SELECT scope = 'cgroup' OR comm <> '' FROM capture WHERE capture_id = ?1) FROM residue"
      " LEFT JOIN thread ON thread.thread_id = residue.thread_id"
      " LEFT JOIN process ON process.process_id = thread.process_id "
      "ORDER BY percent DESC, number, residue.thread_id LIMIT 1";
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, database.Prepare(kWorst, {capture_id}));
  TWOFOLD_ASSIGN_OR_RETURN(bool found, row.Step());
  if (!found) {
    return InfoLine("existence", "no longer than the intervals, for every thread");
  }
  double residue_ns = double(row.Int(0));
  double percent = row.Real(1);
  bool may_have_left = row.Int(9) != 0 && residue_ns < 0;
  if (percent <= kMaxPercent || may_have_left) {
    std::string text = "as long as the intervals, for threads that were there before and after";
    if (may_have_left && percent > kMaxPercent) {
      return InfoLine("existence", "no longer than the intervals, for every thread");
    }
    return InfoLine("existence",
                    residue_ns == 0 ? text : text + ", within " + Duration(residue_ns));
  }
  std::string length = Duration(double(row.Int(7)));
  std::string text = "accounts do not add up: " + Whose(row, 2);
  if (row.Int(8) == 0) {
    text += " has no account, but one before and one after";
  } else {
    text += " existed for " + Duration(double(row.Int(6))) + " of " + length;
    if (residue_ns < 0) text += ", and before and after";
  }
  return InfoLine("WARNING", text);
}

// A view whose rows the accounts tell of, too. Its queries give of intervals with both, and of
// threads with an account: what the rows tell after scaling, as recorded, what the accounts tell,
// and a bound of the variance of what was recorded, in squared nanoseconds. Then, of threads
// without one: how many, and their time.
struct Summed {
  const char* name;
  const char* source;    // name of the time, for sentences
  double allowed_share;  // by which rows as recorded may be off without an error of chance
  const char* sql;
};

#define TWOFOLD_HAS_ACCOUNT "thread_id IN (SELECT thread_id FROM account)"

// A tick that comes late, or in time that an interrupt took, moves samples from thread to thread.
constexpr Summed kSummed[] = {
    {"cpu", "on-CPU time", 0.05,
     "WITH here AS (SELECT interval_id, cpu_period_ns FROM interval WHERE capture_id = ?1"
     "  AND has_accounts = 1 AND cpu_period_ns IS NOT NULL),"
     " rows AS (SELECT scaled_ns, time_ns, thread_id, " TWOFOLD_HAS_ACCOUNT " AS known"
     "  FROM cpu_sample JOIN here USING (interval_id)),"
     " exact AS (SELECT total(unsampled_ns) AS unsampled_ns, total(on_cpu_ns) AS on_cpu_ns,"
     "  total(on_cpu_ns * 1.0 * cpu_period_ns) AS variance FROM account JOIN here"
     "  USING (interval_id)) "
     "SELECT (SELECT total(scaled_ns) FROM rows WHERE known) + unsampled_ns,"
     " (SELECT total(time_ns) FROM rows WHERE known), on_cpu_ns, variance,"
     " (SELECT count(DISTINCT thread_id) FROM rows WHERE NOT known),"
     " (SELECT total(time_ns) FROM rows WHERE NOT known), (SELECT count(*) FROM here) FROM exact"},
    {"offcpu", "blocked time", 0.001,
     "WITH here AS (SELECT interval_id, quantum_ns FROM interval WHERE capture_id = ?1"
     "  AND has_accounts = 1 AND has_blocked = 1),"
     " rows AS (SELECT scaled_ns, time_ns, sampled_ns, thread_id, " TWOFOLD_HAS_ACCOUNT " AS known"
     "  FROM blocked JOIN here USING (interval_id)),"
     " exact AS (SELECT total(interruptible_ns + uninterruptible_ns + stopped_ns + traced_ns"
     "  + parked_ns + idle_ns + other_ns) AS exact_ns FROM account JOIN here USING (interval_id)) "
     "SELECT (SELECT total(scaled_ns) FROM rows WHERE known) + (SELECT total(time_ns) FROM unplaced"
     "  JOIN here USING (interval_id) WHERE state <> 'R'),"
     " (SELECT total(time_ns) FROM rows WHERE known), exact_ns,"
     " (SELECT max(quantum_ns) FROM here) * (SELECT max(total(sampled_ns),"
     "  exact_ns - total(time_ns - sampled_ns)) FROM rows WHERE known),"
     " (SELECT count(DISTINCT thread_id) FROM rows WHERE NOT known),"
     " (SELECT total(time_ns) FROM rows WHERE NOT known), (SELECT count(*) FROM here) FROM exact"},
    {"runnable", "waits for a CPU", 0.001,
     "WITH here AS (SELECT interval_id, quantum_ns FROM interval WHERE capture_id = ?1"
     "  AND has_accounts = 1 AND has_waiting = 1),"
     " rows AS (SELECT scaled_ns, time_ns, sampled_ns, thread_id, " TWOFOLD_HAS_ACCOUNT " AS known"
     "  FROM waiting JOIN here USING (interval_id)),"
     " exact AS (SELECT total(woken_ns + preempted_ns) AS exact_ns FROM account JOIN here"
     "  USING (interval_id)) "
     "SELECT (SELECT total(scaled_ns) FROM rows WHERE known) + (SELECT total(time_ns) FROM unplaced"
     "  JOIN here USING (interval_id) WHERE state = 'R'),"
     " (SELECT total(time_ns) FROM rows WHERE known), exact_ns,"
     " (SELECT max(quantum_ns) FROM here) * (SELECT max(total(sampled_ns),"
     "  exact_ns - total(time_ns - sampled_ns)) FROM rows WHERE known),"
     " (SELECT count(DISTINCT thread_id) FROM rows WHERE NOT known),"
     " (SELECT total(time_ns) FROM rows WHERE NOT known), (SELECT count(*) FROM here) FROM exact"},
};

#undef TWOFOLD_HAS_ACCOUNT

Result<std::string> DescribeRows(Database& database, int64_t capture_id, const Summed& summed) {
  constexpr double kPlausibleErrors = 5;
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, FirstRow(database, summed.sql, capture_id));
  double rows_ns = row.Real(0);
  double recorded_ns = row.Real(1);
  double exact_ns = row.Real(2);
  double error_ns = std::sqrt(std::max(row.Real(3), 0.0));
  double without_ns = row.Real(5);
  if (row.Int(6) == 0 || (rows_ns == 0 && exact_ns == 0 && without_ns == 0)) return std::string();
  std::string view = "view " + std::string(summed.name);
  std::string out;
  double residue_ns = rows_ns - exact_ns;
  if (std::abs(residue_ns) * 100 > kMaxPercent * std::max(exact_ns, rows_ns)) {
    out +=
        InfoLine("WARNING", "the " + view + " does not add up: its rows tell " + Duration(rows_ns) +
                                " of " + summed.source + ", " + Duration(std::abs(residue_ns)) +
                                (residue_ns > 0 ? " more" : " less") +
                                " than the accounts of the same threads: accounts were lost, or "
                                "time is in two rows");
  } else {
    out += InfoLine(view, Duration(rows_ns) + ", " +
                              (residue_ns == 0 ? "as" : Duration(residue_ns) + " off what") +
                              " the accounts tell (as recorded " + Duration(recorded_ns) + ")");
  }
  double allowed_ns = kPlausibleErrors * error_ns + summed.allowed_share * exact_ns;
  if (recorded_ns - exact_ns > allowed_ns) {
    out += InfoLine("WARNING", "the rows of the " + view + " told " + Duration(recorded_ns) +
                                   " as recorded, and the accounts of the same threads " +
                                   Duration(exact_ns) +
                                   ": more than chance explains, as if time was recorded twice");
  }
  if (row.Int(4) > 0) {
    out += InfoLine("", FormatCount(row.Int(4)) + (row.Int(4) == 1 ? " thread" : " threads") +
                            " more without an account: " + Duration(without_ns) + " of " +
                            summed.source + " in rows alone");
  }
  return out;
}

}  // namespace

Result<std::string> DescribeSums(Database& database, int64_t capture_id) {
  std::string out;
  for (auto describe : {DescribeStates, DescribeExistence}) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, describe(database, capture_id));
    out += text;
  }
  for (const Summed& summed : kSummed) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, DescribeRows(database, capture_id, summed));
    out += text;
  }
  return out;
}

}  // namespace twofold
