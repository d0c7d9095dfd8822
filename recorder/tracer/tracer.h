// The engine of the recorder: loads the BPF programs with maps that fit a budget, attaches them,
// and reads at each interval's end what they added up. It knows threads: which are in scope, and
// where their time went. What else is recorded is the sources' (traced_source.h), which it calls in
// turn.
//
// An interval ends at a boundary that is announced before: from then on every program tells by its
// own clock on which side it is, and adds to the sum of its interval. So nothing has to stand
// still while the recorder reads, and it may read a moment later, or much later.
//
// Order of calls: Load, SetInterruptEntries, Start, then AnnounceEnd and Read for each interval;
// for the last one EndLast, LastPass, Stop, Read.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bpf/abi/stacks_abi.h"
#include "bpf/abi/threads_abi.h"
#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"
#include "format/capture.h"
#include "recorder/cli/comm_glob.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/tracer/account_book.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/loss_counters.h"
#include "recorder/tracer/map_moves.h"
#include "recorder/tracer/map_plan.h"
#include "recorder/tracer/program_runs.h"
#include "recorder/tracer/run_time_meter.h"
#include "recorder/tracer/thread_table.h"
#include "recorder/tracer/traced_source.h"

namespace twofold {

struct TracerSettings {
  enum class Scope : uint32_t { kSystem, kProcesses, kThreads, kCgroup, kCommand };

  Scope scope = Scope::kSystem;
  std::vector<Pid> pids;   // of scope kProcesses
  std::vector<Tid> tids;   // of scope kThreads
  uint64_t cgroup_id = 0;  // of scope kCgroup
  Pid command;  // of scope kCommand: in scope, with its descendants, from its first exec on
  std::optional<CommGlob> comm;  // only threads whose name matches
  // Exact times of every thread by state, which need the scheduler's tracepoints
  // (SchedulerTracepoints of recorder/host/probe.h).
  bool states = true;
  bool switch_passes_state = true;
  bool cgroup_attach = false;
  uint64_t memory_bytes = 64ULL << 20;
  uint32_t insert_limit = 32768;  // new keys that each CPU may put into maps in an interval

  // Whether every thread of the host is in scope.
  bool IsWholeHost() const { return scope == Scope::kSystem && !comm.has_value(); }
};

// How a process ended.
struct ProcessEndReading {
  uint32_t thread = 0;       // its last one: number in the thread table
  uint32_t wait_status = 0;  // as wait(2) gives it
};

// What was added to the threads' accounts since the reading before. The sources keep what is
// theirs.
struct Reading {
  std::vector<AccountDifference> accounts;
  std::vector<ProcessEndReading> process_ends;
  std::vector<twofold_thread> threads;  // new ones, by number
  std::vector<Loss> losses;
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t bpf_measured_ns = 0;  // for so long the kernel counted those two; the rest is estimated
  uint64_t map_inserts = 0;
};

class Tracer {
 public:
  // Loads the programs into the kernel. `sources`: all that there are, in the order in which they
  // are read and detached; borrowed. Error: names the missing privilege, file or tracepoint and the
  // way out.
  static Result<std::unique_ptr<Tracer>> Load(const TracerSettings& settings,
                                              const std::vector<TracedSource*>& sources);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Where the kernel's code for interrupts begins and ends: what an interrupt woke is told by it.
  // Before Start.
  void SetInterruptEntries(const KernelSymbols& kernel_symbols);

  // A source that could not be attached; nothing of it is.
  struct Failure {
    TracedSource* source;
    Error error;
  };
  struct Started {
    uint64_t window_start_ns;  // CLOCK_MONOTONIC
    std::vector<Failure> failures;
  };
  // Attaches everything, the samplers last, and takes the threads in scope that live already, with
  // the blocks that they are in from now on.
  Result<Started> Start();

  // Detaches everything, the samplers first. Maps stay readable. Harmless when called again.
  void Stop();

  // Tells the programs when the interval will end (CLOCK_MONOTONIC): at a time, or as soon after it
  // as they can know. Returns the time. Called again before Read, it can only make it earlier.
  uint64_t AnnounceEnd(uint64_t at_ns);
  // Ends the last interval, now or where it was announced to be over by now; nothing counts from
  // then on. Returns when that is over, with its time (CLOCK_MONOTONIC).
  uint64_t EndLast();
  // After EndLast(), before Stop(): the pass over all tasks that the last Read() needs.
  Result<void> LastPass(uint64_t boundary_ns);

  // Splits open blocks at the boundary that AnnounceEnd or EndLast gave, which is over, and reads
  // what was added up to it. What came since then stays for the next reading, so it does not matter
  // how much later this one is; but programs that ran at the boundary should have ended, which
  // takes them microseconds. Waits for nothing. When the maps are nearly full, moves on to fresh
  // ones; the old ones are there for FindStack and map().Find until the next call but one.
  Result<Reading> Read(uint64_t boundary_ns);

  // Takes the accounts of threads that ended, and single events, out of their buffers; for the time
  // between readings. Readable when a buffer is filling up: accounts_fd.
  void DrainAccounts();
  int accounts_fd() const { return ring_buffer__epoll_fd(buffers_.get()); }

  // A stack of a map by its hash, with at most TWOFOLD_MAX_FRAMES frames; nullopt when the map does
  // not have it.
  std::optional<twofold_stack> FindStack(twofold_map_set stacks, uint64_t hash) const;

  // Run time of the programs so far. It is measured in slices: TurnMeter begins and ends them, and
  // is to be called at meter_turn_ns() (CLOCK_MONOTONIC) or a little later.
  RunTimeMeter::Total TotalRunTime();
  uint64_t meter_turn_ns() const { return run_time_->next_ns(); }
  void TurnMeter(uint64_t now_ns) { run_time_->Turn(now_ns); }

  // Memory that the kernel says the maps lock.
  uint64_t map_bytes() const { return map_bytes_; }

  // For sources.
  twofold_bpf& skeleton() { return *skeleton_; }
  const TracerSettings& settings() const { return settings_; }
  const MapSet& map(twofold_map_set set) const { return moves_->map(set); }
  MapMoves& moves() { return *moves_; }

 private:
  struct DestroySkeleton {
    void operator()(twofold_bpf* skeleton) const;
  };
  struct FreeBuffers {
    void operator()(ring_buffer* buffers) const { ring_buffer__free(buffers); }
  };

  Tracer(const TracerSettings& settings, const std::vector<TracedSource*>& sources)
      : settings_(settings), sources_(sources) {}

  // The passes of loading, in this order.
  Result<void> SizeMaps();
  void ChoosePrograms();
  void SetConstants();
  Result<void> SetTargets();
  Result<void> OpenBuffers();
  void MeasureMaps();
  // Those of starting.
  Result<void> AttachOwn();
  Result<void> SeedThreads(uint64_t window_start_ns);
  void AttachSources(Started& started);
  // Those of reading.
  Result<void> ReadSources(const IntervalEnd& end, Reading& reading);
  Result<void> ReadCost(Reading& reading);

  Result<void> PassOverTasks(twofold_pass pass, uint64_t boundary_ns);
  void AddAccount(const void* data, size_t bytes);
  std::vector<const bpf_program*> OwnPrograms() const;
  // Calls action on every source that is recorded.
  template <typename Action>
  void ForEachRecorded(Action action) const;
  // Whether one that is recorded says so: a member function of theirs.
  bool AnyRecorded(bool (TracedSource::*says)() const) const;

  const TracerSettings settings_;
  const std::vector<TracedSource*> sources_;
  std::unique_ptr<twofold_bpf, DestroySkeleton> skeleton_;
  MapSizes sizes_;
  std::optional<RunTimeMeter> run_time_;
  std::optional<MapMoves> moves_;
  ThreadTable thread_table_;
  std::unique_ptr<ring_buffer, FreeBuffers> buffers_;
  std::vector<BpfLink> links_;  // of the tracer's own programs, by the order of attaching
  BpfLink pass_link_;           // of the pass over all tasks
  AccountBook accounts_;
  std::vector<ProcessEndReading> process_ends_;  // since the last reading
  LossCounters counters_;
  ProgramRuns runs_before_;
  RunTimeMeter::Total run_time_before_;
  uint64_t announced_ns_ = 0;      // CLOCK_MONOTONIC: end of the present interval; 0: none
  uint64_t last_boundary_ns_ = 0;  // CLOCK_MONOTONIC; of the last reading; 0: none
  uint64_t readings_ = 0;
  bool stopped_ = false;
  uint64_t map_bytes_ = 0;
};

}  // namespace twofold
