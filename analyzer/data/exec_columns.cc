// Columns of the table exec_call: executed programs.
#include <cstring>

#include "analyzer/data/columns.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

// Linux has the same numbers on x86-64 and arm64.
ColumnValue ErrorName(uint16_t error) {
  const char* name = error == 0 ? nullptr : strerrorname_np(error);
  return name == nullptr ? Null() : Text(name);
}

}  // namespace

std::vector<CaptureTable> ExecTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"exec_call",
       OffsetOf<ExecRow>,
       CountRows<ExecRow>,
       {
           {"exec_call_id INTEGER", OwnKey<ExecRow>},
           {"interval_id INTEGER", OwnInterval<ExecRow>},
           {"time_ns INTEGER", Of<&ExecRow::time_ns>},
           {"thread_id INTEGER", Of<&ExecRow::thread>},
           {"error INTEGER",
            [](const Source& s, size_t row) {
              return ClampedOrNull(RowAt<ExecRow>(s, row).error);
            }},
           {"error_name TEXT",
            [](const Source& s, size_t row) { return ErrorName(RowAt<ExecRow>(s, row).error); }},
           {"parent_pid INTEGER",
            [](const Source& s, size_t row) {
              return ClampedOrNull(RowAt<ExecRow>(s, row).parent_pid.value);
            }},
           {"parent_name TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(RowAt<ExecRow>(s, row).parent_name));
            }},
           {"file TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(RowAt<ExecRow>(s, row).file));
            }},
           {"arguments TEXT",
            [](const Source& s, size_t row) { return TextOrNull(s.exec_arguments[row]); }},
           {"arguments_cut INTEGER", Of<&ExecRow::arguments_cut>},
       }});
  return tables;
}

}  // namespace twofold::columns
