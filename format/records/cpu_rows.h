// CPU samples of an interval: table CpuRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

struct CpuRow {
  ThreadId thread;
  StackId kernel_stack;  // 0: the sample hit user mode
  StackId user_stack;    // 0: a kernel thread
  uint64_t samples = 0;

  friend bool operator==(const CpuRow&, const CpuRow&) = default;
};

struct CpuRows {
  uint64_t period_ns = 0;  // each sample stands for this much CPU time
  std::vector<CpuRow> rows;

  friend bool operator==(const CpuRows&, const CpuRows&) = default;
};

template <>
struct RowKind<CpuRow> : RowKindDefaults {
  static constexpr const char* kTable = "CPU rows";
  static constexpr const char* kRow = "a CPU row";
  static constexpr size_t kFullColumns = 4;
  static constexpr std::tuple kFields = {
      field::Reference("thread", &CpuRow::thread),
      field::Reference("kernel_stack", &CpuRow::kernel_stack),
      field::Reference("user_stack", &CpuRow::user_stack),
      field::Sum("samples", &CpuRow::samples),
  };
  static constexpr std::tuple kScalars = {
      field::Plain("period_ns", &CpuRows::period_ns),
  };
  static MaybeFault CheckTable(const Interval& interval, Totals& totals);
};

}  // namespace twofold
