// Time spent able to run and waiting for a CPU: table WaitingRows.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::WaitingRows> PackWaitingRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const std::vector<WaitingRow>& rows);
MaybeFault UnpackWaitingRows(const wire::WaitingRows& table, MemoryBudget& budget,
                             std::vector<WaitingRow>& rows);
MaybeFault CheckWaitingRows(const std::vector<WaitingRow>& rows, const DefinitionCounts& defined,
                            Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<WaitingRow>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
