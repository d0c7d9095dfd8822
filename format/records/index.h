// Block type 5: where the blocks are.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "format/records/wire.h"

namespace twofold::records {

struct IndexEntry {
  uint16_t type = 0;
  uint64_t offset = 0;        // of the block's header
  uint64_t stored_bytes = 0;  // header and payload

  friend bool operator==(const IndexEntry&, const IndexEntry&) = default;
};

void PackIndex(const std::vector<IndexEntry>& entries, flatbuffers::FlatBufferBuilder& builder);
MaybeFault UnpackIndex(std::span<const uint8_t> payload, MemoryBudget& budget,
                       std::vector<IndexEntry>& entries);

}  // namespace twofold::records
