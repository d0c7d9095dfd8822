// What this host offers and what it lacks, found by asking, never by a version number.
#pragma once

#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"

namespace twofold {

// How the kernel's scheduler can be followed.
struct SchedulerTracepoints {
  bool all_there = false;  // those that threads' states are followed by
  bool switch_passes_state =
      false;  // from 5.18 on: sched_switch passes the state of the thread that leaves
  bool cgroup_attach = false;  // a process that is moved into a cgroup is told of
};

// How TCP's retransmits can be followed.
struct TcpTracepoints {
  bool passes_error = false;  // from 6.15 on: packets that could not be sent are told of, too
};

// Error: names what this kernel lacks for it.
Result<TcpTracepoints> ProbeTcp(const std::string& btf_path = "/sys/kernel/btf/vmlinux");

// Error: names the capabilities that this process lacks.
Result<void> ProbePrivilege();

// Error: this process's pids are not the host's.
Result<void> ProbePidNamespace();

// Error: one sentence that names the first thing that is missing (privilege, BTF, a tracepoint, the
// host's pid namespace) and the way out. `btf_path` is the kernel's type information, which is
// parsed once, here.
Result<SchedulerTracepoints> ProbeHost(bool offcpu,
                                       const std::string& btf_path = "/sys/kernel/btf/vmlinux");

// Error: a pid of `pids` that does not exist, or that is a thread and no process.
Result<void> ProbePids(const std::vector<Pid>& pids);

// The processes of threads, ascending and without doubles. Error: a tid that does not exist, or
// whose thread has ended.
Result<std::vector<Pid>> ProcessesOfThreads(const std::vector<Tid>& tids);

}  // namespace twofold
