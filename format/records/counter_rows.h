// Hardware events by stack: table CounterRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

// Hardware events of a thread with a pair of stacks, by sampling: each sample stands for as many
// events as lay between it and the sample before on that CPU, its period.
struct CounterRow {
  ThreadId thread;
  StackId kernel_stack;  // 0: the samples hit user mode
  StackId user_stack;    // 0: a kernel thread
  uint64_t cycles = 0;   // sum of the samples' periods
  uint64_t cycle_samples = 0;
  uint64_t instructions = 0;
  uint64_t instruction_samples = 0;

  friend bool operator==(const CounterRow&, const CounterRow&) = default;
};

// One event's counters of all CPUs together, whoever ran.
struct CounterTotal {
  uint64_t counted = 0;
  uint64_t enabled_ns = 0;
  uint64_t running_ns = 0;  // less than enabled_ns: the counters were shared with other users

  friend bool operator==(const CounterTotal&, const CounterTotal&) = default;
};

struct CounterRows {
  CounterTotal cycles;
  CounterTotal instructions;
  std::vector<CounterRow> rows;

  friend bool operator==(const CounterRows&, const CounterRows&) = default;
};

template <>
struct RowKind<CounterRow> : RowKindDefaults {
  static constexpr const char* kTable = "counter rows";
  static constexpr const char* kRow = "a counter row";
  static constexpr std::tuple kFields = {
      field::Reference("thread", &CounterRow::thread),
      field::Reference("kernel_stack", &CounterRow::kernel_stack),
      field::Reference("user_stack", &CounterRow::user_stack),
      field::Sum("cycles", &CounterRow::cycles),
      field::Sum("cycle_samples", &CounterRow::cycle_samples),
      field::Sum("instructions", &CounterRow::instructions),
      field::Sum("instruction_samples", &CounterRow::instruction_samples),
  };

  // A number of one of the two counters.
  struct TotalField {
    const char* column;
    CounterTotal CounterRows::*event;
    uint64_t CounterTotal::*member;

    uint64_t Get(const CounterRows& counters) const { return counters.*event.*member; }
    void Set(CounterRows& counters, uint64_t number) const { counters.*event.*member = number; }
  };
  static constexpr std::tuple kScalars = {
      TotalField{"cycles_counted", &CounterRows::cycles, &CounterTotal::counted},
      TotalField{"cycles_enabled_ns", &CounterRows::cycles, &CounterTotal::enabled_ns},
      TotalField{"cycles_running_ns", &CounterRows::cycles, &CounterTotal::running_ns},
      TotalField{"instructions_counted", &CounterRows::instructions, &CounterTotal::counted},
      TotalField{"instructions_enabled_ns", &CounterRows::instructions, &CounterTotal::enabled_ns},
      TotalField{"instructions_running_ns", &CounterRows::instructions, &CounterTotal::running_ns},
  };
  static MaybeFault CheckTable(const Interval& interval, Totals& totals);
};

}  // namespace twofold
