#include "format/records/allocations.h"

#include <algorithm>

namespace twofold::records {
namespace {

// Kinds of newer versions are kept as kOther.
AllocationKind KnownKind(uint8_t kind) {
  return kind <= static_cast<uint8_t>(AllocationKind::kPages) ? static_cast<AllocationKind>(kind)
                                                              : AllocationKind::kOther;
}

// What rows of either table refer to.
template <typename Row>
MaybeFault CheckPlace(const Row& row, const DefinitionCounts& defined) {
  if (row.thread.value == 0) return Fault{"a memory row names no thread", true};
  TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.thread.value, defined.threads, "a memory row's thread"));
  TWOFOLD_RETURN_IF_FAULT(
      CheckDefined(row.kernel_stack.value, defined.stacks, "a memory row's kernel stack"));
  return CheckDefined(row.user_stack.value, defined.stacks, "a memory row's user stack");
}

template <typename Row>
void NotePlaces(const std::vector<Row>& rows, DefinitionCounts& highest) {
  for (const Row& row : rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
  }
}

}  // namespace

flatbuffers::Offset<wire::AllocationRows> PackAllocationRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<AllocationRow>& rows) {
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  const auto sums = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto thread = ids([](auto& row) { return row.thread.value; });
  auto kernel = ids([](auto& row) { return row.kernel_stack.value; });
  auto user = ids([](auto& row) { return row.user_stack.value; });
  auto allocated_bytes = sums([](auto& row) { return row.allocated_bytes; });
  auto allocated_count = sums([](auto& row) { return row.allocated_count; });
  auto samples = sums([](auto& row) { return row.samples; });
  auto freed_bytes = sums([](auto& row) { return row.freed_bytes; });
  auto freed_count = sums([](auto& row) { return row.freed_count; });
  auto untracked_bytes = sums([](auto& row) { return row.untracked_bytes; });
  auto untracked_count = sums([](auto& row) { return row.untracked_count; });
  return wire::CreateAllocationRows(builder, kind, thread, kernel, user, allocated_bytes,
                                    allocated_count, samples, freed_bytes, freed_count,
                                    untracked_bytes, untracked_count);
}

MaybeFault UnpackAllocationRows(const wire::AllocationRows& table, MemoryBudget& budget,
                                std::vector<AllocationRow>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "allocations", count,
      {RowsOr(table.thread(), count), RowsOr(table.kernel_stack(), count),
       RowsOr(table.user_stack(), count), RowsOr(table.allocated_bytes(), count),
       RowsOr(table.allocated_count(), count), RowsOr(table.samples(), count),
       RowsOr(table.freed_bytes(), count), RowsOr(table.freed_count(), count),
       RowsOr(table.untracked_bytes(), count), RowsOr(table.untracked_count(), count)}));
  if (!budget.Take(count, sizeof(AllocationRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    AllocationRow& row = rows[i];
    row.kind = KnownKind(At(table.kind(), i));
    row.thread = ThreadId(AtOrZero(table.thread(), i));
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.user_stack = StackId(AtOrZero(table.user_stack(), i));
    row.allocated_bytes = AtOrZero(table.allocated_bytes(), i);
    row.allocated_count = AtOrZero(table.allocated_count(), i);
    row.samples = AtOrZero(table.samples(), i);
    row.freed_bytes = AtOrZero(table.freed_bytes(), i);
    row.freed_count = AtOrZero(table.freed_count(), i);
    row.untracked_bytes = AtOrZero(table.untracked_bytes(), i);
    row.untracked_count = AtOrZero(table.untracked_count(), i);
  }
  return std::nullopt;
}

MaybeFault CheckAllocationRows(const std::vector<AllocationRow>& rows,
                               const DefinitionCounts& defined, Totals& totals) {
  for (const AllocationRow& row : rows) {
    TWOFOLD_RETURN_IF_FAULT(CheckPlace(row, defined));
    if (!AddToTotal(totals.allocated_bytes, row.allocated_bytes) ||
        !AddToTotal(totals.allocated_count, row.allocated_count) ||
        !AddToTotal(totals.allocated_samples, row.samples) ||
        !AddToTotal(totals.freed_bytes, row.freed_bytes) ||
        !AddToTotal(totals.freed_count, row.freed_count) ||
        !AddToTotal(totals.untracked_bytes, row.untracked_bytes) ||
        !AddToTotal(totals.untracked_count, row.untracked_count)) {
      return Fault{"its allocations add up to more than 2^63"};
    }
  }
  return std::nullopt;
}

flatbuffers::Offset<wire::OutstandingRows> PackOutstandingRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<OutstandingRow>& rows) {
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  const auto sums = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto thread = ids([](auto& row) { return row.thread.value; });
  auto kernel = ids([](auto& row) { return row.kernel_stack.value; });
  auto user = ids([](auto& row) { return row.user_stack.value; });
  auto age = PackOptionalColumn<uint8_t>(builder, rows, [](auto& row) { return row.age; });
  auto bytes = sums([](auto& row) { return row.bytes; });
  auto counts = sums([](auto& row) { return row.count; });
  auto samples = sums([](auto& row) { return row.samples; });
  auto variance = sums([](auto& row) { return row.variance_bytes2; });
  return wire::CreateOutstandingRows(builder, kind, thread, kernel, user, age, bytes, counts,
                                     samples, variance);
}

MaybeFault UnpackOutstandingRows(const wire::OutstandingRows& table, MemoryBudget& budget,
                                 std::vector<OutstandingRow>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("outstanding memory", count,
                   {RowsOr(table.thread(), count), RowsOr(table.kernel_stack(), count),
                    RowsOr(table.user_stack(), count), RowsOr(table.age(), count),
                    RowsOr(table.bytes(), count), RowsOr(table.count(), count),
                    RowsOr(table.samples(), count), RowsOr(table.variance_bytes2(), count)}));
  if (!budget.Take(count, sizeof(OutstandingRow))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    OutstandingRow& row = rows[i];
    row.kind = KnownKind(At(table.kind(), i));
    row.thread = ThreadId(AtOrZero(table.thread(), i));
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.user_stack = StackId(AtOrZero(table.user_stack(), i));
    row.age = AtOrZero(table.age(), i);
    row.bytes = AtOrZero(table.bytes(), i);
    row.count = AtOrZero(table.count(), i);
    row.samples = AtOrZero(table.samples(), i);
    row.variance_bytes2 = AtOrZero(table.variance_bytes2(), i);
  }
  return std::nullopt;
}

MaybeFault CheckOutstandingRows(const std::vector<OutstandingRow>& rows,
                                const DefinitionCounts& defined, Totals& totals) {
  for (const OutstandingRow& row : rows) {
    TWOFOLD_RETURN_IF_FAULT(CheckPlace(row, defined));
    if (row.age > kMaxAge) return Fault{"the age of memory is out of range"};
    if (!AddToTotal(totals.outstanding_bytes, row.bytes) ||
        !AddToTotal(totals.outstanding_count, row.count) ||
        !AddToTotal(totals.outstanding_samples, row.samples) ||
        !AddToTotal(totals.outstanding_variance_bytes2, row.variance_bytes2)) {
      return Fault{"its outstanding memory adds up to more than 2^63"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<AllocationRow>& rows, DefinitionCounts& highest) {
  NotePlaces(rows, highest);
}

void NoteIds(const std::vector<OutstandingRow>& rows, DefinitionCounts& highest) {
  NotePlaces(rows, highest);
}

}  // namespace twofold::records
