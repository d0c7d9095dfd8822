// Block type 2: what later rows refer to.
#pragma once

#include <cstdint>
#include <span>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

// `before`: what was defined by earlier blocks.
void PackDefinitions(const Definitions& fresh, const DefinitionCounts& before,
                     flatbuffers::FlatBufferBuilder& builder);

// Reads the FlatBuffer of a Definitions block. `before` gets what the block says was defined by
// earlier ones. Ids are not looked at yet.
MaybeFault UnpackDefinitions(std::span<const uint8_t> payload, MemoryBudget& budget,
                             Definitions& fresh, DefinitionCounts& before);

// Checks new definitions against what came before and counts them in; without effect on a fault.
MaybeFault AddDefinitions(const Definitions& fresh, Progress& progress);

}  // namespace twofold::records
