// Columns of the tables counter_sample and counter: hardware events.
#include "analyzer/data/columns.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const CounterRows& CountersOf(const Source& s, const RowPlace& place) {
  return *s.capture.intervals[place.interval].counters;
}

bool IsOfCycles(const Source& s, size_t row) { return s.counter_totals[row].row == 0; }

const CounterTotal& Total(const Source& s, size_t row) {
  const CounterRows& counters = CountersOf(s, s.counter_totals[row]);
  return IsOfCycles(s, row) ? counters.cycles : counters.instructions;
}

}  // namespace

std::vector<CaptureTable> CounterTables() {
  std::vector<CaptureTable> tables;
  tables.push_back({"counter_sample",
                    OffsetOf<CounterRow>,
                    CountRows<CounterRow>,
                    {
                        {"counter_sample_id INTEGER", OwnKey<CounterRow>},
                        {"interval_id INTEGER", OwnInterval<CounterRow>},
                        {"thread_id INTEGER", Of<&CounterRow::thread>},
                        {"kernel_stack_id INTEGER", Of<&CounterRow::kernel_stack>},
                        {"user_stack_id INTEGER", Of<&CounterRow::user_stack>},
                        {"cycles INTEGER", Of<&CounterRow::cycles>},
                        {"cycle_samples INTEGER", Of<&CounterRow::cycle_samples>},
                        {"instructions INTEGER", Of<&CounterRow::instructions>},
                        {"instruction_samples INTEGER", Of<&CounterRow::instruction_samples>},
                    }});
  tables.push_back(
      {"counter",
       OffsetIn<&IdOffsets::counter>,
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
