#include "format/records/waiting_rows.h"

#include <algorithm>

namespace twofold::records {

flatbuffers::Offset<wire::WaitingRows> PackWaitingRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const std::vector<WaitingRow>& rows) {
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  const auto numbers = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto preempted =
      PackOptionalColumn<uint8_t>(builder, rows, [](auto& row) { return row.preempted; });
  auto kernel = ids([](auto& row) { return row.kernel_stack.value; });
  auto user = ids([](auto& row) { return row.user_stack.value; });
  auto time = numbers([](auto& row) { return row.time_ns; });
  auto sampled = numbers([](auto& row) { return row.sampled_ns; });
  auto count = numbers([](auto& row) { return row.count; });
  auto samples = numbers([](auto& row) { return row.samples; });
  auto variance = numbers([](auto& row) { return row.variance_us2; });
  auto count_variance = numbers([](auto& row) { return row.count_variance; });
  return wire::CreateWaitingRows(builder, thread, preempted, kernel, user, time, sampled, count,
                                 samples, variance, count_variance);
}

MaybeFault UnpackWaitingRows(const wire::WaitingRows& table, MemoryBudget& budget,
                             std::vector<WaitingRow>& rows) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("waiting rows", count,
                   {RowsOr(table.preempted(), count), RowsOr(table.kernel_stack(), count),
                    RowsOr(table.user_stack(), count), RowsOr(table.time_ns(), count),
                    RowsOr(table.sampled_ns(), count), RowsOr(table.count(), count),
                    RowsOr(table.samples(), count), RowsOr(table.variance_us2(), count),
                    RowsOr(table.count_variance(), count)}));
  if (!budget.Take(count, sizeof(WaitingRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    WaitingRow& row = rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.preempted = AtOrZero(table.preempted(), i) != 0;
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.user_stack = StackId(AtOrZero(table.user_stack(), i));
    row.time_ns = AtOrZero(table.time_ns(), i);
    row.sampled_ns = AtOrZero(table.sampled_ns(), i);
    row.count = AtOrZero(table.count(), i);
    row.samples = AtOrZero(table.samples(), i);
    row.variance_us2 = AtOrZero(table.variance_us2(), i);
    row.count_variance = AtOrZero(table.count_variance(), i);
  }
  return std::nullopt;
}

MaybeFault CheckWaitingRows(const std::vector<WaitingRow>& rows, const DefinitionCounts& defined,
                            Totals& totals) {
  for (const WaitingRow& row : rows) {
    if (row.thread.value == 0) return Fault{"a waiting row names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "a waiting row's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a waiting row's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "a waiting row's user stack"));
    if (row.sampled_ns > row.time_ns) {
      return Fault{"a waiting row has more sampled time than time"};
    }
    if (!AddToTotal(totals.waiting_ns, row.time_ns) || !AddToTotal(totals.waits, row.count) ||
        !AddToTotal(totals.waiting_samples, row.samples) ||
        !AddToTotal(totals.waiting_variance_us2, row.variance_us2) ||
        !AddToTotal(totals.waiting_count_variance, row.count_variance)) {
      return Fault{"its waiting rows add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<WaitingRow>& rows, DefinitionCounts& highest) {
  for (const WaitingRow& row : rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
  }
}

}  // namespace twofold::records
