// What a capture says of the time between two instants: rows of many kinds, and the list of them.
//
// A new kind of row is a header in records/, a member of Interval and a line in kRowTables;
// whatever is done to all rows goes through that list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "format/losses.h"
#include "format/records/accounts.h"
#include "format/records/allocations.h"
#include "format/records/blocked_rows.h"
#include "format/records/counter_rows.h"
#include "format/records/cpu_rows.h"
#include "format/records/cpu_times.h"
#include "format/records/detail_steps.h"
#include "format/records/execs.h"
#include "format/records/exemplars.h"
#include "format/records/irqs.h"
#include "format/records/loss_rows.h"
#include "format/records/page_faults.h"
#include "format/records/retransmits.h"
#include "format/records/row_fields.h"
#include "format/records/wait_counts.h"
#include "format/records/waiting_rows.h"

namespace twofold {

// What the recorder took from the host during an interval.
struct Cost {
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t peak_resident_bytes = 0;
  uint64_t map_bytes = 0;
  uint64_t map_inserts = 0;  // new keys in BPF maps: stacks, rows, wakers, chains
  // For so long bpf_ns and bpf_runs were counted, in slices; they are estimates of the whole
  // interval then. 0: all the time.
  uint64_t bpf_measured_ns = 0;
  // CPU time of starting up, which is in none of the above: what was spent before the window, and
  // later on reading the files of what ran before it.
  uint64_t startup_ns = 0;

  friend bool operator==(const Cost&, const Cost&) = default;
};

struct Interval {
  uint32_t number = 0;
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;
  int64_t start_realtime_ns = 0;  // CLOCK_REALTIME
  std::optional<CpuRows> cpu;     // nullopt: not recorded
  std::optional<std::vector<BlockedRow>> blocked;
  std::optional<std::vector<Account>> accounts;
  std::vector<Loss> losses;
  Cost cost;
  uint64_t quantum_ns = 0;  // T of this interval's estimates, the largest where it changed within
                            // the interval; 0: every block was kept
  std::optional<std::vector<WaitingRow>> waiting;     // nullopt: not recorded
  std::optional<std::vector<WaitCount>> wait_counts;  // nullopt: not recorded
  std::optional<std::vector<CpuTime>> cpu_times;      // nullopt: not recorded
  std::vector<Exemplar> exemplars;
  std::optional<CounterRows> counters;                     // nullopt: not recorded
  std::optional<std::vector<AllocationRow>> allocations;   // nullopt: not recorded
  std::optional<std::vector<OutstandingRow>> outstanding;  // nullopt: not read at this end; it is
                                                           // at that of the last interval
  std::optional<Retransmits> retransmits;                  // nullopt: not recorded
  std::optional<std::vector<ExecRow>> execs;               // nullopt: not recorded
  std::optional<std::vector<IrqRow>> irqs;                 // nullopt: not recorded
  std::optional<std::vector<ThreadIrqRow>> thread_irqs;    // nullopt: not recorded
  std::vector<DetailStep> detail_steps;
  uint64_t late_ns = 0;  // how long after its end the interval was read
  std::optional<std::vector<PageFaultRow>> page_faults;  // nullopt: not recorded

  friend bool operator==(const Interval&, const Interval&) = default;
};

// Where an interval keeps the rows of one kind: in a vector, which is empty where there are none,
// in an optional vector, or in an optional struct that has other numbers beside its `rows`.
template <typename Holder>
class RowTable {
 public:
  // Whether an empty table is told from one that was not recorded.
  static constexpr bool kIsOptional = requires(Holder holder) { holder.emplace(); };

  constexpr RowTable(const char* wire_name, Holder Interval::*holder, LossSource of)
      : name(wire_name), source(of), holder_(holder) {}

  // The rows, or nullptr: not recorded, or none.
  template <typename SomeInterval>
  auto* Find(SomeInterval& interval) const {
    auto& holder = interval.*holder_;
    if constexpr (kIsOptional) {
      return holder ? &RowsIn(*holder) : nullptr;
    } else {
      return holder.empty() ? nullptr : &holder;
    }
  }

  // Makes room for rows; gives nullptr where the interval cannot have any.
  auto* Make(Interval& interval) const {
    auto& holder = interval.*holder_;
    if constexpr (kIsOptional) {
      return &RowsIn(holder.emplace());
    } else {
      return &holder;
    }
  }

  // What holds the rows; they must be there.
  template <typename SomeInterval>
  auto& Whole(SomeInterval& interval) const {
    if constexpr (kIsOptional) {
      return *(interval.*holder_);
    } else {
      return interval.*holder_;
    }
  }

  const char* name;   // in the schema's table Interval
  LossSource source;  // that the rows are of; kRecorder: no source of its own

 private:
  template <typename Rows>
  static auto& RowsIn(Rows& rows) {
    if constexpr (requires { rows.rows; }) {
      return rows.rows;
    } else {
      return rows;
    }
  }

  Holder Interval::*holder_;
};

// The same for the events of retransmits, which go with their rows.
struct RetransmitEventTable {
  static constexpr bool kIsOptional = false;

  template <typename SomeInterval>
  auto* Find(SomeInterval& interval) const {
    auto* events = interval.retransmits ? &interval.retransmits->events : nullptr;
    return events == nullptr || events->empty() ? nullptr : events;
  }
  std::vector<RetransmitEvent>* Make(Interval& interval) const {
    return interval.retransmits ? &interval.retransmits->events : nullptr;
  }
  template <typename SomeInterval>
  auto& Whole(SomeInterval& interval) const {
    return interval.retransmits->events;
  }

  const char* name;
  LossSource source;
};

// Every kind of row, in the order in which they are written.
inline constexpr std::tuple kRowTables = {
    RowTable("cpu", &Interval::cpu, LossSource::kCpu),
    RowTable("blocked", &Interval::blocked, LossSource::kOffCpu),
    RowTable("accounts", &Interval::accounts, LossSource::kRecorder),
    RowTable("losses", &Interval::losses, LossSource::kRecorder),
    RowTable("waiting", &Interval::waiting, LossSource::kOffCpu),
    RowTable("wait_counts", &Interval::wait_counts, LossSource::kRecorder),
    RowTable("cpu_times", &Interval::cpu_times, LossSource::kRecorder),
    RowTable("exemplars", &Interval::exemplars, LossSource::kOffCpu),
    RowTable("counters", &Interval::counters, LossSource::kCpi),
    RowTable("allocations", &Interval::allocations, LossSource::kMemory),
    RowTable("outstanding", &Interval::outstanding, LossSource::kMemory),
    RowTable("retransmits", &Interval::retransmits, LossSource::kTcp),
    RetransmitEventTable{"retransmit_events", LossSource::kTcp},
    RowTable("execs", &Interval::execs, LossSource::kExec),
    RowTable("irqs", &Interval::irqs, LossSource::kIrq),
    RowTable("thread_irqs", &Interval::thread_irqs, LossSource::kIrq),
    RowTable("detail_steps", &Interval::detail_steps, LossSource::kRecorder),
    RowTable("page_faults", &Interval::page_faults, LossSource::kFaults),
};
inline constexpr size_t kRowTableCount = std::tuple_size_v<decltype(kRowTables)>;

// The kind of the rows in a table of the list: RowOf<decltype(table)>.
template <typename Table>
using RowOf = typename std::remove_pointer_t<decltype(std::declval<Table>().Make(
    std::declval<Interval&>()))>::value_type;

// Where in the list the table of a kind of row is.
template <typename Row>
constexpr size_t RowTableIndex() {
  return []<typename... Tables>(const std::tuple<Tables...>&) {
    size_t index = 0;
    static_cast<void>((... || (std::is_same_v<Row, RowOf<Tables>> || (++index, false))));
    return index;
  }(kRowTables);
}

// Calls visit(table) for every table of the list.
template <typename Visit>
constexpr void ForEachRowTable(Visit visit) {
  std::apply([&](const auto&... tables) { (visit(tables), ...); }, kRowTables);
}

// Calls visit(row) for every row of an interval, of whatever kind.
template <typename SomeInterval, typename Visit>
void ForEachRow(SomeInterval& interval, Visit visit) {
  ForEachRowTable([&](const auto& table) {
    if (auto* rows = table.Find(interval)) {
      for (auto& row : *rows) visit(row);
    }
  });
}

}  // namespace twofold
