// The recorder's side of the BPF programs: sizes their maps, loads and attaches them, and reads
// what they added up.
//
// Order of calls: Load, Start, then Read at each interval's end; Stop, then a last Read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bpf/twofold_abi.h"
#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

struct TracerSettings {
  enum class Scope { kSystem, kProcesses, kCommand };

  bool cpu = true;
  bool offcpu = true;
  bool states = true;  // exact times of every thread by state; needs the scheduler's tracepoints,
                       // as offcpu does
  bool switch_passes_state = true;  // SchedulerTracepoints of recorder/probe.h
  uint32_t frequency_hz = 99;
  uint64_t memory_bytes = 64ULL << 20;
  Scope scope = Scope::kSystem;
  std::vector<Pid> pids;  // of scope kProcesses
  Pid command;  // of scope kCommand: in scope, with its descendants, from its first exec on
};

// How many entries each map gets, so that all of them together stay within a budget.
struct MapSizes {
  uint32_t thread_slots = 0;         // a power of two
  uint32_t ended_account_bytes = 0;  // a power of two, of whole pages
  uint32_t blocked_stacks = 1;
  uint32_t blocked_rows = 1;
  uint32_t cpu_stacks = 1;
  uint32_t cpu_rows = 1;
};
MapSizes PlanMaps(uint64_t memory_bytes, bool cpu, bool offcpu);

struct BlockedDifference {
  twofold_blocked_key key;
  uint64_t time_ns = 0;
  uint64_t count = 0;
};

struct CpuDifference {
  twofold_cpu_key key;
  uint64_t samples = 0;
};

// How long a thread was in each state since the reading before.
struct AccountDifference {
  uint32_t thread = 0;  // number in the thread table
  bool ended = false;   // the thread took another number, or exited
  uint64_t at_ns = 0;   // CLOCK_MONOTONIC
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t time_ns[TWOFOLD_STATES] = {};
};

// What was added since the reading before.
struct Reading {
  std::vector<AccountDifference> accounts;
  std::vector<BlockedDifference> blocked;
  std::vector<CpuDifference> cpu;
  std::vector<twofold_thread> threads;  // new ones, by number
  std::vector<Loss> losses;
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
};

class Tracer {
 public:
  enum class StackClass { kBlocked, kCpu };

  // Loads the programs into the kernel. Error: names the missing privilege, file or tracepoint and
  // the way out.
  static Result<std::unique_ptr<Tracer>> Load(const TracerSettings& settings);
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Attaches everything, the sampler last, and takes the threads in scope that live already, with
  // the blocks that they are in from now on. Returns the time at which the window starts
  // (CLOCK_MONOTONIC).
  Result<uint64_t> Start();

  // Detaches everything, the sampler first. Maps stay readable. Harmless when called again.
  void Stop();

  // Splits open blocks at a boundary (CLOCK_MONOTONIC, not in the future) and reads what was added
  // since the last call.
  Result<Reading> Read(uint64_t boundary_ns);

  // Takes the accounts of threads that ended out of their buffer; for the time between readings.
  // Readable when the buffer is filling up: accounts_fd.
  void DrainAccounts();
  int accounts_fd() const;

  // A stack by the hash that a row's key holds; nullopt when the map does not have it.
  std::optional<twofold_stack> FindStack(StackClass stack_class, uint64_t hash) const;

  // Memory that the kernel says the maps lock.
  uint64_t map_bytes() const;

  uint64_t sample_period_ns() const;

 private:
  Tracer();
  struct State;
  std::unique_ptr<State> state_;
};

// CLOCK_MONOTONIC, as the BPF programs read it.
uint64_t MonotonicNowNs();

}  // namespace twofold
