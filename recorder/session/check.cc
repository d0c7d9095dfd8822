#include "recorder/session/check.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <sstream>

#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/host/host_facts.h"
#include "recorder/host/kernel_btf.h"
#include "recorder/host/kernel_features.h"
#include "recorder/host/probe.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/name_reader.h"
#include "recorder/processes/sideband.h"
#include "recorder/sources/sources.h"
#include "recorder/tracer/tracer.h"

namespace twofold {
namespace {

constexpr size_t kColumns = 80;
constexpr size_t kWordsColumn = 32;

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
Result<void> TryRecording(const SchedulerTracepoints& tracepoints, Sources& sources,
                          const Result<KernelSymbols>& kernel_symbols) {
  TWOFOLD_RETURN_IF_ERROR(sources.Probe());
  TracerSettings settings;
  settings.states = tracepoints.all_there;
  settings.switch_passes_state = tracepoints.switch_passes_state;
  settings.memory_bytes = Options().memory_mib << 20;
  Result<std::unique_ptr<Tracer>> tracer = Tracer::Load(settings, sources.traced());
  if (!tracer) return std::move(tracer).error();
  if (kernel_symbols) (*tracer)->SetInterruptEntries(*kernel_symbols);
  const Result<Tracer::Started> started = (*tracer)->Start();
  (*tracer)->Stop();
  if (!started) return started.error();
  if (!started->failures.empty()) return started->failures.front().error;
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

namespace {

// What the default recording cannot do without, but for what is tried as a whole.
std::vector<Finding> CheckNeeded(const Result<KernelBtf>& types) {
  std::vector<Finding> needed;
  needed.push_back(
      Outcome("privileges", ProbePrivilege(), "CAP_SYS_ADMIN and CAP_SYSLOG, or root"));
  needed.push_back(Outcome("pid namespace", ProbePidNamespace(), "the host's"));
  needed.push_back(Outcome("kernel types (BTF)", Ignoring(types), KernelBtf::kPath));
  if (types) {
    needed.push_back(Tracepoints(*types, "tracepoints, typed", {"sched_switch", "sched_waking"}));
    needed.push_back(Tracepoints(
        *types, "tracepoints of processes",
        {"sched_process_fork", "sched_process_exec", "sched_process_exit", "task_rename"}));
    needed.push_back(Outcome("BPF passes over all tasks", TryTaskIterator(*types), ""));
  }
  needed.push_back(Outcome("BPF storage per thread", TryTaskStorage(), ""));
  needed.push_back(Outcome("BPF ring buffer", TryRingBuffer(), ""));
  return needed;
}

}  // namespace

CheckReport CheckHost() {
  CheckReport report;
  const Host host = ReadHostFacts();
  report.host = {{"kernel", host.kernel_release + ", " + host.machine},
                 {"lockdown", Lockdown()},
                 {"locked memory", LockedMemory()}};
  const Result<KernelBtf> types = KernelBtf::Load();
  report.needed = CheckNeeded(types);
  const Result<KernelSymbols> kernel_symbols = KernelSymbols::Load();
  report.needed.push_back(
      Outcome("names of the kernel", Ignoring(kernel_symbols), "/proc/kallsyms"));
  report.needed.push_back(
      Outcome("events of processes", Ignoring(Sideband::Open()), "forks, execs, mappings (perf)"));
  Options defaults{.quiet = true};
  Sources sources(defaults);
  static_cast<void>(DeclareOptions(sources.words(), defaults));  // sets the default sources
  sources.Choose();
  if (Works(report)) {
    const Result<SchedulerTracepoints> tracepoints = ProbeHost(true);
    report.needed.push_back(Outcome("the recording itself",
                                    tracepoints
                                        ? TryRecording(*tracepoints, sources, kernel_symbols)
                                        : Result<void>(tracepoints.error()),
                                    "its programs load and attach"));
  }

  NameReader reader;
  report.more.push_back(
      Outcome("names of programs", reader.Start(), "read by a process without rights"));
  if (types) {
    report.more.push_back(Tracepoints(*types, "threads moved to a cgroup", {"cgroup_attach_task"}));
  }
  sources.Check(types ? &*types : nullptr, report.more);
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
