#include "format/records/blocked_rows.h"

#include <algorithm>

namespace twofold::records {

BlockState KnownBlockState(uint8_t state) {
  bool known = state >= static_cast<uint8_t>(BlockState::kInterruptible) &&
               state <= static_cast<uint8_t>(BlockState::kOther);
  return known ? static_cast<BlockState>(state) : BlockState::kOther;
}

flatbuffers::Offset<wire::BlockedRows> PackBlockedRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const std::vector<BlockedRow>& rows) {
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto state = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.state; });
  auto kernel =
      PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.kernel_stack.value; });
  auto user = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.user_stack.value; });
  auto time = PackColumn<uint64_t>(builder, rows, [](auto& row) { return row.time_ns; });
  auto count = PackColumn<uint64_t>(builder, rows, [](auto& row) { return row.count; });
  auto parts = PackOptionalColumn<uint8_t>(builder, rows, [](auto& row) { return row.parts; });
  auto chain =
      PackOptionalColumn<uint32_t>(builder, rows, [](auto& row) { return row.chain.value; });
  auto sampled =
      PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.sampled_ns; });
  auto samples = PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.samples; });
  auto variance =
      PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.variance_us2; });
  auto count_variance =
      PackOptionalColumn<uint64_t>(builder, rows, [](auto& row) { return row.count_variance; });
  return wire::CreateBlockedRows(builder, thread, state, kernel, user, time, count, parts, chain,
                                 sampled, samples, variance, count_variance);
}

MaybeFault UnpackBlockedRows(const wire::BlockedRows& table, MemoryBudget& budget,
                             std::vector<BlockedRow>& rows) {
  size_t count = RowsOf(table.thread());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("blocked rows", count,
                   {RowsOf(table.state()), RowsOf(table.kernel_stack()), RowsOf(table.user_stack()),
                    RowsOf(table.time_ns()), RowsOf(table.count()), RowsOr(table.parts(), count),
                    RowsOr(table.chain(), count), RowsOr(table.sampled_ns(), count),
                    RowsOr(table.samples(), count), RowsOr(table.variance_us2(), count),
                    RowsOr(table.count_variance(), count)}));
  if (!budget.Take(count, sizeof(BlockedRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    BlockedRow& row = rows[i];
    row.thread = ThreadId(At(table.thread(), i));
    row.state = KnownBlockState(At(table.state(), i));
    row.kernel_stack = StackId(At(table.kernel_stack(), i));
    row.user_stack = StackId(At(table.user_stack(), i));
    row.time_ns = At(table.time_ns(), i);
    row.count = At(table.count(), i);
    // Bits of newer versions are left out.
    row.parts = AtOrZero(table.parts(), i) & (kBegunBefore | kOpenAtEnd);
    row.chain = ChainId(AtOrZero(table.chain(), i));
    row.sampled_ns = AtOrZero(table.sampled_ns(), i);
    row.samples = AtOrZero(table.samples(), i);
    row.variance_us2 = AtOrZero(table.variance_us2(), i);
    row.count_variance = AtOrZero(table.count_variance(), i);
  }
  return std::nullopt;
}

MaybeFault CheckBlockedRows(const std::vector<BlockedRow>& rows, const DefinitionCounts& defined,
                            Totals& totals) {
  for (const BlockedRow& row : rows) {
    if (row.thread.value == 0) return Fault{"a blocked row names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "a blocked row's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a blocked row's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "a blocked row's user stack"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.chain.value, defined.chains, "a blocked row's chain"));
    if (row.sampled_ns > row.time_ns) {
      return Fault{"a blocked row has more sampled time than time"};
    }
    if (!AddToTotal(totals.blocked_ns, row.time_ns) || !AddToTotal(totals.blocks, row.count) ||
        !AddToTotal(totals.blocked_samples, row.samples) ||
        !AddToTotal(totals.blocked_variance_us2, row.variance_us2) ||
        !AddToTotal(totals.blocked_count_variance, row.count_variance)) {
      return Fault{"its blocked rows add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<BlockedRow>& rows, DefinitionCounts& highest) {
  for (const BlockedRow& row : rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
    highest.chains = std::max(highest.chains, row.chain.value);
  }
}

}  // namespace twofold::records
