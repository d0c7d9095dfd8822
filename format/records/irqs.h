// Time in interrupts: tables IrqRows and ThreadIrqRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/records/row_fields.h"

namespace twofold {

enum class IrqKind : uint8_t {
  kOther = 0,  // a kind of a newer version
  kHard = 1,
  kSoft = 2,
};

// What one handler of interrupts took on a CPU, whatever was interrupted.
struct IrqRow {
  IrqKind kind = IrqKind::kOther;
  uint32_t cpu = 0;
  uint32_t number =
      0;             // hard: as in /proc/interrupts; soft: the vector, as /proc/softirqs lists them
  StringId handler;  // the device's name, or the vector's
  uint64_t count = 0;
  uint64_t time_ns = 0;  // of those that ended in the interval; a soft interrupt's is without the
                         // hard ones that came in its middle
  uint64_t longest_ns = 0;  // of them

  friend bool operator==(const IrqRow&, const IrqRow&) = default;
};

template <>
struct RowKind<IrqRow> : RowKindDefaults {
  static constexpr const char* kTable = "interrupts";
  static constexpr const char* kRow = "an interrupt row";
  static constexpr std::tuple kFields = {
      field::Key("kind", &IrqRow::kind, field::UpTo<IrqKind::kSoft>),
      field::Key("cpu", &IrqRow::cpu),
      field::Key("number", &IrqRow::number),
      field::Reference("handler", &IrqRow::handler),
      field::Sum("count", &IrqRow::count),
      field::Sum("time_ns", &IrqRow::time_ns),
      field::Max("longest_ns", &IrqRow::longest_ns),
  };
};

// What interrupts took while a thread was on a CPU: a part of its on-CPU time.
struct ThreadIrqRow {
  IrqKind kind = IrqKind::kOther;
  ThreadId thread;
  uint64_t count = 0;
  uint64_t time_ns = 0;

  friend bool operator==(const ThreadIrqRow&, const ThreadIrqRow&) = default;
};

template <>
struct RowKind<ThreadIrqRow> : RowKindDefaults {
  static constexpr const char* kTable = "threads' interrupts";
  static constexpr const char* kRow = "an interrupted thread's row";
  static constexpr std::tuple kFields = {
      field::Key("kind", &ThreadIrqRow::kind, field::UpTo<IrqKind::kSoft>),
      field::Reference("thread", &ThreadIrqRow::thread),
      field::Sum("count", &ThreadIrqRow::count),
      field::Sum("time_ns", &ThreadIrqRow::time_ns),
  };
};

}  // namespace twofold
