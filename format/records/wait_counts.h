// Waits for a CPU by their length: table WaitCounts.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::WaitCounts> PackWaitCounts(flatbuffers::FlatBufferBuilder& builder,
                                                     const std::vector<WaitCount>& rows);
MaybeFault UnpackWaitCounts(const wire::WaitCounts& table, MemoryBudget& budget,
                            std::vector<WaitCount>& rows);
MaybeFault CheckWaitCounts(const std::vector<WaitCount>& rows, const DefinitionCounts& defined,
                           Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<WaitCount>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
