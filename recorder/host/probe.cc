#include "recorder/host/probe.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"

namespace twofold {
namespace {

// The value of a line "Key:   value" in a file of /proc; empty when there is none.
std::string StatusValue(const std::string& path, const std::string& key) {
  std::ifstream lines(path);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.compare(0, key.size() + 1, key + ":") != 0) continue;
    const size_t start = line.find_first_not_of(" \t", key.size() + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

bool HasCapability(uint64_t effective, int capability) {
  return (effective >> capability & 1) != 0;
}

}  // namespace

Result<void> ProbePrivilege() {
  const std::string mask = StatusValue("/proc/self/status", "CapEff");
  const uint64_t effective = std::strtoull(mask.c_str(), nullptr, 16);
  // The statistics of the programs' own cost take the first (kernel/bpf/syscall.c:
  // bpf_enable_stats), which stands for CAP_BPF and CAP_PERFMON as well; the addresses in kallsyms
  // take the second.
  std::string missing;
  if (!HasCapability(effective, CAP_SYS_ADMIN)) missing = "CAP_SYS_ADMIN";
  if (!HasCapability(effective, CAP_SYSLOG)) {
    missing += missing.empty() ? "CAP_SYSLOG" : " and CAP_SYSLOG";
  }
  if (missing.empty()) return {};
  return Error{.what = "recording needs privileges that this process does not have: " + missing,
               .where = "",
               .remedy =
                   "Run it as root (sudo twofold-record ...), or in a container with "
                   "--privileged --pid=host"};
}

Result<void> ProbePidNamespace() {
  // The first pid namespace has this number since 3.8 (include/linux/proc_ns.h: PROC_PID_INIT_INO).
  // In another one the recorder's pids are not the kernel's, and a pass over all tasks sees only
  // its own.
  char link[64] = {};
  const ssize_t length = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);
  if (length > 0 && std::string(link) != "pid:[4026531836]") {
    return Error{
        .what =
            "this shell lives in a pid namespace of its own, so the host's processes cannot be "
            "told apart",
        .where = "/proc/self/ns/pid",
        .remedy = "Record on the host itself, or start the container with --pid=host --privileged"};
  }
  if (length < 0) {
    return Error{.what = "cannot be read: " + ErrnoText(errno),
                 .where = "/proc/self/ns/pid",
                 .remedy = "Mount /proc (mount -t proc proc /proc)"};
  }
  return {};
}

Result<SchedulerTracepoints> ProbeHost(bool offcpu, const std::string& btf_path) {
  TWOFOLD_RETURN_IF_ERROR(ProbePrivilege());
  TWOFOLD_RETURN_IF_ERROR(ProbePidNamespace());
  TWOFOLD_ASSIGN_OR_RETURN(const KernelBtf types, KernelBtf::Load(btf_path));
  if (!types.HasTaskStorage()) {
    return Error{.what = "this kernel has no storage of BPF programs for each thread",
                 .where = btf_path,
                 .remedy = "Use Linux 5.13 or later"};
  }
  std::vector<std::string> tracepoints = {"sched_process_fork", "sched_process_exec",
                                          "task_rename"};
  if (offcpu) {
    tracepoints.push_back("sched_switch");
    tracepoints.push_back("sched_waking");
    tracepoints.push_back("sched_process_exit");
  }
  for (const std::string& tracepoint : tracepoints) {
    if (types.TracepointParameters(tracepoint) >= 0) continue;
    return Error{
        .what = "this kernel has no tracepoint " + tracepoint,
        .where = btf_path,
        .remedy = offcpu && tracepoint.starts_with("sched_")
                      ? "Record without blocked time (--record cpu), or use a kernel built "
                        "with CONFIG_TRACEPOINTS=y and CONFIG_BPF_EVENTS=y"
                      : "Use a kernel built with CONFIG_TRACEPOINTS=y and CONFIG_BPF_EVENTS=y"};
  }
  const auto has = [&](const char* tracepoint) {
    return types.TracepointParameters(tracepoint) >= 0;
  };
  return SchedulerTracepoints{
      .all_there = has("sched_switch") && has("sched_waking") && has("sched_process_exit"),
      // void *, bool, prev, next, and from 5.18 on the state.
      .switch_passes_state = types.TracepointParameters("sched_switch") >= 5,
      // void *, cgroup, path, task, threadgroup.
      .cgroup_attach = types.TracepointParameters("cgroup_attach_task") == 5};
}

Result<TcpTracepoints> ProbeTcp(const std::string& btf_path) {
  TWOFOLD_ASSIGN_OR_RETURN(const KernelBtf types, KernelBtf::Load(btf_path));
  for (const char* tracepoint :
       {"tcp_retransmit_skb", "tcp_retransmit_synack", "inet_sock_set_state"}) {
    if (types.TracepointParameters(tracepoint) >= 0) continue;
    return Error{.what = std::string("this kernel has no tracepoint ") + tracepoint,
                 .where = btf_path,
                 .remedy = "Use a kernel built with CONFIG_INET=y and CONFIG_TRACEPOINTS=y"};
  }
  TWOFOLD_RETURN_IF_ERROR(TryDescriptorIterator(types));
  TWOFOLD_RETURN_IF_ERROR(TrySocketStorage());
  // void *, sk, skb, and from 6.15 on the error.
  return TcpTracepoints{.passes_error = types.TracepointParameters("tcp_retransmit_skb") >= 4};
}

Result<void> ProbePids(const std::vector<Pid>& pids) {
  for (const Pid pid : pids) {
    const std::string number = std::to_string(pid.value);
    const std::string group = StatusValue("/proc/" + number + "/status", "Tgid");
    if (group.empty()) {
      return Error{.what = "there is no process " + number,
                   .where = "-p " + number,
                   .remedy = "`pgrep -a NAME` or `ps -e` lists the processes that run"};
    }
    const std::string state = StatusValue("/proc/" + number + "/status", "State");
    const std::string threads = StatusValue("/proc/" + number + "/status", "Threads");
    if (state.starts_with('Z') && threads == "1") {
      return Error{.what = "process " + number + " has ended; only its parent has not noticed yet",
                   .where = "-p " + number,
                   .remedy = "`ps -e` lists the processes that run"};
    }
    if (group != number) {
      return Error{.what = number + " is a thread of process " + group,
                   .where = "-p " + number,
                   .remedy = "Record the process: -p " + group};
    }
  }
  return {};
}

Result<std::vector<Pid>> ProcessesOfThreads(const std::vector<Tid>& tids) {
  std::vector<Pid> processes;
  for (const Tid tid : tids) {
    const std::string number = std::to_string(tid.value);
    const std::string status = "/proc/" + number + "/status";
    const std::string group = StatusValue(status, "Tgid");
    const std::string state = StatusValue(status, "State");
    if (group.empty() || state.starts_with('Z') || state.starts_with('X')) {
      return Error{.what = group.empty() ? "there is no thread " + number
                                         : "thread " + number + " has ended",
                   .where = "-t " + number,
                   .remedy = "`ps -eLo pid,tid,comm` lists the threads that run"};
    }
    processes.push_back(Pid(uint32_t(std::strtoul(group.c_str(), nullptr, 10))));
  }
  std::sort(processes.begin(), processes.end());
  processes.erase(std::unique(processes.begin(), processes.end()), processes.end());
  return processes;
}

}  // namespace twofold
