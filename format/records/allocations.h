// Memory by the stack that allocated it: tables AllocationRows and OutstandingRows.
#pragma once

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::AllocationRows> PackAllocationRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<AllocationRow>& rows);
MaybeFault UnpackAllocationRows(const wire::AllocationRows& table, MemoryBudget& budget,
                                std::vector<AllocationRow>& rows);
MaybeFault CheckAllocationRows(const std::vector<AllocationRow>& rows,
                               const DefinitionCounts& defined, Totals& totals);

flatbuffers::Offset<wire::OutstandingRows> PackOutstandingRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<OutstandingRow>& rows);
MaybeFault UnpackOutstandingRows(const wire::OutstandingRows& table, MemoryBudget& budget,
                                 std::vector<OutstandingRow>& rows);
MaybeFault CheckOutstandingRows(const std::vector<OutstandingRow>& rows,
                                const DefinitionCounts& defined, Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<AllocationRow>& rows, DefinitionCounts& highest);
void NoteIds(const std::vector<OutstandingRow>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
