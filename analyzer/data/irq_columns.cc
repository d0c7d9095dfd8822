// Columns of the tables interrupt and thread_interrupt: time in interrupts.
#include "analyzer/data/columns.h"
#include "analyzer/data/kind_names.h"

namespace twofold::columns {
namespace {

template <typename Row>
ColumnValue KindOf(const CaptureSource& source, size_t row) {
  return Text(NameOf(RowAt<Row>(source, row).kind));
}

}  // namespace

std::vector<CaptureTable> IrqTables() {
  std::vector<CaptureTable> tables;
  tables.push_back({"interrupt",
                    OffsetOf<IrqRow>,
                    CountRows<IrqRow>,
                    {
                        {"interrupt_id INTEGER", OwnKey<IrqRow>},
                        {"interval_id INTEGER", OwnInterval<IrqRow>},
                        {"kind TEXT", KindOf<IrqRow>},
                        {"cpu INTEGER", Of<&IrqRow::cpu>},
                        {"number INTEGER", Of<&IrqRow::number>},
                        {"handler TEXT", Of<&IrqRow::handler>},
                        {"count INTEGER", Of<&IrqRow::count>},
                        {"time_ns INTEGER", Of<&IrqRow::time_ns>},
                        {"longest_ns INTEGER", Of<&IrqRow::longest_ns>},
                    }});
  tables.push_back({"thread_interrupt",
                    OffsetOf<ThreadIrqRow>,
                    CountRows<ThreadIrqRow>,
                    {
                        {"thread_interrupt_id INTEGER", OwnKey<ThreadIrqRow>},
                        {"interval_id INTEGER", OwnInterval<ThreadIrqRow>},
                        {"thread_id INTEGER", Of<&ThreadIrqRow::thread>},
                        {"kind TEXT", KindOf<ThreadIrqRow>},
                        {"count INTEGER", Of<&ThreadIrqRow::count>},
                        {"time_ns INTEGER", Of<&ThreadIrqRow::time_ns>},
                    }});
  return tables;
}

}  // namespace twofold::columns
