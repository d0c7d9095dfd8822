#include "recorder/session/check.h"

#include <linux/perf_event.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "recorder/cli/options.h"
#include "recorder/host/direct_map.h"
#include "recorder/host/host_facts.h"
#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"
#include "recorder/host/probe.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/name_reader.h"
#include "recorder/processes/sideband.h"
#include "recorder/tracer/tracer.h"
#include "recorder/tracer/uprobe_multi.h"

namespace twofold {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kWordsColumn = 32;

Finding Outcome(const std::string& name, const Result<void>& result, const std::string& words) {
  if (!result) return {name, result.error()};
  return {name, words};
}

// Everything that the first failure of a list keeps from working is not there.
Finding AllOf(const std::string& name, const std::vector<Result<void>>& results,
              const std::string& words) {
  for (const Result<void>& result : results) {
    if (!result) return {name, result.error()};
  }
  return {name, words};
}

Finding Tracepoints(const KernelBtf& types, const std::string& name,
                    const std::vector<std::string>& tracepoints) {
  std::vector<Result<void>> results;
  std::string words;
  for (const std::string& tracepoint : tracepoints) {
    results.push_back(TryTracepoint(types, tracepoint));
    words += (words.empty() ? "" : ", ") + tracepoint;
  }
  return AllOf(name, results, words);
}

// The words between brackets of a file such as "none [integrity] confidentiality".
std::string Lockdown() {
  std::string text;
  std::getline(std::ifstream("/sys/kernel/security/lockdown"), text);
  const size_t start = text.find('[');
  const size_t end = text.find(']');
  if (start == std::string::npos || end == std::string::npos || end < start) {
    return "not told (/sys/kernel/security/lockdown)";
  }
  return text.substr(start + 1, end - start - 1);
}

std::string LockedMemory() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return "not known";
  if (limit.rlim_cur == RLIM_INFINITY) return "no limit";
  return std::to_string(limit.rlim_cur / 1024) + " KiB for an ordinary user (ulimit -l)";
}

// Loads and attaches what the default recording does, and lets go of it again.
Result<void> TryRecording(const SchedulerTracepoints& tracepoints,
                          const Result<DirectMap>& direct_map,
                          const Result<KernelSymbols>& kernel_symbols) {
  const Options defaults;
  TracerSettings settings;
  settings.states = tracepoints.all_there;
  settings.switch_passes_state = tracepoints.switch_passes_state;
  settings.frequency_hz = defaults.frequency_hz;
  settings.memory_bytes = defaults.memory_mib << 20;
  settings.wakers = defaults.wakers;
  settings.quantum_ns = defaults.quantum_us * 1000;
  if (direct_map) settings.direct_map = *direct_map;
  Result<std::unique_ptr<Tracer>> tracer = Tracer::Load(settings);
  if (!tracer) return std::move(tracer).error();
  if (kernel_symbols) (*tracer)->SetInterruptEntries(*kernel_symbols);
  Result<uint64_t> started = (*tracer)->Start();
  (*tracer)->Stop();
  if (!started) return std::move(started).error();
  return {};
}

template <typename T>
Result<void> Ignoring(const Result<T>& result) {
  if (!result) return result.error();
  return {};
}

// Continues lines below where their words began.
void AppendWrapped(std::string& text, std::string line, const std::string& words) {
  const auto indent = [&] { line.resize(std::max(line.size() + 1, kWordsColumn), ' '); };
  indent();
  std::istringstream stream(words);
  bool first = true;
  for (std::string word; stream >> word; first = false) {
    if (!first && line.size() + 1 + word.size() > kColumns) {
      text += line + '\n';
      line.clear();
      line.resize(kWordsColumn, ' ');
      first = true;
    }
    line += (first ? "" : " ") + word;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  text += line + '\n';
}

void AppendFindings(std::string& text, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    const Result<std::string>& outcome = finding.outcome;
    AppendWrapped(text, (outcome ? "yes  " : "no   ") + finding.name,
                  outcome ? *outcome : outcome.error().Message());
  }
}

}  // namespace

CheckReport CheckHost() {
  CheckReport report;
  const Host host = ReadHostFacts();
  report.host = {{"kernel", host.kernel_release + ", " + host.machine},
                 {"lockdown", Lockdown()},
                 {"locked memory", LockedMemory()}};

  report.needed.push_back(
      Outcome("privileges", ProbePrivilege(), "CAP_SYS_ADMIN and CAP_SYSLOG, or root"));
  report.needed.push_back(Outcome("pid namespace", ProbePidNamespace(), "the host's"));
  const Result<KernelBtf> types = KernelBtf::Load();
  report.needed.push_back(Outcome("kernel types (BTF)", Ignoring(types), KernelBtf::kPath));
  if (types) {
    report.needed.push_back(
        Tracepoints(*types, "tracepoints, typed", {"sched_switch", "sched_waking"}));
    report.needed.push_back(Tracepoints(
        *types, "tracepoints of processes",
        {"sched_process_fork", "sched_process_exec", "sched_process_exit", "task_rename"}));
    report.needed.push_back(Outcome("BPF passes over all tasks", TryTaskIterator(*types), ""));
  }
  report.needed.push_back(Outcome("BPF storage per thread", TryTaskStorage(), ""));
  report.needed.push_back(Outcome("BPF ring buffer", TryRingBuffer(), ""));
  const Result<KernelSymbols> kernel_symbols = KernelSymbols::Load();
  report.needed.push_back(
      Outcome("names of the kernel", Ignoring(kernel_symbols), "/proc/kallsyms"));
  report.needed.push_back(
      Outcome("events of processes", Ignoring(Sideband::Open()), "forks, execs, mappings (perf)"));
  const Result<DirectMap> direct_map = FindDirectMap();
  if (Works(report)) {
    const Result<SchedulerTracepoints> tracepoints = ProbeHost(true);
    report.needed.push_back(Outcome("the recording itself",
                                    tracepoints
                                        ? TryRecording(*tracepoints, direct_map, kernel_symbols)
                                        : Result<void>(tracepoints.error()),
                                    "its programs load and attach"));
  }

  report.more.push_back(
      Outcome("user stacks after a block", Ignoring(direct_map), "only of blocks that are kept"));
  NameReader reader;
  report.more.push_back(
      Outcome("names of programs", reader.Start(), "read by a process without rights"));
  if (types) {
    report.more.push_back(Tracepoints(*types, "threads moved to a cgroup", {"cgroup_attach_task"}));
  }
  report.more.push_back(Outcome("hardware counter, cycles",
                                TryHardwareEvent(PERF_COUNT_HW_CPU_CYCLES), "counts and samples"));
  report.more.push_back(Outcome("hardware counter, instr.",
                                TryHardwareEvent(PERF_COUNT_HW_INSTRUCTIONS),
                                "counts and samples"));
  report.more.push_back(Outcome("probes in programs", TryUprobe(), "uprobes"));
  report.more.push_back(AllOf("executions that fail",
                              {TrySystemCallEnd("execve"), TrySystemCallEnd("execveat")},
                              "sys_exit_execve, sys_exit_execveat"));
  const Error no_sessions{.what = "this kernel has none; it takes 6.13", .where = "", .remedy = ""};
  report.more.push_back(Outcome("probes decided by call",
                                HasUprobeSessions() ? Result<void>() : no_sessions,
                                "for operator new of jemalloc and tcmalloc"));
  if (types) {
    report.more.push_back(Outcome("kernel allocations", TryKernelAllocations(*types),
                                  "kmalloc, object caches, pages"));
    report.more.push_back(
        Tracepoints(*types, "TCP retransmits",
                    {"tcp_retransmit_skb", "tcp_retransmit_synack", "inet_sock_set_state"}));
    report.more.push_back(Outcome("owners of sockets", Ignoring(ProbeTcp()),
                                  "storage per socket, passes over all descriptors"));
  }
  return report;
}

bool Works(const CheckReport& report) {
  return std::all_of(report.needed.begin(), report.needed.end(),
                     [](const Finding& finding) { return finding.outcome.has_value(); });
}

std::string CheckText(const CheckReport& report) {
  std::string text;
  for (const Finding& fact : report.host) {
    AppendWrapped(text, "     " + fact.name, fact.outcome.value_or(std::string()));
  }
  text += "\nNeeded for a recording with the default options:\n";
  AppendFindings(text, report.needed);
  text += "\nWhere it is missing, that alone is missing:\n";
  AppendFindings(text, report.more);
  text += Works(report) ? "\nRecording works here.\n" : "\nRecording does not work here.\n";
  return text;
}

}  // namespace twofold
