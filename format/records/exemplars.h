// The longest single blocks and waits of an interval: table Exemplars.
#pragma once

#include <vector>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::Exemplars> PackExemplars(flatbuffers::FlatBufferBuilder& builder,
                                                   const std::vector<Exemplar>& rows);
MaybeFault UnpackExemplars(const wire::Exemplars& table, MemoryBudget& budget,
                           std::vector<Exemplar>& rows);
MaybeFault CheckExemplars(const std::vector<Exemplar>& rows, const DefinitionCounts& defined);

// Raises `highest` to the ids that the rows name.
void NoteIds(const std::vector<Exemplar>& rows, DefinitionCounts& highest);

}  // namespace twofold::records
