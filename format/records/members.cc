#include "format/records/members.h"

#include "format/base/utf8.h"

namespace twofold::records {

void PackMembers(const std::vector<MemberEntry>& entries, flatbuffers::FlatBufferBuilder& builder) {
  std::vector<flatbuffers::Offset<flatbuffers::String>> names;
  for (const MemberEntry& entry : entries) names.push_back(builder.CreateString(entry.name));
  auto name = builder.CreateVector(names);
  auto size = PackColumn<uint64_t>(builder, entries, [](auto& entry) { return entry.size_bytes; });
  builder.Finish(wire::CreateMembers(builder, name, size));
}

MaybeFault UnpackMembers(std::span<const uint8_t> payload, std::vector<MemberEntry>& entries) {
  if (!IsFlatBuffer<wire::Members>(payload)) return MalformedFlatBuffer();
  const auto* table = RootOf<wire::Members>(payload);
  const size_t count = RowsOf(table->size_bytes());
  // Elements of a vector of strings may share one string: the limits bound what they multiply to.
  if (count > container::kMaxMembers) return Fault{"it lists too many captures"};
  const size_t names = table->name() == nullptr ? 0 : table->name()->size();
  TWOFOLD_RETURN_IF_FAULT(CheckColumns("members", count, {names}));
  for (uint32_t i = 0; i < count; ++i) {
    const std::string_view name = table->name()->Get(i)->string_view();
    if (name.size() > container::kMaxMemberNameBytes) return Fault{"one of its names is too long"};
    if (!IsUtf8(name)) return Fault{"one of its names is not UTF-8"};
    entries.push_back({std::string(name), At(table->size_bytes(), i)});
  }
  return std::nullopt;
}

}  // namespace twofold::records
