// Columns of the tables allocation and outstanding: memory.
#include <cmath>

#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const AllocationRow& Allocation(const Source& s, size_t row) {
  const RowPlace& place = s.allocation_rows[row];
  return (*s.capture.intervals[place.interval].allocations)[place.row];
}
const OutstandingRow& Outstanding(const Source& s, size_t row) {
  const RowPlace& place = s.outstanding_rows[row];
  return (*s.capture.intervals[place.interval].outstanding)[place.row];
}

// Where an age begins: that of `age` steps, the first of which is the capture's own and every other
// twice the one before. Null: later than numbers go.
ColumnValue AgeBegin(const Source& s, uint32_t age) {
  const uint64_t first_ns = s.capture.recording.settings.leak_age_ns;
  if (age == 0) return Int(0);
  const uint32_t doublings = age - 1;
  if (doublings >= 63 || first_ns > static_cast<uint64_t>(INT64_MAX) >> doublings) return Null();
  return Int(static_cast<int64_t>(first_ns << doublings));
}

// The six columns that both tables begin with.
template <const auto& get, int64_t IdOffsets::*offset, std::vector<RowPlace> Source::*places>
std::vector<CaptureColumn> FirstColumns(const char* key) {
  return {
      {key, [](const Source& s, size_t row) { return Counted(row, s.offsets.*offset); }},
      {"interval_id INTEGER",
       [](const Source& s, size_t row) { return IntervalKey(s, (s.*places)[row].interval); }},
      {"kind TEXT", [](const Source& s, size_t row) { return Text(NameOf(get(s, row).kind)); }},
      {"thread_id INTEGER",
       [](const Source& s, size_t row) { return ThreadKey(s, get(s, row).thread); }},
      {"kernel_stack_id INTEGER",
       [](const Source& s, size_t row) { return StackKey(s, get(s, row).kernel_stack); }},
      {"user_stack_id INTEGER",
       [](const Source& s, size_t row) { return StackKey(s, get(s, row).user_stack); }},
  };
}

template <const auto& get, auto field>
CaptureColumn Number(const char* declaration) {
  return {declaration, [](const Source& s, size_t row) { return Clamped(get(s, row).*field); }};
}

}  // namespace

std::vector<CaptureTable> MemoryTables() {
  std::vector<CaptureColumn> allocation =
      FirstColumns<Allocation, &IdOffsets::allocation, &Source::allocation_rows>(
          "allocation_id INTEGER");
  for (const CaptureColumn& column : {
           Number<Allocation, &AllocationRow::allocated_bytes>("allocated_bytes INTEGER"),
           Number<Allocation, &AllocationRow::allocated_count>("allocated_count INTEGER"),
           Number<Allocation, &AllocationRow::samples>("samples INTEGER"),
           Number<Allocation, &AllocationRow::freed_bytes>("freed_bytes INTEGER"),
           Number<Allocation, &AllocationRow::freed_count>("freed_count INTEGER"),
           Number<Allocation, &AllocationRow::untracked_bytes>("untracked_bytes INTEGER"),
           Number<Allocation, &AllocationRow::untracked_count>("untracked_count INTEGER"),
       }) {
    allocation.push_back(column);
  }
  std::vector<CaptureColumn> outstanding =
      FirstColumns<Outstanding, &IdOffsets::outstanding, &Source::outstanding_rows>(
          "outstanding_id INTEGER");
  for (const CaptureColumn& column : {
           CaptureColumn{"age INTEGER",
                         [](const Source&s, size_t row) { return Int(Outstanding(s, row).age); }},
           CaptureColumn{"min_age_ns INTEGER",
                         [](const Source&s, size_t row) {
                           ColumnValue begin = AgeBegin(s, Outstanding(s, row).age);
                           return begin.kind == ColumnValue::Kind::kNull ? Int(INT64_MAX) : begin;
                         }},
           CaptureColumn{"max_age_ns INTEGER",
                         [](const Source&s, size_t row) {
                           uint32_t age = Outstanding(s, row).age;
                           return age >= kMaxAge ? Null() : AgeBegin(s, age + 1);
                         }},
           Number<Outstanding, &OutstandingRow::bytes>("bytes INTEGER"),
           Number<Outstanding, &OutstandingRow::count>("count INTEGER"),
           Number<Outstanding, &OutstandingRow::samples>("samples INTEGER"),
           Number<Outstanding, &OutstandingRow::variance_bytes2>("variance_bytes2 INTEGER"),
           CaptureColumn{"standard_error_bytes INTEGER",
                         [](const Source&s, size_t row) {
                           double variance =
                               static_cast<double>(Outstanding(s, row).variance_bytes2);
                           return Int(static_cast<int64_t>(std::llround(std::sqrt(variance))));
                         }},
       }) {
    outstanding.push_back(column);
  }
  std::vector<CaptureTable> tables;
  tables.push_back({"allocation", [](const Source& s) { return s.allocation_rows.size(); },
                    std::move(allocation)});
  tables.push_back({"outstanding", [](const Source& s) { return s.outstanding_rows.size(); },
                    std::move(outstanding)});
  return tables;
}

}  // namespace twofold::columns
