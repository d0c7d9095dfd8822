// Columns of the table exec_call: executed programs.
#include <cstring>

#include "analyzer/data/columns.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const ExecRow& Row(const Source& s, size_t row) {
  const RowPlace& place = s.exec_rows[row];
  return (*s.capture.intervals[place.interval].execs)[place.row];
}

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
       [](const Source& s) { return s.exec_rows.size(); },
       {
           {"exec_call_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.exec); }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.exec_rows[row].interval); }},
           {"time_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).time_ns); }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) { return ThreadKey(s, Row(s, row).thread); }},
           {"error INTEGER",
            [](const Source& s, size_t row) { return ClampedOrNull(Row(s, row).error); }},
           {"error_name TEXT",
            [](const Source& s, size_t row) { return ErrorName(Row(s, row).error); }},
           {"parent_pid INTEGER",
            [](const Source& s, size_t row) {
              return ClampedOrNull(Row(s, row).parent_pid.value);
            }},
           {"parent_name TEXT",
            [](const Source& s, size_t row) {
              return TextOrNull(s.capture.String(Row(s, row).parent_name));
            }},
           {"file TEXT", [](const Source& s,
                            size_t row) { return TextOrNull(s.capture.String(Row(s, row).file)); }},
           {"arguments TEXT",
            [](const Source& s, size_t row) { return TextOrNull(s.exec_arguments[row]); }},
           {"arguments_cut INTEGER",
            [](const Source& s, size_t row) { return Flag(Row(s, row).arguments_cut); }},
       }});
  return tables;
}

}  // namespace twofold::columns
