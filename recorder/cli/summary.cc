#include "recorder/cli/summary.h"

#include <algorithm>
#include <cstdio>

#include "format/base/escape_text.h"
#include "format/base/units.h"
#include "recorder/cli/status_line.h"

namespace twofold {
namespace {

std::string Fixed(double value, int digits) {
  char text[64];
  (void)snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

bool RecordsAPart(const Options& options) {
  return !options.pids.empty() || !options.tids.empty() || !options.cgroup.empty() ||
         !options.comm.empty() || !options.command.empty();
}

std::string PercentText(uint32_t permyriad) { return Fixed(double(permyriad) / 100, 2) + " %"; }

std::string AboveText(const Summary& summary, const Options& options) {
  return "recording took " + PercentText(summary.limit.missed_at_permyriad) +
         " of this host's CPU time with all detail given up, and --max-overhead allows " +
         PercentText(options.max_overhead_permyriad) +
         (RecordsAPart(options) ? ". Allow more, or record with fewer sources (--record).\n"
                                : ". Record a part of the host (-p, --cgroup), or allow more.\n");
}

// What became of --max-overhead, where it was kept by giving something up, or not at all.
std::string LimitText(const Summary& summary, const Options& options, const std::string& path) {
  const LimitSummary& limit = summary.limit;
  if (limit.stopped) return StoppedEarlyText(summary, options);
  std::string text;
  if (limit.missed_at_permyriad > 0) {
    text = "Above the limit: for a time " + AboveText(summary, options);
  }
  if (limit.steps == 0) return text;
  text += "Less detail: to keep to --max-overhead " + PercentText(options.max_overhead_permyriad) +
          " some was given up in " + FormatCount(limit.steps, " step", " steps");
  if (limit.steps_taken_back > 0) {
    text += " and taken back in " + FormatCount(limit.steps_taken_back, " step", " steps");
  }
  return text + "; `twofold info " + path + "` lists them.\n";
}

std::string LatenessText(const Summary& summary) {
  constexpr uint64_t kLateNs = 50'000'000;
  if (summary.latest_ns <= kLateNs) return "";
  return "Note: an interval was read " + FormatDuration(int64_t(summary.latest_ns)) +
         " after its end, as the host was too busy. Its numbers are those of its end.\n";
}

}  // namespace

std::string StoppedEarlyText(const Summary& summary, const Options& options) {
  if (!summary.limit.stopped) return "";
  return "Stopped early, as --or-stop asks: " + AboveText(summary, options);
}

std::string SummaryText(const Summary& summary, const Options& options) {
  const std::string path = EscapeText(summary.path);
  const Cost& cost = summary.cost;
  const double cost_ns = double(cost.bpf_ns + cost.user_ns + cost.system_ns);
  std::string text = "Recorded " + Fixed(summary.seconds, 1) +
                     " s: " + FormatCount(summary.processes, " process", " processes") + ", " +
                     FormatCount(summary.stacks, " stack", " stacks") + ", " +
                     BytesText(summary.file_bytes) + " in " +
                     (path == "-" ? "standard output" : path) + ".\n";
  text += "Own cost: " + Fixed(cost_ns / 1e9, 2) + " s of CPU";
  if (summary.seconds >= 1) {
    const double percent = cost_ns / summary.seconds / 1e7;
    text += " (" + Fixed(percent, 2) + " % of one CPU, " +
            Fixed(percent / std::max(summary.cpus, 1u), 2) + " % of the host)";
  }
  text += ", and " + Fixed(double(cost.startup_ns) / 1e9, 2) + " s to start up; " +
          BytesText(cost.peak_resident_bytes + cost.map_bytes) + " of memory, " +
          BytesText(cost.map_bytes) + " of it in kernel maps.\n";
  text += LimitText(summary, options, path);
  text += LatenessText(summary);
  if (summary.processes == 0) {
    const char* why = !options.comm.empty()     ? "in scope had a name that matches --comm"
                      : !options.cgroup.empty() ? "was in the cgroup"
                                                : "was in scope";
    text += std::string("Note: nothing was recorded, because no thread ") + why + ".\n";
  }
  if (summary.losses > 0) {
    text += "Losses: " + FormatCount(summary.losses) + "; `twofold info " + path +
            "` tells which and what helps.\n";
  }
  return text;
}

}  // namespace twofold
