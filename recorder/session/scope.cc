#include "recorder/session/scope.h"

#include <utility>

#include "recorder/host/cgroup.h"

namespace twofold {

using Scope = TracerSettings::Scope;

Result<RecordedScope> ChooseScope(const Options& options, const SchedulerTracepoints& tracepoints,
                                  const Notes& notes, TracerSettings& settings) {
  RecordedScope scope;
  Result<std::vector<Pid>> of_threads = ProcessesOfThreads(options.tids);
  if (!of_threads) return std::move(of_threads).error();
  scope.processes = options.tids.empty() ? options.pids : *of_threads;
  settings.pids = options.pids;
  settings.tids = options.tids;
  settings.cgroup_attach = tracepoints.cgroup_attach;
  if (!options.pids.empty()) settings.scope = Scope::kProcesses;
  if (!options.tids.empty()) settings.scope = Scope::kThreads;
  if (!options.comm.empty()) {
    Result<CommGlob> comm = CommGlob::Parse(options.comm);
    if (!comm) return std::move(comm).error();
    settings.comm = *comm;
  }
  if (options.cgroup.empty()) return scope;
  Result<Cgroup> cgroup = FindCgroup(options.cgroup);
  if (!cgroup) return std::move(cgroup).error();
  scope.cgroup_path = cgroup->path;
  settings.scope = Scope::kCgroup;
  settings.cgroup_id = cgroup->id;
  if (!tracepoints.cgroup_attach) {
    notes.Print(
        "this kernel has no tracepoint cgroup_attach_task: processes that are moved into the "
        "cgroup are seen at the end of an interval.");
  }
  return scope;
}

ProcessTable::Scope TableScope(const RecordedScope& scope, Pid command) {
  if (command != Pid()) return {.all = false, .pids = {command}, .follow_children = true};
  if (scope.processes.empty()) return {};
  return {.all = false, .pids = scope.processes, .follow_children = false};
}

void DescribeScope(const Options& options, const RecordedScope& scope, Settings& settings) {
  settings.scope = !options.command.empty()  ? "command"
                   : !options.pids.empty()   ? "processes"
                   : !options.tids.empty()   ? "threads"
                   : !options.cgroup.empty() ? "cgroup"
                                             : "system";
  for (const Pid pid : options.pids) settings.pids.push_back(pid.value);
  for (const Tid tid : options.tids) settings.tids.push_back(tid.value);
  settings.cgroup = scope.cgroup_path;
  settings.comm = options.comm;
  if (!options.command.empty()) {
    const std::string& program = options.command.front();
    settings.command = program.substr(program.rfind('/') + 1);
  }
}

}  // namespace twofold
