#include "format/records/chains.h"

#include "format/records/row_columns.h"

namespace twofold::records {

MaybeFault CheckWakers(const std::vector<Waker>& rows, const DefinitionCounts& defined) {
  for (const Waker& row : rows) {
    bool interrupt = row.kind == WakerKind::kHardIrq || row.kind == WakerKind::kSoftIrq ||
                     row.kind == WakerKind::kTimer;
    if (row.kind == WakerKind::kTask && row.thread.value == 0) {
      return Fault{"a waker names no thread", true};
    }
    if (interrupt && row.thread.value != 0) return Fault{"an interrupt names a thread", true};
    TWOFOLD_RETURN_IF_FAULT(CheckReferences(row, defined));
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
    TWOFOLD_RETURN_IF_FAULT(
        CheckDefined(row.next.value, uint32_t(chain_wakers.size()), "a chain's next chain"));
    uint32_t wakers = 1;
    if (row.next.value != 0) wakers += chain_wakers[row.next.value - 1];
    if (wakers > container::kMaxChainWakers) {
      return Fault{"a chain has more than " + std::to_string(container::kMaxChainWakers) +
                   " wakers"};
    }
    chain_wakers.push_back(uint8_t(wakers));
  }
  return std::nullopt;
}

}  // namespace twofold::records
