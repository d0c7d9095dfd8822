#include "format/records/counter_rows.h"

#include "format/records/progress.h"

namespace twofold {

MaybeFault RowKind<CounterRow>::CheckTable(const Interval& interval, Totals& totals) {
  for (const CounterTotal* total : {&interval.counters->cycles, &interval.counters->instructions}) {
    if (!AddToTotal(totals.counted_events, total->counted) ||
        !AddToTotal(totals.counter_ns, total->enabled_ns) ||
        !AddToTotal(totals.counter_ns, total->running_ns)) {
      return Fault{"its counters add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

}  // namespace twofold
