// The recorder's side of the BPF programs: sizes their maps, loads and attaches them, and reads
// what they added up.
//
// Order of calls: Load, SetInterruptEntries, Start, then AnnounceEnd and Read for each interval;
// for the last one EndLast, LastPass, Stop, Read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bpf/twofold_abi.h"
#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/capture.h"
#include "recorder/cli/comm_glob.h"
#include "recorder/host/direct_map.h"
#include "recorder/host/hardware_counters.h"
#include "recorder/names/kernel_symbols.h"
#include "recorder/names/name_reader.h"
#include "recorder/tracer/tracer_events.h"

namespace twofold {

struct TracerSettings {
  enum class Scope : uint32_t { kSystem, kProcesses, kThreads, kCgroup, kCommand };

  bool cpu = true;
  bool offcpu = true;
  enum class LeakScope { kNone, kUser, kKernel };
  LeakScope leak_scope = LeakScope::kNone;  // whose memory is recorded
  uint64_t leak_sample_bytes = 1;           // B of the estimates (format/capture.h)
  uint64_t leak_age_ns = 500'000'000;       // the unit of ages
  bool counters = false;                    // hardware events
  bool exec = false;                        // executed programs
  bool arguments = false;                   // with their arguments
  bool tcp = false;                         // packets that TCP sent again
  bool retransmit_passes_error = false;     // TcpTracepoints of recorder/host/probe.h
  bool uprobe_sessions = false;             // HasUprobeSessions of recorder/tracer/uprobe_multi.h
  bool states = true;  // exact times of every thread by state; needs the scheduler's tracepoints,
                       // as offcpu does
  bool switch_passes_state = true;  // SchedulerTracepoints of recorder/host/probe.h
  uint32_t frequency_hz = 99;
  uint64_t memory_bytes = 64ULL << 20;
  Scope scope = Scope::kSystem;
  uint32_t wakers = 1;      // longest chain of wakers; 0: none are recorded
  uint64_t quantum_ns = 0;  // T of the estimates (format/capture.h); 0: every block is kept
  // Through which user stacks are walked after their block was chosen; nullopt: they are taken
  // where each block begins.
  std::optional<DirectMap> direct_map;
  uint64_t min_block_ns = 0;      // shorter blocks are in no row
  uint64_t max_block_ns = 0;      // longer blocks are in no row; 0: no limit
  uint32_t insert_limit = 32768;  // new keys that each CPU may put into maps in an interval
  std::vector<Pid> pids;          // of scope kProcesses
  std::vector<Tid> tids;          // of scope kThreads
  uint64_t cgroup_id = 0;         // of scope kCgroup
  bool cgroup_attach = false;     // SchedulerTracepoints of recorder/host/probe.h
  std::optional<CommGlob> comm;   // only threads whose name matches
  Pid command;  // of scope kCommand: in scope, with its descendants, from its first exec on
};

// How many entries each map gets, so that all of them together stay within a budget. The maps that
// come in pairs may exist twice for a moment.
struct MapSizes {
  uint32_t thread_slots = 0;         // a power of two
  uint32_t ended_account_bytes = 0;  // a power of two, of whole pages
  uint32_t event_bytes = 0;          // the same, for single events
  std::array<uint32_t, TWOFOLD_SETS> set_entries = {};
  uint32_t live_entries = 1;  // outstanding allocations
};
struct PlannedSources {
  bool cpu = false;
  bool offcpu = false;
  bool counters = false;
  bool memory = false;
  bool tcp = false;
  bool exec = false;
};
MapSizes PlanMaps(uint64_t memory_bytes, const PlannedSources& sources);

struct OffCpuDifference {
  twofold_offcpu_key key;
  twofold_offcpu_value added;
};

struct CpuDifference {
  twofold_cpu_key key;
  uint64_t samples = 0;
};

struct CounterDifference {
  twofold_cpu_key key;
  twofold_counter_value added;
};

struct AllocationDifference {
  twofold_allocation_key key;
  twofold_allocation_value added;
};

// Outstanding allocations of a row that are of one age (OutstandingRow).
struct OutstandingReading {
  twofold_allocation_key key;
  uint8_t age = 0;
  uint64_t bytes = 0;
  uint64_t count = 0;
  uint64_t samples = 0;
  uint64_t variance_bytes2 = 0;
};

// How long a thread was in each state since the reading before.
struct AccountDifference {
  uint32_t thread = 0;  // number in the thread table
  bool ended = false;   // the thread took another number, or exited
  uint64_t at_ns = 0;   // CLOCK_MONOTONIC
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t time_ns[TWOFOLD_STATES] = {};
  uint32_t waits[TWOFOLD_WAIT_BUCKETS] = {};
};

// How a process ended.
struct ProcessEndReading {
  uint32_t thread = 0;       // its last one: number in the thread table
  uint32_t wait_status = 0;  // as wait(2) gives it
};

// One of the longest blocks or waits.
struct ExemplarReading {
  twofold_exemplar exemplar;
  uint32_t kind = 0;  // twofold_exemplar_kind
  uint32_t cpu = 0;
};

// What was added since the reading before.
struct Reading {
  std::vector<AccountDifference> accounts;
  std::vector<ProcessEndReading> process_ends;
  std::vector<OffCpuDifference> offcpu;
  std::vector<CpuDifference> cpu;
  std::vector<CounterDifference> counters;
  std::vector<ExecReading> execs;
  std::vector<RetransmitDifference> retransmits;
  std::vector<RetransmitEventReading> retransmit_events;
  HardwareCounters::Counted counted;
  std::vector<AllocationDifference> allocations;
  std::optional<std::vector<OutstandingReading>> outstanding;  // after Stop
  std::vector<twofold_thread> threads;                         // new ones, by number
  std::vector<Loss> losses;
  std::vector<ExemplarReading> exemplars;  // of all CPUs, at most 16 of a kind, the longest first
  std::vector<uint64_t> retired_wakers;  // keys that threads may still carry, of maps that go away
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t map_inserts = 0;
  uint64_t quantum_ns = 0;  // the largest T since the reading before
};

class Tracer {
 public:
  enum class StackClass { kOffCpu, kCpu, kCounters, kMemory, kTcp };
  static constexpr size_t kStackClasses = 5;

  // Loads the programs into the kernel. Error: names the missing privilege, file or tracepoint and
  // the way out.
  static Result<std::unique_ptr<Tracer>> Load(const TracerSettings& settings);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Attaches everything, the samplers last, and takes the threads in scope that live already, with
  // the blocks that they are in from now on. Returns the time at which the window starts
  // (CLOCK_MONOTONIC).
  Result<uint64_t> Start();

  // Why hardware events were asked for and are not recorded; nullopt after a Start that attached
  // them.
  const std::optional<Error>& counters_failure() const;

  // Probes the allocators that a process has mapped by now, after Start; again when it has mapped
  // more. Returns how many allocating functions are probed in all. Error: names what could not be.
  Result<size_t> FollowAllocators(Pid pid, NameReader& reader);

  // As AllocatorProbes::WhyNoFunctions.
  std::string WhyNoAllocators() const;

  // As AllocatorProbes::TakeFilesWithoutNew.
  std::vector<std::string> TakeFilesWithoutNew();

  // B from now on.
  void SetLeakSampleBytes(uint64_t bytes);
  // Why attempts to execute a program that failed are not recorded; nullopt after a Start that
  // attached what tells them.
  const std::optional<Error>& failed_execs_failure() const;

  // Detaches everything, the samplers first. Maps stay readable. Harmless when called again.
  void Stop();

  // Where the kernel's code for interrupts begins and ends: what an interrupt woke is told by it.
  // Before Start.
  void SetInterruptEntries(const KernelSymbols& kernel_symbols);

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
  // ones; the old ones are there for FindStack, FindWaker and FindChain until the next call.
  Result<Reading> Read(uint64_t boundary_ns);

  // Takes the accounts of threads that ended, and single events, out of their buffers; for the time
  // between readings. Readable when a buffer is filling up: accounts_fd.
  void DrainAccounts();
  int accounts_fd() const;

  // A stack by the hash that a row's key holds; nullopt when the map does not have it.
  std::optional<twofold_stack> FindStack(StackClass stack_class, uint64_t hash) const;

  std::optional<twofold_waker> FindWaker(uint64_t key) const;
  std::optional<twofold_chain> FindChain(uint64_t key) const;

  // T from now on.
  void SetQuantum(uint64_t quantum_ns);
  uint64_t quantum_ns() const;

  // Run time of the programs so far; nullopt: the kernel does not tell.
  struct RunTime {
    uint64_t scheduler_ns = 0;  // of those at switches and wake-ups
    uint64_t memory_ns = 0;     // of those in allocators
    uint64_t allocations_kept = 0;
    uint64_t all_ns = 0;
  };
  std::optional<RunTime> TotalRunTime() const;

  // Memory that the kernel says the maps lock.
  uint64_t map_bytes() const;

  uint64_t sample_period_ns() const;

  struct State;  // of the implementation (recorder/tracer/tracer_state.h)

 private:
  Tracer();
  std::unique_ptr<State> state_;
};

}  // namespace twofold
