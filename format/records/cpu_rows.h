// CPU samples of an interval: table CpuRows.
#pragma once

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::CpuRows> PackCpuRows(flatbuffers::FlatBufferBuilder& builder,
                                               const CpuRows& cpu);
MaybeFault UnpackCpuRows(const wire::CpuRows& table, MemoryBudget& budget, CpuRows& cpu);
MaybeFault CheckCpuRows(const CpuRows& cpu, const DefinitionCounts& defined, Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const CpuRows& cpu, DefinitionCounts& highest);

}  // namespace twofold::records
