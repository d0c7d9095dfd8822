// What this host offers and what it lacks, found by asking, never by a version number.
#pragma once

#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"

namespace twofold {

// Error: one sentence that names the first thing that is missing (privilege, BTF, a tracepoint, the
// host's pid namespace) and the way out. `btf_path` is the kernel's type information.
Result<void> ProbeHost(bool offcpu, const std::string& btf_path = "/sys/kernel/btf/vmlinux");

// True if the kernel has the tracepoints that threads' states are followed by.
bool HasSchedulerTracepoints();

// True from 5.18 on: the tracepoint sched_switch passes the state of the thread that leaves.
bool SwitchTracepointPassesState();

// Error: a pid of `pids` that does not exist, or that is a thread and no process.
Result<void> ProbePids(const std::vector<Pid>& pids);

}  // namespace twofold
