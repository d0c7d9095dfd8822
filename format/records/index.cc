#include "format/records/index.h"

namespace twofold::records {

void PackIndex(const std::vector<IndexEntry>& entries, flatbuffers::FlatBufferBuilder& builder) {
  auto type = PackColumn<uint16_t>(builder, entries, [](auto& entry) { return entry.type; });
  auto offset = PackColumn<uint64_t>(builder, entries, [](auto& entry) { return entry.offset; });
  auto stored =
      PackColumn<uint64_t>(builder, entries, [](auto& entry) { return entry.stored_bytes; });
  builder.Finish(wire::CreateIndex(builder, type, offset, stored));
}

MaybeFault UnpackIndex(std::span<const uint8_t> payload, MemoryBudget& budget,
                       std::vector<IndexEntry>& entries) {
  if (!IsFlatBuffer<wire::Index>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Index>(payload);
  size_t count = RowsOf(table->type());
  TWOFOLD_RETURN_IF_FAULT(
      CheckColumns("the index", count, {RowsOf(table->offset()), RowsOf(table->stored_bytes())}));
  if (!budget.Take(count, sizeof(IndexEntry))) return TooMuchMemory();
  entries.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    entries[i] = {At(table->type(), i), At(table->offset(), i), At(table->stored_bytes(), i)};
  }
  return std::nullopt;
}

}  // namespace twofold::records
