// twofold info: which blocks were kept, what the host's CPUs did, and what recording cost.
#include <algorithm>
#include <cmath>

#include "analyzer/commands/info_parts.h"
#include "analyzer/data/recorded_sources.h"
#include "format/base/units.h"

namespace twofold {
namespace {

// What recording costs is told as a share of windows that are no shorter.
constexpr double kLeastWindowNs = 1e9;

// "0.25 %", "1 %": a setting, without figures that nobody gave.
std::string PermyriadText(int64_t permyriad) {
  std::string text = std::to_string(permyriad / 100);
  int64_t rest = permyriad % 100;
  if (rest != 0) text += "." + std::to_string(rest / 10);
  if (rest % 10 != 0) text += std::to_string(rest % 10);
  return text + " %";
}

// New keys in maps, and the share of the host that was allowed.
Result<std::string> DescribeLimits(Database& database, int64_t capture_id, double cost_ns,
                                   double window_ns, double host_ns) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database,
               "SELECT coalesce(max_overhead_permyriad, 0),"
               " (SELECT total(map_inserts) FROM cost JOIN interval"
               "  ON interval.interval_id = cost.interval_id WHERE interval.capture_id = ?1),"
               " (SELECT 1e9 * map_inserts / max(interval.end_ns - interval.start_ns, 1)"
               "  FROM cost JOIN interval ON interval.interval_id = cost.interval_id"
               "  WHERE interval.capture_id = ?1 ORDER BY interval.number DESC LIMIT 1) "
               "FROM capture WHERE capture_id = ?1",
               capture_id));
  std::string out;
  if (row.Real(1) > 0) {
    out += InfoLine("map inserts", FormatCount(std::llround(row.Real(1))) + "; " +
                                       FormatCount(std::llround(row.Real(2))) +
                                       " per second in the last interval");
  }
  if (row.Int(0) > 0 && window_ns >= kLeastWindowNs) {
    out +=
        InfoLine("together", FormatShare(cost_ns, host_ns) + " of the host; --max-overhead was " +
                                 PermyriadText(row.Int(0)));
  }
  return out;
}

}  // namespace

Result<std::string> DescribeBlockSettings(Database& database, int64_t capture_id) {
  const std::string sql =
      "SELECT " + RecordedSource("'offcpu'") +
      ", wakers, min_block_ns, max_block_ns,"
      " coalesce((SELECT quantum_ns FROM interval WHERE interval.capture_id = capture.capture_id"
      "  ORDER BY number LIMIT 1), capture.quantum_ns),"
      " (SELECT max(quantum_ns) FROM interval WHERE interval.capture_id = capture.capture_id),"
      " (SELECT quantum_ns FROM interval WHERE interval.capture_id = capture.capture_id"
      "  ORDER BY number DESC LIMIT 1) "
      "FROM capture WHERE capture_id = ?";
  TWOFOLD_ASSIGN_OR_RETURN(Statement row, FirstRow(database, sql.c_str(), capture_id));
  if (row.Int(0) == 0) return std::string();
  int64_t first_ns = row.Int(4);
  int64_t most_ns = std::max(row.Int(5), first_ns);
  int64_t last_ns = row.IsNull(6) ? first_ns : row.Int(6);
  std::string text = "all were kept";
  if (most_ns > 0) {
    text = "those shorter than " + FormatDuration(first_ns) + " were kept by chance";
    if (first_ns == 0) {
      text = "all were kept at first, then by chance those shorter than " + FormatDuration(most_ns);
      if (last_ns != most_ns) text += ", and at the end than " + FormatDuration(last_ns);
    } else if (most_ns != first_ns || last_ns != first_ns) {
      text += "; this rose to " + FormatDuration(most_ns);
      if (last_ns != most_ns) text += ", and was " + FormatDuration(last_ns) + " at the end";
    }
  }
  int64_t min_ns = row.Int(2);
  if (min_ns > 0 && !row.IsNull(3)) {
    text += "; none outside " + FormatDuration(min_ns) + " to " + FormatDuration(row.Int(3));
  } else if (min_ns > 0) {
    text += "; none shorter than " + FormatDuration(min_ns);
  } else if (!row.IsNull(3)) {
    text += "; none longer than " + FormatDuration(row.Int(3));
  }
  std::string out = InfoLine("blocks", text);
  int64_t wakers = row.Int(1);
  std::string wakers_text = "none";
  if (wakers == 1) wakers_text = "who woke whom";
  if (wakers > 1) wakers_text = "chains of up to " + std::to_string(wakers);
  return out + InfoLine("wakers", wakers_text);
}

Result<std::string> DescribeCpus(Database& database, int64_t capture_id) {
  static constexpr const char* kParts[] = {"user",   "system", "interrupts",     "soft interrupts",
                                           "stolen", "idle",   "idle for a disk"};
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(database,
               "SELECT count(DISTINCT cpu), total(user_ns), total(system_ns), total(irq_ns),"
               " total(softirq_ns), total(steal_ns), total(idle_ns), total(iowait_ns) "
               "FROM cpu_time JOIN interval ON interval.interval_id = cpu_time.interval_id "
               "WHERE interval.capture_id = ?",
               capture_id));
  if (row.Int(0) == 0) return std::string();
  double all_ns = 0;
  for (int column = 1; column <= 7; ++column) all_ns += row.Real(column);
  std::string text;
  for (int column = 1; column <= 7; ++column) {
    text += (text.empty() ? "" : ", ") + std::string(kParts[column - 1]) + " " +
            FormatShare(row.Real(column), all_ns);
  }
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement busiest,
      FirstRow(database,
               "SELECT cpu, total(user_ns + system_ns + irq_ns + softirq_ns + steal_ns) AS busy_ns,"
               " total(user_ns + system_ns + irq_ns + softirq_ns + steal_ns + idle_ns + iowait_ns) "
               "FROM cpu_time JOIN interval ON interval.interval_id = cpu_time.interval_id "
               "WHERE interval.capture_id = ? GROUP BY cpu ORDER BY busy_ns DESC, cpu LIMIT 1",
               capture_id));
  return "\nCPUs of the host\n" +
         InfoLine(row.Int(0) == 1 ? "1 CPU" : FormatCount(row.Int(0)) + " CPUs", text) +
         InfoLine("busiest", "CPU " + std::to_string(busiest.Int(0)) + ", busy for " +
                                 FormatShare(busiest.Real(1), busiest.Real(2)));
}

Result<std::string> DescribeCost(Database& database, int64_t capture_id) {
  TWOFOLD_ASSIGN_OR_RETURN(
      Statement row,
      FirstRow(
          database,
          "SELECT total(cost.bpf_ns), sum(cost.bpf_runs), total(cost.user_ns + cost.system_ns),"
          " max(cost.peak_resident_bytes), max(cost.map_bytes), total(interval.end_ns - "
          "interval.start_ns),"
          " (SELECT cpus_online FROM capture WHERE capture_id = ?1), total(cost.bpf_measured_ns) "
          "FROM cost JOIN interval ON interval.interval_id = cost.interval_id "
          "WHERE interval.capture_id = ?1",
          capture_id));
  // Of a capture that was imported nobody knows.
  if (row.Int(1) == 0 && row.Real(0) + row.Real(2) == 0) return std::string();
  double window_ns = row.Real(5);
  double host_ns = window_ns * double(row.Int(6));
  auto share = [&](double time_ns) {
    // Loading takes half a second whatever the window: in per cent of a shorter one it says
    // nothing.
    if (window_ns < kLeastWindowNs) return FormatDuration(int64_t(time_ns));
    return FormatDuration(int64_t(time_ns)) + ": " + FormatShare(time_ns, window_ns) +
           " of one CPU, " + FormatShare(time_ns, host_ns) + " of the host";
  };
  std::string out = "\nWhat recording cost\n";
  std::string runs = FormatCount(row.Int(1)) + " runs of BPF programs";
  double measured_ns = row.Real(7);
  if (measured_ns > 0) {
    runs = "about " + runs + ", measured in slices of " + FormatShare(measured_ns, window_ns) +
           " of the time";
  }
  out += InfoLine("in the kernel", share(row.Real(0)) + " (" + runs + ")");
  out += InfoLine("recorder", share(row.Real(2)));
  out += InfoLine("memory", FormatBytes(row.Int(3)) + " at most, and " + FormatBytes(row.Int(4)) +
                                " of BPF maps");
  TWOFOLD_ASSIGN_OR_RETURN(
      std::string limits,
      DescribeLimits(database, capture_id, row.Real(0) + row.Real(2), window_ns, host_ns));
  return out + limits;
}

}  // namespace twofold
