// Executed programs: table ExecRows.
#pragma once

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::ExecRows> PackExecRows(flatbuffers::FlatBufferBuilder& builder,
                                                 const std::vector<ExecRow>& rows);
MaybeFault UnpackExecRows(const wire::ExecRows& table, MemoryBudget& budget,
                          std::vector<ExecRow>& rows);
MaybeFault CheckExecRows(const std::vector<ExecRow>& rows, const DefinitionCounts& defined);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<ExecRow>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
