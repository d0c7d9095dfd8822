// The part of the capture builder that makes rows of single events.
#include <vector>

#include "recorder/capture_builder.h"

namespace twofold {

void CaptureBuilder::BuildExecRows(const Reading& reading, Interval& interval) {
  std::vector<ExecRow>& rows = interval.execs.emplace();
  const uint64_t start_ns = recording_.start_monotonic_ns;
  for (const ExecReading& exec : reading.execs) {
    // Between the attaching of the programs and the window's start.
    if (exec.time_ns < start_ns) continue;
    rows.push_back(ExecRow{.thread = ThreadOf(exec.thread),
                           .time_ns = exec.time_ns - start_ns,
                           .error = exec.error,
                           .parent_pid = Pid(exec.parent_tgid),
                           .parent_name = definitions_.InternString(exec.parent_name),
                           .file = definitions_.InternString(exec.file),
                           .arguments = definitions_.InternString(exec.arguments),
                           .arguments_cut = exec.arguments_cut});
  }
}

}  // namespace twofold
