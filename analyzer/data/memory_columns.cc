// Columns of the tables allocation and outstanding: memory.
#include <cmath>

#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

// Where an age begins: that of `age` steps, the first of which is the capture's own and every other
// twice the one before. Null: later than numbers go.
ColumnValue AgeBegin(const Source& s, uint32_t age) {
  const uint64_t first_ns = s.capture.recording.settings.leak_age_ns;
  if (age == 0) return Int(0);
  const uint32_t doublings = age - 1;
  if (doublings >= 63 || first_ns > uint64_t(INT64_MAX) >> doublings) return Null();
  return Int(int64_t(first_ns << doublings));
}

// The six columns that both tables begin with.
template <typename Row>
std::vector<CaptureColumn> FirstColumns(const char* key) {
  return {
      {key, OwnKey<Row>},
      {"interval_id INTEGER", OwnInterval<Row>},
      {"kind TEXT",
       [](const Source& s, size_t row) { return Text(NameOf(RowAt<Row>(s, row).kind)); }},
      {"thread_id INTEGER", Of<&Row::thread>},
      {"kernel_stack_id INTEGER", Of<&Row::kernel_stack>},
      {"user_stack_id INTEGER", Of<&Row::user_stack>},
  };
}

}  // namespace

std::vector<CaptureTable> MemoryTables() {
  std::vector<CaptureColumn> allocation = FirstColumns<AllocationRow>("allocation_id INTEGER");
  for (const CaptureColumn& column : {
           CaptureColumn{"allocated_bytes INTEGER", Of<&AllocationRow::allocated_bytes>},
           CaptureColumn{"allocated_count INTEGER", Of<&AllocationRow::allocated_count>},
           CaptureColumn{"samples INTEGER", Of<&AllocationRow::samples>},
           CaptureColumn{"freed_bytes INTEGER", Of<&AllocationRow::freed_bytes>},
           CaptureColumn{"freed_count INTEGER", Of<&AllocationRow::freed_count>},
           CaptureColumn{"untracked_bytes INTEGER", Of<&AllocationRow::untracked_bytes>},
           CaptureColumn{"untracked_count INTEGER", Of<&AllocationRow::untracked_count>},
       }) {
    allocation.push_back(column);
  }
  std::vector<CaptureColumn> outstanding = FirstColumns<OutstandingRow>("outstanding_id INTEGER");
  for (const CaptureColumn& column : {
           CaptureColumn{"age INTEGER", Of<&OutstandingRow::age>},
           CaptureColumn{"min_age_ns INTEGER",
                         [](const Source&s, size_t row) {
                           ColumnValue begin = AgeBegin(s, RowAt<OutstandingRow>(s, row).age);
                           return begin.kind == ColumnValue::Kind::kNull ? Int(INT64_MAX) : begin;
                         }},
           CaptureColumn{"max_age_ns INTEGER",
                         [](const Source&s, size_t row) {
                           uint32_t age = RowAt<OutstandingRow>(s, row).age;
                           return age >= kMaxAge ? Null() : AgeBegin(s, age + 1);
                         }},
           CaptureColumn{"bytes INTEGER", Of<&OutstandingRow::bytes>},
           CaptureColumn{"count INTEGER", Of<&OutstandingRow::count>},
           CaptureColumn{"samples INTEGER", Of<&OutstandingRow::samples>},
           CaptureColumn{"variance_bytes2 INTEGER", Of<&OutstandingRow::variance_bytes2>},
           CaptureColumn{"standard_error_bytes INTEGER",
                         [](const Source&s, size_t row) {
                           double variance = double(RowAt<OutstandingRow>(s, row).variance_bytes2);
                           return Int(int64_t(std::llround(std::sqrt(variance))));
                         }},
       }) {
    outstanding.push_back(column);
  }
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"allocation", OffsetOf<AllocationRow>, CountRows<AllocationRow>, std::move(allocation)});
  tables.push_back(
      {"outstanding", OffsetOf<OutstandingRow>, CountRows<OutstandingRow>, std::move(outstanding)});
  return tables;
}

}  // namespace twofold::columns
