// Which threads a recording is of: what -p, -t, --cgroup, --comm and a command choose.
#pragma once

#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/host/probe.h"
#include "recorder/processes/process_table.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

struct RecordedScope {
  std::vector<Pid> processes;  // of -p, or those of the threads of -t
  std::string cgroup_path;     // of --cgroup, below the root of its hierarchy
};

// Finds what the options name; a command is not known yet. Fills in what the tracer needs of it.
// Error: something is not there.
Result<RecordedScope> ChooseScope(const Options& options, const SchedulerTracepoints& tracepoints,
                                  const Notes& notes, TracerSettings& settings);

// Which processes are worth knowing. `command` is 0 without one.
ProcessTable::Scope TableScope(const RecordedScope& scope, Pid command);

// What a capture says of it.
void DescribeScope(const Options& options, const RecordedScope& scope, Settings& settings);

}  // namespace twofold
