// Turns what the kernel added up (thread numbers, stack hashes, addresses) into rows and
// definitions of the capture.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "format/capture.h"
#include "format/definitions_builder.h"
#include "recorder/host/cgroup.h"
#include "recorder/names/stack_beginnings.h"
#include "recorder/names/symbolizer.h"
#include "recorder/processes/process_table.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

class CaptureBuilder {
 public:
  // Everything is borrowed and must outlive the builder.
  CaptureBuilder(const Recording& recording, const Tracer& tracer, ProcessTable& processes,
                 Symbolizer& symbolizer, const KernelSymbols& kernel_symbols,
                 CgroupPaths& cgroup_paths, DefinitionsBuilder& definitions);

  // The rows and losses of a reading; what they refer to is defined in the DefinitionsBuilder
  // afterwards. Times, cost and number of the interval are the caller's to fill in. `from_ns`: what
  // the rows tell of happened from then on (CLOCK_MONOTONIC). All that was mapped until now must be
  // in the process table.
  Interval Build(const Reading& reading, const TracerSettings& settings, uint64_t from_ns);

  // Tells the definitions which processes ended before a time (CLOCK_MONOTONIC), and lets go of
  // them: the process table may forget them afterwards. Rows of a process may still come for a
  // moment after its end.
  void DefineProcessEnds(uint64_t before_monotonic_ns);

  uint32_t stack_count() const { return stacks_made_; }
  size_t process_count() const { return process_ids_made_; }

 private:
  struct DefinedProcess {
    ProcessId id;
    ProcessImage* image;  // nullptr: nothing is known but what the thread table says
  };

  // What was made of something in the programs' maps. Those know addresses only, so it is made
  // again when the same addresses may mean something else: code was made there at run time,
  // something else was mapped there, or the file was written into.
  template <typename Id>
  struct Made {
    Id id;
    uint64_t version = 0;      // of the names of code made at run time; 0: has no such frame
    uint64_t made_in = 0;      // the Build that it holds for; 0: others, too
    uint64_t places = 0;       // PlacesVersion of its process; of wakers and chains: of all
    bool is_unmapped = false;  // it has an address where nothing was mapped
  };

  // Another one when something may be elsewhere than before. `with_new`: also where nothing was.
  uint64_t PlacesVersion(const ProcessImage& image, bool with_new) const;
  uint64_t PlacesVersion() const { return processes_.replacements() + symbolizer_.overwritings(); }

  void DefineThread(const twofold_thread& thread);
  void NoteExitStatus(const ProcessEndReading& end);
  Account BuildAccount(const AccountDifference& difference);
  ThreadId ThreadOf(uint32_t number);
  // One number for a process: pid_max is below 2^22, so the pid and the start's low bits make one.
  static uint64_t ProcessKey(uint32_t tgid, uint64_t start_boottime_ns) {
    return start_boottime_ns << 22 | tgid;
  }
  // Where a thread was when it took its row of the thread table; 0: not known. `image` is its
  // process's, or nullptr.
  StringId CgroupOf(const twofold_thread& thread, const ProcessImage* image);
  // A new process's cgroup is that of the thread, which is its first.
  DefinedProcess DefineProcess(const twofold_thread& thread);
  void BuildCounterRows(const Reading& reading, Interval& interval);
  void BuildMemoryRows(const Reading& reading, Interval& interval);
  // How many frames of an allocation's kernel stack, from its leaf, are those of tracing it.
  uint32_t TracingFrames(const twofold_stack& stack) const;
  void BuildExecRows(const Reading& reading, Interval& interval);
  void BuildRetransmits(const Reading& reading, const TracerSettings& settings, Interval& interval);
  // The thread that a socket's retransmits are shown under; 0: it is not in scope.
  ThreadId OwnerThread(const twofold_holder& owner, bool whole_host);
  StackId RetransmitStack(uint64_t hash);
  // Frames of the programs themselves, and of what called them, come first in a stack that was
  // walked where something happened: so many at most.
  static constexpr uint32_t kMostTracingFrames = 16;
  // Frames from `first` up to below `end`, all of them places that are returned to.
  StackId CallersStack(const twofold_stack& stack, uint32_t first, uint32_t end);
  void BuildOffCpuRows(const Reading& reading, Interval& interval);
  Exemplar BuildExemplar(const ExemplarReading& reading);
  StackId KernelStack(Tracer::StackClass stack_class, uint64_t hash);
  StackId UserStack(Tracer::StackClass stack_class, uint64_t hash, const DefinedProcess& process) {
    return MakeUserStack(stack_class, hash, process, UserStackUse::kRow).id;
  }
  // Of a waker: of before this interval, perhaps, as a thread carries those that woke it.
  enum class UserStackUse { kRow, kWaker };
  Made<StackId> MakeUserStack(Tracer::StackClass stack_class, uint64_t hash,
                              const DefinedProcess& process, UserStackUse use);
  // How far a user stack that was walked goes, by its frames' names.
  StackEnd EndOfUserStack(const ProcessImage& image, const twofold_stack& stack,
                          const std::vector<FrameId>& leaf_first) const;
  bool StillHolds(const Made<StackId>& made, const ProcessImage* image);
  // Of a waker or a chain.
  template <typename Id>
  bool StillHolds(const Made<Id>& made) const {
    return (made.made_in == 0 || made.made_in == builds_) && made.places == PlacesVersion();
  }
  // Functions in which the handling of an interrupt begins: their callers were interrupted.
  static bool IsInterruptEntry(std::string_view name);
  // A waker's kernel stack; an interrupt's without what was interrupted. `kind` becomes kTimer
  // where the frames say so.
  StackId WakerStack(uint64_t hash, WakerKind& kind);
  struct DefinedThread {
    ThreadId id;
    DefinedProcess process;
  };
  // A thread that only wakes others.
  DefinedThread ThreadOutOfScope(const twofold_thread& thread);
  // By their keys in the programs' maps; 0 where they are not known.
  Made<WakerId> WakerOf(uint64_t key);
  ChainId ChainOf(uint64_t key);
  StackId SpecialStack(std::string_view text);
  int64_t SinceStart(uint64_t boottime_ns) const;

  const Recording& recording_;
  const Tracer& tracer_;
  ProcessTable& processes_;
  Symbolizer& symbolizer_;
  const KernelSymbols& kernel_symbols_;
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
  std::unordered_map<uint64_t, ThreadId> main_threads_;  // of processes in scope, by ProcessKey; 0:
                                                         // only other threads of it are
  std::unordered_map<uint64_t, ProcessId> unknown_processes_;  // by pid and, above it, start
  std::unordered_map<uint64_t, StackId> kernel_stacks_[Tracer::kStackClasses];  // by class, hash
  std::unordered_map<uint32_t, std::unordered_map<uint64_t, Made<StackId>>>
      user_stacks_[Tracer::kStackClasses];  // by class, process, hash
  std::unordered_map<uint32_t, std::unordered_map<uint64_t, Made<StackId>>> waker_stacks_;
  std::unordered_map<uint32_t, uint64_t> accounted_until_ns_;  // by number; CLOCK_MONOTONIC
  // By key.
  std::unordered_map<uint64_t, Made<WakerId>> wakers_;
  std::unordered_map<uint64_t, Made<ChainId>> chains_;
  uint64_t builds_ = 0;
  TimeRange rows_when_;                                                  // of the present Build
  std::unordered_map<std::string, DefinedThread> threads_out_of_scope_;  // by description
  size_t process_ids_made_ = 0;
  uint32_t stacks_made_ = 0;
  uint64_t unknown_processes_counted_ = 0;
};

}  // namespace twofold
