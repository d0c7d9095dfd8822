#include "format/records/interval.h"

#include "format/records/accounts.h"
#include "format/records/allocations.h"
#include "format/records/blocked_rows.h"
#include "format/records/counter_rows.h"
#include "format/records/cpu_rows.h"
#include "format/records/cpu_times.h"
#include "format/records/execs.h"
#include "format/records/exemplars.h"
#include "format/records/loss_rows.h"
#include "format/records/retransmits.h"
#include "format/records/wait_counts.h"
#include "format/records/waiting_rows.h"

namespace twofold::records {
namespace {

Cost UnpackCost(const wire::Cost& table) {
  Cost cost;
  cost.bpf_ns = table.bpf_ns();
  cost.bpf_runs = table.bpf_runs();
  cost.user_ns = table.user_ns();
  cost.system_ns = table.system_ns();
  cost.peak_resident_bytes = table.peak_resident_bytes();
  cost.map_bytes = table.map_bytes();
  cost.map_inserts = table.map_inserts();
  return cost;
}

MaybeFault CheckCost(const Cost& cost, Totals& totals) {
  bool fits =
      AddToTotal(totals.bpf_ns, cost.bpf_ns) && AddToTotal(totals.bpf_runs, cost.bpf_runs) &&
      AddToTotal(totals.recorder_ns, cost.user_ns) &&
      AddToTotal(totals.recorder_ns, cost.system_ns) &&
      AddToTotal(totals.map_inserts, cost.map_inserts) &&
      cost.peak_resident_bytes <= container::kMaxSum && cost.map_bytes <= container::kMaxSum;
  if (!fits) return Fault{"its costs add up to more than 2^63"};
  return std::nullopt;
}

}  // namespace

void PackInterval(const Interval& interval, flatbuffers::FlatBufferBuilder& builder) {
  flatbuffers::Offset<wire::CpuRows> cpu;
  flatbuffers::Offset<wire::BlockedRows> blocked;
  flatbuffers::Offset<wire::Accounts> accounts;
  flatbuffers::Offset<wire::Losses> losses;
  flatbuffers::Offset<wire::WaitingRows> waiting;
  flatbuffers::Offset<wire::WaitCounts> wait_counts;
  flatbuffers::Offset<wire::CpuTimes> cpu_times;
  flatbuffers::Offset<wire::Exemplars> exemplars;
  flatbuffers::Offset<wire::CounterRows> counters;
  flatbuffers::Offset<wire::AllocationRows> allocations;
  flatbuffers::Offset<wire::OutstandingRows> outstanding;
  flatbuffers::Offset<wire::RetransmitRows> retransmits;
  flatbuffers::Offset<wire::RetransmitEvents> retransmit_events;
  flatbuffers::Offset<wire::ExecRows> execs;
  if (interval.cpu) cpu = PackCpuRows(builder, *interval.cpu);
  if (interval.blocked) blocked = PackBlockedRows(builder, *interval.blocked);
  if (interval.accounts) accounts = PackAccounts(builder, *interval.accounts);
  if (!interval.losses.empty()) losses = PackLosses(builder, interval.losses);
  if (interval.waiting) waiting = PackWaitingRows(builder, *interval.waiting);
  if (interval.wait_counts) wait_counts = PackWaitCounts(builder, *interval.wait_counts);
  if (interval.cpu_times) cpu_times = PackCpuTimes(builder, *interval.cpu_times);
  if (!interval.exemplars.empty()) exemplars = PackExemplars(builder, interval.exemplars);
  if (interval.counters) counters = PackCounterRows(builder, *interval.counters);
  if (interval.allocations) allocations = PackAllocationRows(builder, *interval.allocations);
  if (interval.outstanding) outstanding = PackOutstandingRows(builder, *interval.outstanding);
  if (interval.retransmits) {
    retransmits = PackRetransmitRows(builder, interval.retransmits->rows);
    if (!interval.retransmits->events.empty()) {
      retransmit_events = PackRetransmitEvents(builder, interval.retransmits->events);
    }
  }
  if (interval.execs) execs = PackExecRows(builder, *interval.execs);
  const Cost& spent = interval.cost;
  auto cost =
      wire::CreateCost(builder, spent.bpf_ns, spent.bpf_runs, spent.user_ns, spent.system_ns,
                       spent.peak_resident_bytes, spent.map_bytes, spent.map_inserts);
  builder.Finish(wire::CreateInterval(
      builder, interval.number, interval.start_ns, interval.end_ns, interval.start_realtime_ns, cpu,
      blocked, losses, cost, accounts, interval.quantum_ns, waiting, wait_counts, cpu_times,
      exemplars, counters, allocations, outstanding, retransmits, retransmit_events, execs));
}

MaybeFault UnpackInterval(std::span<const uint8_t> payload, MemoryBudget& budget,
                          Interval& interval) {
  if (!IsFlatBuffer<wire::Interval>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Interval>(payload);
  interval.number = table->number();
  interval.start_ns = table->start_ns();
  interval.end_ns = table->end_ns();
  interval.start_realtime_ns = table->start_realtime_ns();
  if (!budget.Take(1, sizeof(Interval))) return TooMuchMemory();
  if (table->cpu() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(UnpackCpuRows(*table->cpu(), budget, interval.cpu.emplace()));
  }
  if (table->blocked() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackBlockedRows(*table->blocked(), budget, interval.blocked.emplace()));
  }
  if (table->accounts() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackAccounts(*table->accounts(), budget, interval.accounts.emplace()));
  }
  if (table->losses() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(UnpackLosses(*table->losses(), budget, interval.losses));
  }
  interval.quantum_ns = table->quantum_ns();
  if (table->waiting() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackWaitingRows(*table->waiting(), budget, interval.waiting.emplace()));
  }
  if (table->wait_counts() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackWaitCounts(*table->wait_counts(), budget, interval.wait_counts.emplace()));
  }
  if (table->cpu_times() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackCpuTimes(*table->cpu_times(), budget, interval.cpu_times.emplace()));
  }
  if (table->exemplars() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(UnpackExemplars(*table->exemplars(), budget, interval.exemplars));
  }
  if (table->counters() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackCounterRows(*table->counters(), budget, interval.counters.emplace()));
  }
  if (table->allocations() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackAllocationRows(*table->allocations(), budget, interval.allocations.emplace()));
  }
  if (table->outstanding() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(
        UnpackOutstandingRows(*table->outstanding(), budget, interval.outstanding.emplace()));
  }
  if (table->retransmits() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(UnpackRetransmits(*table->retransmits(), table->retransmit_events(),
                                              budget, interval.retransmits.emplace()));
  }
  if (table->execs() != nullptr) {
    TWOFOLD_RETURN_IF_FAULT(UnpackExecRows(*table->execs(), budget, interval.execs.emplace()));
  }
  if (table->cost() != nullptr) interval.cost = UnpackCost(*table->cost());
  return std::nullopt;
}

MaybeFault AddInterval(const Interval& interval, Progress& progress) {
  if (interval.number < progress.next_interval || interval.number == UINT32_MAX) {
    return Fault{"interval " + std::to_string(interval.number) + " comes after interval " +
                 std::to_string(progress.next_interval - 1)};
  }
  if (interval.end_ns < interval.start_ns ||
      interval.end_ns > static_cast<uint64_t>(container::kMaxTimeNs)) {
    return Fault{"interval " + std::to_string(interval.number) + " ends before it begins"};
  }
  if (interval.start_ns < progress.end_ns) {
    return Fault{"interval " + std::to_string(interval.number) +
                 " begins before the one before it ended"};
  }
  TWOFOLD_RETURN_IF_FAULT(CheckTime(interval.start_realtime_ns, "its real time"));
  if (interval.quantum_ns > static_cast<uint64_t>(container::kMaxTimeNs)) {
    return Fault{"its quantum is out of range"};
  }
  Totals totals = progress.totals;
  if (interval.cpu) {
    TWOFOLD_RETURN_IF_FAULT(CheckCpuRows(*interval.cpu, progress.defined, totals));
  }
  if (interval.blocked) {
    TWOFOLD_RETURN_IF_FAULT(CheckBlockedRows(*interval.blocked, progress.defined, totals));
  }
  if (interval.accounts) {
    TWOFOLD_RETURN_IF_FAULT(CheckAccounts(*interval.accounts, progress.defined, totals));
  }
  if (interval.waiting) {
    TWOFOLD_RETURN_IF_FAULT(CheckWaitingRows(*interval.waiting, progress.defined, totals));
  }
  if (interval.wait_counts) {
    TWOFOLD_RETURN_IF_FAULT(CheckWaitCounts(*interval.wait_counts, progress.defined, totals));
  }
  if (interval.cpu_times) TWOFOLD_RETURN_IF_FAULT(CheckCpuTimes(*interval.cpu_times, totals));
  if (interval.counters) {
    TWOFOLD_RETURN_IF_FAULT(CheckCounterRows(*interval.counters, progress.defined, totals));
  }
  if (interval.allocations) {
    TWOFOLD_RETURN_IF_FAULT(CheckAllocationRows(*interval.allocations, progress.defined, totals));
  }
  if (interval.outstanding) {
    TWOFOLD_RETURN_IF_FAULT(CheckOutstandingRows(*interval.outstanding, progress.defined, totals));
  }
  if (interval.retransmits) {
    TWOFOLD_RETURN_IF_FAULT(CheckRetransmits(*interval.retransmits, progress.defined, totals));
  }
  if (interval.execs) TWOFOLD_RETURN_IF_FAULT(CheckExecRows(*interval.execs, progress.defined));
  TWOFOLD_RETURN_IF_FAULT(CheckExemplars(interval.exemplars, progress.defined));
  TWOFOLD_RETURN_IF_FAULT(CheckLosses(interval.losses, totals));
  TWOFOLD_RETURN_IF_FAULT(CheckCost(interval.cost, totals));
  progress.totals = totals;
  progress.intervals += 1;
  progress.next_interval = interval.number + 1;
  progress.end_ns = interval.end_ns;
  return std::nullopt;
}

DefinitionCounts HighestIds(const Interval& interval) {
  DefinitionCounts highest;
  if (interval.cpu) NoteIds(*interval.cpu, highest);
  if (interval.blocked) NoteIds(*interval.blocked, highest);
  if (interval.accounts) NoteIds(*interval.accounts, highest);
  if (interval.waiting) NoteIds(*interval.waiting, highest);
  if (interval.wait_counts) NoteIds(*interval.wait_counts, highest);
  if (interval.counters) NoteIds(*interval.counters, highest);
  if (interval.allocations) NoteIds(*interval.allocations, highest);
  if (interval.outstanding) NoteIds(*interval.outstanding, highest);
  if (interval.retransmits) NoteIds(*interval.retransmits, highest);
  if (interval.execs) NoteIds(*interval.execs, highest);
  NoteIds(interval.exemplars, highest);
  return highest;
}

}  // namespace twofold::records
