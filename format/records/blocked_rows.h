// Blocked time of an interval: table BlockedRows.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

// States of newer versions are kept as kOther.
BlockState KnownBlockState(uint8_t state);

flatbuffers::Offset<wire::BlockedRows> PackBlockedRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const std::vector<BlockedRow>& rows);
MaybeFault UnpackBlockedRows(const wire::BlockedRows& table, MemoryBudget& budget,
                             std::vector<BlockedRow>& rows);
MaybeFault CheckBlockedRows(const std::vector<BlockedRow>& rows, const DefinitionCounts& defined,
                            Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<BlockedRow>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
