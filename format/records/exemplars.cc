#include "format/records/exemplars.h"

#include <algorithm>

#include "format/records/blocked_rows.h"

namespace twofold::records {
namespace {

// Bits of the column `flags`.
constexpr uint8_t kPreempted = 1;
constexpr uint8_t kOpen = 2;

}  // namespace

flatbuffers::Offset<wire::Exemplars> PackExemplars(flatbuffers::FlatBufferBuilder& builder,
                                                   const std::vector<Exemplar>& rows) {
  const auto bytes = [&](auto get) { return PackOptionalColumn<uint8_t>(builder, rows, get); };
  const auto ids = [&](auto get) { return PackOptionalColumn<uint32_t>(builder, rows, get); };
  const auto times = [&](auto get) { return PackOptionalColumn<uint64_t>(builder, rows, get); };
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto thread = ids([](auto& row) { return row.thread.value; });
  auto state = bytes([](auto& row) { return row.state; });
  auto flags =
      bytes([](auto& row) { return (row.preempted ? kPreempted : 0) | (row.open ? kOpen : 0); });
  auto start = times([](auto& row) { return row.start_ns; });
  auto end = times([](auto& row) { return row.end_ns; });
  auto cpu = ids([](auto& row) { return row.cpu; });
  auto kernel = ids([](auto& row) { return row.kernel_stack.value; });
  auto user = ids([](auto& row) { return row.user_stack.value; });
  auto chain = ids([](auto& row) { return row.chain.value; });
  return wire::CreateExemplars(builder, kind, thread, state, flags, start, end, cpu, kernel, user,
                               chain);
}

MaybeFault UnpackExemplars(const wire::Exemplars& table, MemoryBudget& budget,
                           std::vector<Exemplar>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "exemplars", count,
      {RowsOr(table.thread(), count), RowsOr(table.state(), count), RowsOr(table.flags(), count),
       RowsOr(table.start_ns(), count), RowsOr(table.end_ns(), count), RowsOr(table.cpu(), count),
       RowsOr(table.kernel_stack(), count), RowsOr(table.user_stack(), count),
       RowsOr(table.chain(), count)}));
  if (!budget.Take(count, sizeof(Exemplar))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    Exemplar& row = rows[i];
    uint8_t kind = At(table.kind(), i);
    uint8_t flags = AtOrZero(table.flags(), i);
    // Kinds of newer versions are kept as kOther; their flags are left out.
    row.kind = kind <= static_cast<uint8_t>(ExemplarKind::kWaiting)
                   ? static_cast<ExemplarKind>(kind)
                   : ExemplarKind::kOther;
    row.thread = ThreadId(AtOrZero(table.thread(), i));
    row.state = KnownBlockState(AtOrZero(table.state(), i));
    row.preempted = (flags & kPreempted) != 0;
    row.open = (flags & kOpen) != 0;
    row.start_ns = AtOrZero(table.start_ns(), i);
    row.end_ns = AtOrZero(table.end_ns(), i);
    row.cpu = AtOrZero(table.cpu(), i);
    row.kernel_stack = StackId(AtOrZero(table.kernel_stack(), i));
    row.user_stack = StackId(AtOrZero(table.user_stack(), i));
    row.chain = ChainId(AtOrZero(table.chain(), i));
  }
  return std::nullopt;
}

MaybeFault CheckExemplars(const std::vector<Exemplar>& rows, const DefinitionCounts& defined) {
  for (const Exemplar& row : rows) {
    if (row.thread.value == 0) return Fault{"an exemplar names no thread", true};
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.thread.value, defined.threads, "an exemplar's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "an exemplar's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "an exemplar's user stack"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.chain.value, defined.chains, "an exemplar's chain"));
    if (row.end_ns < row.start_ns || row.end_ns > static_cast<uint64_t>(container::kMaxTimeNs)) {
      return Fault{"an exemplar ends before it begins"};
    }
  }
  return std::nullopt;
}

void NoteIds(const std::vector<Exemplar>& rows, DefinitionCounts& highest) {
  for (const Exemplar& row : rows) {
    highest.threads = std::max(highest.threads, row.thread.value);
    highest.stacks = std::max({highest.stacks, row.kernel_stack.value, row.user_stack.value});
    highest.chains = std::max(highest.chains, row.chain.value);
  }
}

}  // namespace twofold::records
