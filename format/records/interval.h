// Block type 3: where time went between two instants. Its rows are whatever kRowTables lists
// (format/interval.h).
#pragma once

#include <cstdint>
#include <span>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

// Builds the block's FlatBuffer; Packed(builder) then gives its bytes.
void PackInterval(const Interval& interval, flatbuffers::FlatBufferBuilder& builder);

// Reads the FlatBuffer of an Interval block. Ids are not looked at yet.
MaybeFault UnpackInterval(std::span<const uint8_t> payload, MemoryBudget& budget,
                          Interval& interval);

// Checks an interval against what came before and counts it in; without effect on a fault.
MaybeFault AddInterval(const Interval& interval, Progress& progress);

// The highest ids that the interval's rows name.
DefinitionCounts HighestIds(const Interval& interval);

}  // namespace twofold::records
