// Hardware events by stack: table CounterRows.
#pragma once

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::CounterRows> PackCounterRows(flatbuffers::FlatBufferBuilder& builder,
                                                       const CounterRows& counters);
MaybeFault UnpackCounterRows(const wire::CounterRows& table, MemoryBudget& budget,
                             CounterRows& counters);
MaybeFault CheckCounterRows(const CounterRows& counters, const DefinitionCounts& defined,
                            Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const CounterRows& counters, DefinitionCounts& highest);

}  // namespace twofold::records
