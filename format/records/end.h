// Block type 4: written once, when the recording ended in good order.
#pragma once

#include <cstdint>
#include <span>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

void PackEnd(const End& end, flatbuffers::FlatBufferBuilder& builder);
MaybeFault UnpackEnd(std::span<const uint8_t> payload, End& end);

// Whether the capture can end so after what came before.
MaybeFault CheckEnd(const End& end, const Progress& progress);

}  // namespace twofold::records
