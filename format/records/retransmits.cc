#include "format/records/retransmits.h"

#include "format/interval.h"

namespace twofold {

MaybeFault RowKind<RetransmitEvent>::CheckTable(const Interval& interval, Totals&) {
  for (const RetransmitEvent& event : interval.retransmits->events) {
    if (event.row >= interval.retransmits->rows.size()) {
      return Fault{"a retransmit event names no row"};
    }
    if (event.time_ns > uint64_t(container::kMaxTimeNs)) {
      return Fault{"the time of a retransmit is out of range"};
    }
  }
  return std::nullopt;
}

}  // namespace twofold
