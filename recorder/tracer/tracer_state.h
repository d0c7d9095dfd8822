// What the parts of the tracer share: tracer.cc loads, attaches and detaches; tracer_reading.cc
// reads; tracer_memory.cc does both for memory. Not for anybody else.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// The skeleton needs the type.
#include "bpf/abi/direct_map_abi.h"
#include "bpf/twofold.skel.h"
#include "recorder/base/background_job.h"
#include "recorder/base/unique_fd.h"
#include "recorder/tracer/account_book.h"
#include "recorder/tracer/allocator_probes.h"
#include "recorder/tracer/cumulative_map.h"
#include "recorder/tracer/map_set.h"
#include "recorder/tracer/sampling_timer.h"
#include "recorder/tracer/socket_owners.h"
#include "recorder/tracer/tracer.h"
#include "recorder/tracer/tracer_events.h"

namespace twofold {

// An error of libbpf or of the kernel, with the first line of what libbpf said.
Error TracerError(const std::string& what, int error);

struct Tracer::State {
  ~State();

  Result<void> AttachCounters();
  // Parts of loading, attaching and reading that concern memory (tracer_memory.cc).
  void PrepareMemory();
  Result<void> AttachMemory();
  void DetachMemory();
  Result<void> ReadAllocations(Reading& reading);
  Result<void> ReadOutstanding(uint64_t boundary_ns, Reading& reading);
  bool IsMemoryProgram(const bpf_program* program) const;
  // Of recorder/tracer/tracer_events.cc: what single events take before and after loading, and at
  // Start.
  void PrepareEvents();
  Result<void> OpenEvents();
  void AttachFailedExecs();
  // Of recorder/tracer/tracer_tcp.cc.
  void PrepareTcp();
  Result<void> AttachTcp();
  void DetachTcp();
  Result<void> PassOverSockets(twofold_socket_pass pass, uint64_t now_ns);
  Result<void> ReadRetransmits(Reading& reading);
  // Once all rows are read: who owns the sockets, and the packets one by one.
  Result<void> FinishRetransmits(Reading& reading);
  Result<void> PassOverTasks(twofold_pass pass, uint64_t boundary_ns);
  // Returns when no program that had begun before the call is still running.
  Result<void> WaitForPrograms();
  // Of the interval that ended last. `sum`: which of their sums is its own (TWOFOLD_SUMS).
  Result<void> ReadRows(size_t sum, Reading& reading);
  Result<void> ReadExemplars(size_t sum, Reading& reading);
  Result<void> MoveToFreshMaps(uint64_t boundary_ns, Reading& reading);
  Result<void> BeginMove(size_t set);
  void FinishMove(Reading& reading);
  // Calls action on the rows that are read from a set of maps, if it is one of rows.
  template <typename Action>
  void WithRowsOf(size_t set, Action action);
  Result<void> ReadInserts(Reading& reading);
  Result<void> ReadLosses(Reading& reading);
  Result<void> ReadCost(Reading& reading);
  void ReadThreads(Reading& reading);
  void MeasureMaps();

  TracerSettings settings;
  MapSizes sizes;
  twofold_bpf* skeleton = nullptr;
  UniqueFd statistics;  // while open the kernel counts the programs' run time
  SamplingTimer sampling_timer;
  twofold_thread* thread_table = nullptr;  // shared with the programs
  size_t thread_table_bytes = 0;
  std::vector<MapSet> map_sets;  // by twofold_map_set
  std::optional<CumulativeMap<twofold_offcpu_key, twofold_offcpu_sums>> offcpu_rows;
  std::optional<CumulativeMap<twofold_cpu_key, twofold_cpu_sums>> cpu_rows;
  std::optional<CumulativeMap<twofold_cpu_key, twofold_counter_sums>> counter_rows;
  std::optional<CumulativeMap<twofold_allocation_key, twofold_allocation_value>> memory_rows;
  std::vector<bpf_link*> memory_links;
  std::unique_ptr<AllocatorProbes> allocator_probes;
  std::optional<CumulativeMap<twofold_retransmit_key, twofold_retransmit_value>> retransmit_rows;
  SocketOwners socket_owners;
  HardwareCounters counters;
  HardwareCounters::Counted counted;  // in the interval that ended last
  std::optional<Error> counters_failure;
  std::optional<Error> failed_execs_failure;
  EventBook events;
  std::map<uint32_t, twofold_loss> losses_before;  // by index of the loss map
  uint64_t bpf_ns_before = 0;
  uint64_t bpf_runs_before = 0;
  uint64_t missed_before = 0;
  uint64_t inserts_before = 0;
  uint64_t largest_quantum_ns = 0;  // since the last reading
  // Of one set of maps at a time: the budget has room for one more map.
  struct Move {
    size_t set = 0;
    uint32_t old_place = 0;
    int error = 0;           // errno
    uint64_t over_ns = 0;    // CLOCK_MONOTONIC; no program is at the old map any more
    bool is_over = false;    // the old map is retired
    int readings_since = 0;  // it was retired
  };
  std::optional<Move> move;  // written by map_changer until that has finished
  BackgroundJob map_changer;
  uint64_t readings = 0;
  uint64_t announced_ns = 0;  // CLOCK_MONOTONIC: the boundary that is to be read next; 0: none yet
  bool stopped = false;
  ring_buffer* ended_accounts = nullptr;
  AccountBook accounts;
  std::vector<ProcessEndReading> process_ends;  // since the last reading
  uint64_t map_bytes = 0;
};

}  // namespace twofold
