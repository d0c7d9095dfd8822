// Columns of the table page_fault.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

using Source = CaptureSource;

ColumnValue Bytes(const Source& s, size_t row) {
  uint64_t bytes = 0;
  const bool fits = !__builtin_mul_overflow(RowAt<PageFaultRow>(s, row).pages,
                                            s.capture.recording.host.page_bytes, &bytes);
  return Clamped(fits ? bytes : UINT64_MAX);
}

}  // namespace

std::vector<CaptureTable> PageFaultTables() {
  std::vector<CaptureTable> tables;
  tables.push_back(
      {"page_fault",
       OffsetOf<PageFaultRow>,
       CountRows<PageFaultRow>,
       {
           {"page_fault_id INTEGER", OwnKey<PageFaultRow>},
           {"interval_id INTEGER", OwnInterval<PageFaultRow>},
           {"kind TEXT", [](const Source& s,
                            size_t row) { return Text(NameOf(RowAt<PageFaultRow>(s, row).kind)); }},
           {"thread_id INTEGER", Of<&PageFaultRow::thread>},
           {"kernel_stack_id INTEGER", Of<&PageFaultRow::kernel_stack>},
           {"user_stack_id INTEGER", Of<&PageFaultRow::user_stack>},
           {"pages INTEGER", Of<&PageFaultRow::pages>},
           {"bytes INTEGER", Bytes},
           {"samples INTEGER", Of<&PageFaultRow::samples>},
           {"variance_pages2 INTEGER", Of<&PageFaultRow::variance_pages2>},
       }});
  return tables;
}

}  // namespace twofold::columns
