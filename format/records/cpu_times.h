// Where the time of each CPU went: table CpuTimes.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/records/row_fields.h"

namespace twofold {

// Time of one CPU in an interval, as /proc/stat counts it (in ticks, usually of 10 ms).
struct CpuTime {
  uint32_t cpu = 0;
  uint64_t user_ns = 0;  // with nice
  uint64_t system_ns = 0;
  uint64_t irq_ns = 0;
  uint64_t softirq_ns = 0;
  uint64_t steal_ns = 0;  // taken by the hypervisor
  uint64_t idle_ns = 0;
  uint64_t iowait_ns = 0;  // idle while a thread that last ran there waited for a disk

  friend bool operator==(const CpuTime&, const CpuTime&) = default;
};

template <>
struct RowKind<CpuTime> : RowKindDefaults {
  static constexpr const char* kTable = "CPU times";
  static constexpr bool kHasOneTotal = true;
  static constexpr std::tuple kFields = {
      field::Key("cpu", &CpuTime::cpu),
      field::Sum("user_ns", &CpuTime::user_ns),
      field::Sum("system_ns", &CpuTime::system_ns),
      field::Sum("irq_ns", &CpuTime::irq_ns),
      field::Sum("softirq_ns", &CpuTime::softirq_ns),
      field::Sum("steal_ns", &CpuTime::steal_ns),
      field::Sum("idle_ns", &CpuTime::idle_ns),
      field::Sum("iowait_ns", &CpuTime::iowait_ns),
  };
};

}  // namespace twofold
