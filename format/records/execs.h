// Executed programs: table ExecRows.
#pragma once

#include <cstdint>
#include <tuple>
#include <vector>

#include "format/base/ids.h"
#include "format/container.h"
#include "format/records/row_fields.h"

namespace twofold {

// A program that was executed, or an attempt at it. When and how it ended is in ProcessEnd.
struct ExecRow {
  ThreadId thread;  // of the new program; of a failed attempt: the thread that tried
  uint64_t time_ns = 0;
  uint16_t error = 0;    // errno; 0: it succeeded
  Pid parent_pid;        // of the process that started the one that executes
  StringId parent_name;  // comm of its main thread
  StringId file;         // path as the program gave it; 0: it could not be read
  StringId arguments;    // each followed by a byte 0; 0: not recorded, or none
  bool arguments_cut = false;

  friend bool operator==(const ExecRow&, const ExecRow&) = default;
};

template <>
struct RowKind<ExecRow> : RowKindDefaults {
  static constexpr const char* kTable = "executed programs";
  static constexpr const char* kRow = "an executed program";
  static constexpr std::tuple kFields = {
      field::Reference("thread", &ExecRow::thread),
      field::Plain("time_ns", &ExecRow::time_ns),
      field::Plain("error", &ExecRow::error),
      field::Plain("parent_pid", &ExecRow::parent_pid),
      field::Reference("parent_name", &ExecRow::parent_name,
                       "the name of an executed program's parent"),
      field::Reference("file", &ExecRow::file),
      field::Reference("arguments", &ExecRow::arguments),
      field::Plain("arguments_cut", &ExecRow::arguments_cut),
  };
  static constexpr const char* FindFault(const ExecRow& row) {
    const bool in_range = row.time_ns <= uint64_t(container::kMaxTimeNs);
    return in_range ? nullptr : "the time of an executed program is out of range";
  }
};

}  // namespace twofold
