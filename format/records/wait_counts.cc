#include "format/records/wait_counts.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::WaitCounts> PackWaitCounts(flatbuffers::FlatBufferBuilder& builder,
                                                     const std::vector<WaitCount>& rows) {
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto bucket = PackOptionalColumn<uint8_t>(builder, rows, [](auto& row) { return row.bucket; });
  auto count = PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.count; });
  return wire::CreateWaitCounts(builder, thread, bucket, count);
}

MaybeFault UnpackWaitCounts(const wire::WaitCounts& table, MemoryBudget& budget,
                            std::vector<WaitCount>& rows) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "wait counts", count, {RowsOr(table.bucket(), count), RowsOr(table.count(), count)}));
  if (!budget.Take(count, sizeof(WaitCount))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    WaitCount& row = rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    // Longer buckets of newer versions are part of what the last one holds.
    row.bucket = std::min<uint8_t>(AtOrZero(table.bucket(), i), kWaitBuckets - 1);
    row.count = AtOrZero(table.count(), i);
  }
  return std::nullopt;
}

MaybeFault CheckWaitCounts(const std::vector<WaitCount>& rows, const DefinitionCounts& defined,
                           Totals& totals) {
  for (const WaitCount& row : rows) {
    if (row.thread.value == 0) return Fault{"a wait count names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "a wait count's thread"));
    if (row.bucket >= kWaitBuckets) return Fault{"a wait count's bucket is out of range"};
    if (!AddToTotal(totals.counted_waits, row.count)) {
      return Fault{"its wait counts add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<WaitCount>& rows, DefinitionCounts& highest) {
  for (const WaitCount& row : rows) highest.threads = std::max(highest.threads, row.thread.value);
}

}  // namespace twofold::records
