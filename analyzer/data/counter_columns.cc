// Columns of the tables counter_sample and counter: hardware events.
#include "analyzer/data/columns.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const CounterRows& CountersOf(const Source& s, const RowPlace& place) {
  return *s.capture.intervals[place.interval].counters;
}
const CounterRow& Row(const Source& s, size_t row) {
  return CountersOf(s, s.counter_rows[row]).rows[s.counter_rows[row].row];
}

bool IsOfCycles(const Source& s, size_t row) { return s.counter_totals[row].row == 0; }

const CounterTotal& Total(const Source& s, size_t row) {
  const CounterRows& counters = CountersOf(s, s.counter_totals[row]);
  return IsOfCycles(s, row) ? counters.cycles : counters.instructions;
}

}  // namespace

std::vector<CaptureTable> CounterTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"counter_sample",
       [](const Source& s) { return s.counter_rows.size(); },
       {
           {"counter_sample_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.counter_sample); }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) {
              return IntervalKey(s, s.counter_rows[row].interval);
            }},
           {"thread_id INTEGER",
            [](const Source& s, size_t row) {
              return Int(Row(s, row).thread.value + s.offsets.thread);
            }},
           {"kernel_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Row(s, row).kernel_stack.value, s.offsets.stack);
            }},
           {"user_stack_id INTEGER",
            [](const Source& s, size_t row) {
              return Key(Row(s, row).user_stack.value, s.offsets.stack);
            }},
           {"cycles INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).cycles); }},
           {"cycle_samples INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).cycle_samples); }},
           {"instructions INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).instructions); }},
           {"instruction_samples INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).instruction_samples); }},
       }});
  tables.push_back(
      {"counter",
       [](const Source& s) { return s.counter_totals.size(); },
       {
           {"counter_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.counter); }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) {
              return IntervalKey(s, s.counter_totals[row].interval);
            }},
           {"event TEXT",
            [](const Source& s, size_t row) {
              return Text(IsOfCycles(s, row) ? "cycles" : "instructions");
            }},
           {"counted INTEGER",
            [](const Source& s, size_t row) { return Clamped(Total(s, row).counted); }},
           {"enabled_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(Total(s, row).enabled_ns); }},
           {"running_ns INTEGER",
            [](const Source& s, size_t row) { return Clamped(Total(s, row).running_ns); }},
       }});
  return tables;
}

}  // namespace twofold::columns
