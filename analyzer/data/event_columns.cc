// Columns of the table event_sample: what other tools counted that is no time.
#include "analyzer/data/columns.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

const CpuRow& Row(const Source& s, size_t row) {
  const RowPlace& place = s.event_rows[row];
  return s.capture.intervals[place.interval].cpu->rows[place.row];
}

}  // namespace

std::vector<CaptureTable> EventTables() {
  return {
      {"event_sample",
       OffsetIn<&IdOffsets::event_sample>,
       [](const Source& s) { return s.event_rows.size(); },
       {
           {"event_sample_id INTEGER",
            [](const Source& s, size_t row) { return Counted(row, s.offsets.event_sample); }},
           {"interval_id INTEGER",
            [](const Source& s, size_t row) { return IntervalKey(s, s.event_rows[row].interval); }},
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
           {"events INTEGER",
            [](const Source& s, size_t row) { return Clamped(Row(s, row).samples); }},
       }}};
}

}  // namespace twofold::columns
