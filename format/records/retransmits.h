// TCP segments that were sent again: tables RetransmitRows and RetransmitEvents.
#pragma once

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

flatbuffers::Offset<wire::RetransmitRows> PackRetransmitRows(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<RetransmitRow>& rows);
flatbuffers::Offset<wire::RetransmitEvents> PackRetransmitEvents(
    flatbuffers::FlatBufferBuilder& builder, const std::vector<RetransmitEvent>& events);
// `events` nullptr: there are none.
MaybeFault UnpackRetransmits(const wire::RetransmitRows& rows, const wire::RetransmitEvents* events,
                             MemoryBudget& budget, Retransmits& retransmits);
MaybeFault CheckRetransmits(const Retransmits& retransmits, const DefinitionCounts& defined,
                            Totals& totals);

// Raises `highest` to the ids that the rows name.
void NoteIds(const Retransmits& retransmits, DefinitionCounts& highest);

}  // namespace twofold::records
