#include "format/records/wakers.h"

namespace twofold::records {

flatbuffers::Offset<wire::Wakers> PackWakers(flatbuffers::FlatBufferBuilder& builder,
                                             const std::vector<Waker>& rows) {
  if (rows.empty()) return 0;
  auto kind = PackColumn<uint8_t>(builder, rows, [](auto& row) { return row.kind; });
  auto thread = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.thread.value; });
  auto kernel =
      PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.kernel_stack.value; });
  auto user = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.user_stack.value; });
  return wire::CreateWakers(builder, kind, thread, kernel, user);
}

MaybeFault UnpackWakers(const wire::Wakers& table, MemoryBudget& budget, std::vector<Waker>& rows) {
  size_t count = RowsOf(table.kind());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns(
      "wakers", count,
      {RowsOf(table.thread()), RowsOf(table.kernel_stack()), RowsOf(table.user_stack())}));
  if (!budget.Take(count, sizeof(Waker))) return TooMuchMemory();
  rows.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    uint8_t kind = At(table.kind(), i);
    // Kinds of newer versions are kept as kOther.
    rows[i].kind = kind <= static_cast<uint8_t>(WakerKind::kTimer) ? static_cast<WakerKind>(kind)
                                                                   : WakerKind::kOther;
    rows[i].thread = ThreadId(At(table.thread(), i));
    rows[i].kernel_stack = StackId(At(table.kernel_stack(), i));
    rows[i].user_stack = StackId(At(table.user_stack(), i));
  }
  return std::nullopt;
}

MaybeFault CheckWakers(const std::vector<Waker>& rows, const DefinitionCounts& defined) {
  for (const Waker& row : rows) {
    bool interrupt = row.kind == WakerKind::kHardIrq || row.kind == WakerKind::kSoftIrq ||
                     row.kind == WakerKind::kTimer;
    if (row.kind == WakerKind::kTask && row.thread.value == 0) {
      return Fault{"a waker names no thread", true};
    }
    if (interrupt && row.thread.value != 0) return Fault{"an interrupt names a thread", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.thread.value, defined.threads, "a waker's thread"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.kernel_stack.value, defined.stacks, "a waker's kernel stack"));
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.user_stack.value, defined.stacks, "a waker's user stack"));
  }
  return std::nullopt;
}

flatbuffers::Offset<wire::Chains> PackChains(flatbuffers::FlatBufferBuilder& builder,
                                             const std::vector<Chain>& rows,
                                             uint32_t defined_before) {
  if (rows.empty()) return 0;
  uint32_t id = defined_before;
  auto waker = PackColumn<uint32_t>(builder, rows, [](auto& row) { return row.waker.value; });
  auto distance = PackColumn<uint32_t>(builder, rows, [&](auto& row) {
    id += 1;
    return row.next.value == 0 ? 0 : id - row.next.value;
  });
  return wire::CreateChains(builder, waker, distance);
}

MaybeFault UnpackChains(const wire::Chains& table, MemoryBudget& budget, uint32_t defined_before,
                        std::vector<Chain>& rows) {
  size_t count = RowsOf(table.waker());
  TWOFOLD_RETURN_IF_FAULT(CheckColumns("chains", count, {RowsOf(table.next_distance())}));
  // With each chain goes its length (Progress).
  if (!budget.Take(count, sizeof(Chain) + sizeof(uint8_t))) return TooMuchMemory();
  if (count >= UINT32_MAX - defined_before) return Fault{"it defines too many chains"};
  rows.resize(count);
  uint32_t id = defined_before;
  for (uint32_t i = 0; i < count; ++i) {
    id += 1;
    uint32_t distance = At(table.next_distance(), i);
    if (distance >= id) return Fault{"a chain goes on before the first chain", true};
    if (distance != 0) rows[i].next = ChainId(id - distance);
    rows[i].waker = WakerId(At(table.waker(), i));
  }
  return std::nullopt;
}

MaybeFault CheckChains(const std::vector<Chain>& rows, const DefinitionCounts& defined,
                       std::vector<uint8_t>& chain_wakers) {
  for (const Chain& row : rows) {
    if (row.waker.value == 0) return Fault{"a chain names no waker", true};
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.waker.value, defined.wakers, "a chain's waker"));
    TWOFOLD_RETURN_IF_FAULT(CheckDefined(row.next.value, static_cast<uint32_t>(chain_wakers.size()),
                                         "a chain's next chain"));
    uint32_t wakers = 1;
    if (row.next.value != 0) wakers += chain_wakers[row.next.value - 1];
    if (wakers > container::kMaxChainWakers) {
      return Fault{"a chain has more than " + std::to_string(container::kMaxChainWakers) +
                   " wakers"};
    }
    chain_wakers.push_back(static_cast<uint8_t>(wakers));
  }
  return std::nullopt;
}

}  // namespace twofold::records
