// Time that threads were able to run and waited for a CPU: table WaitingRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

// Time that a thread was able to run and waited for a CPU; its stacks are those with which it left
// the CPU before. Its numbers are estimates, as those of BlockedRow.
struct WaitingRow {
  ThreadId thread;
  bool preempted = false;  // it lost its CPU to another thread; false: it was woken, or born
  StackId kernel_stack;
  StackId user_stack;  // 0: a kernel thread
  uint64_t time_ns = 0;
  uint64_t count = 0;
  uint64_t sampled_ns = 0;
  uint64_t samples = 0;
  uint64_t variance_us2 = 0;
  uint64_t count_variance = 0;
  uint64_t quanta_us2 = 0;

  friend bool operator==(const WaitingRow&, const WaitingRow&) = default;
};

template <>
struct RowKind<WaitingRow> : RowKindDefaults {
  static constexpr const char* kTable = "waiting rows";
  static constexpr const char* kRow = "a waiting row";
  static constexpr std::tuple kFields = {
      field::Reference("thread", &WaitingRow::thread),
      field::Key("preempted", &WaitingRow::preempted),
      field::Reference("kernel_stack", &WaitingRow::kernel_stack),
      field::Reference("user_stack", &WaitingRow::user_stack),
      field::Sum("time_ns", &WaitingRow::time_ns),
      field::Sum("sampled_ns", &WaitingRow::sampled_ns),
      field::Sum("count", &WaitingRow::count),
      field::Sum("samples", &WaitingRow::samples),
      field::Sum("variance_us2", &WaitingRow::variance_us2),
      field::Sum("count_variance", &WaitingRow::count_variance),
      field::Sum("quanta_us2", &WaitingRow::quanta_us2),
  };
  static constexpr const char* FindFault(const WaitingRow& row) {
    return row.sampled_ns > row.time_ns ? "a waiting row has more sampled time than time" : nullptr;
  }
};

}  // namespace twofold
