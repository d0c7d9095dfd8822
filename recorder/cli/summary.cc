#include "recorder/cli/summary.h"

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

}  // namespace

std::string StoppedEarlyText(const Summary& summary, const Options& options) {
  if (summary.stopped_at_permyriad <= 0) return "";
  return "Stopped early: recording took " + Fixed(summary.stopped_at_permyriad / 100, 2) +
         " % of this host's CPU time, and --max-overhead allows " +
         Fixed(double(options.max_overhead_permyriad) / 100, 2) +
         (RecordsAPart(options) ? " %. Allow more, or record with fewer sources (--record).\n"
                                : " %. Record a part of the host (-p, --cgroup), or allow "
                                  "more.\n");
}

std::string SummaryText(const Summary& summary, const Options& options) {
  const std::string path = EscapeText(summary.path);
  const Cost& cost = summary.cost;
  const double cost_ns = double(cost.bpf_ns + cost.user_ns + cost.system_ns);
  std::string text = "Recorded " + Fixed(summary.seconds, 1) +
                     " s: " + FormatCount(summary.processes) + " processes, " +
                     FormatCount(summary.stacks) + " stacks, " + BytesText(summary.file_bytes) +
                     " in " + (path == "-" ? "standard output" : path) + ".\n";
  text += "Own cost: " + Fixed(cost_ns / 1e9, 2) + " s of CPU";
  // Loading takes a moment whatever the window; in per cent of a very short one it would say
  // nothing.
  if (summary.seconds >= 1) {
    text += " (" + Fixed(cost_ns / summary.seconds / 1e7, 2) + " % of one CPU)";
  }
  text += ", " + BytesText(cost.peak_resident_bytes + cost.map_bytes) + " of memory, " +
          BytesText(cost.map_bytes) + " of it in kernel maps.\n";
  text += StoppedEarlyText(summary, options);
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
