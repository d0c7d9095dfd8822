#include "format/records/cpu_rows.h"

#include "format/container.h"
#include "format/records/progress.h"

namespace twofold {

MaybeFault RowKind<CpuRow>::CheckTable(const Interval& interval, Totals& totals) {
  const uint64_t period_ns = interval.cpu->period_ns;
  if (period_ns > container::kMaxSum) return Fault{"its sampling period is out of range"};
  for (const CpuRow& row : interval.cpu->rows) {
    uint64_t cpu_ns = 0;
    if (__builtin_mul_overflow(row.samples, period_ns, &cpu_ns) ||
        !AddToTotal(totals.cpu_ns, cpu_ns)) {
      return Fault{"its CPU rows add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

}  // namespace twofold
