// The processes and threads of a capture: numbers of the thread table become definitions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bpf/abi/threads_abi.h"
#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/host/cgroup.h"
#include "recorder/processes/process_table.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

struct DefinedProcess {
  ProcessId id;
  ProcessImage* image = nullptr;  // nullptr: nothing is known but what the thread table says
};

struct DefinedThread {
  ThreadId id;
  DefinedProcess process;
};

class ThreadDefinitions {
 public:
  // Everything is borrowed and must outlive this.
  ThreadDefinitions(const Recording& recording, ProcessTable& processes, CgroupPaths& cgroup_paths,
                    DefinitionsBuilder& definitions)
      : recording_(recording),
        processes_(processes),
        cgroup_paths_(cgroup_paths),
        definitions_(definitions) {}

  // A new row of the thread table.
  void Define(const twofold_thread& thread);

  // By number of the thread table.
  ThreadId ThreadOf(uint32_t number);
  // The process of a thread that ThreadOf or Define was called for.
  const DefinedProcess& ProcessOf(uint32_t number) const { return thread_process_.at(number); }

  // A thread that is not in scope, and that something refers to all the same.
  DefinedThread OutOfScope(const twofold_thread& thread);

  // The main thread of a process in scope; 0: only other threads of it are. nullopt: none are.
  std::optional<ThreadId> MainThread(uint32_t tgid, uint64_t process_start_boottime_ns) const;

  Account BuildAccount(const AccountDifference& difference);
  void NoteExitStatus(const ProcessEndReading& end);

  // Defines the ends of processes that ended before a time (CLOCK_MONOTONIC), and lets go of them:
  // the process table may forget them afterwards. Returns which they were.
  std::vector<ProcessId> DefineProcessEnds(uint64_t before_monotonic_ns);

  size_t process_count() const { return process_ids_made_; }
  // Processes of which nothing but the thread table tells, since the last call.
  uint64_t TakeUnknownProcesses() { return std::exchange(unknown_processes_counted_, 0); }

 private:
  int64_t SinceStart(uint64_t boottime_ns) const;
  // Where a thread was when it took its row of the thread table; 0: not known. `image` is its
  // process's, or nullptr.
  StringId CgroupOf(const twofold_thread& thread, const ProcessImage* image);
  // A new process's cgroup is that of the thread, which is its first.
  DefinedProcess DefineProcess(const twofold_thread& thread);

  const Recording& recording_;
  ProcessTable& processes_;
  CgroupPaths& cgroup_paths_;
  DefinitionsBuilder& definitions_;

  std::unordered_map<uint32_t, ThreadId> thread_ids_;            // by number
  std::unordered_map<uint32_t, DefinedProcess> thread_process_;  // by number
  struct KnownImage {
    ProcessId id;
    std::vector<uint32_t> threads;  // numbers
    std::optional<uint32_t> exit_status;
  };
  std::unordered_map<ProcessImage*, KnownImage> images_;
  // Of processes in scope, by pid and start; 0: only other threads of it are.
  std::unordered_map<uint64_t, ThreadId> main_threads_;
  std::unordered_map<uint64_t, ProcessId> unknown_processes_;    // by pid and start
  std::unordered_map<std::string, DefinedThread> out_of_scope_;  // by description
  std::unordered_map<uint32_t, uint64_t> accounted_until_ns_;    // by number; CLOCK_MONOTONIC
  size_t process_ids_made_ = 0;
  uint64_t unknown_processes_counted_ = 0;
};

}  // namespace twofold
