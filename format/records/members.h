// Block type 32, the only one of a merged file itself: which captures follow.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/records/wire.h"

namespace twofold::records {

struct MemberEntry {
  std::string name;
  uint64_t size_bytes = 0;
};

void PackMembers(const std::vector<MemberEntry>& entries, flatbuffers::FlatBufferBuilder& builder);
MaybeFault UnpackMembers(std::span<const uint8_t> payload, std::vector<MemberEntry>& entries);

}  // namespace twofold::records
