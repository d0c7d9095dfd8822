// Block type 1, the first one: what was recorded, where and how.
#pragma once

#include <cstdint>
#include <span>

#include "format/capture.h"
#include "format/records/wire.h"

namespace twofold::records {

// Bytes that are not UTF-8 (host names and os-release may hold anything) are written as \xHH.
void PackRecording(const Recording& recording, flatbuffers::FlatBufferBuilder& builder);
MaybeFault UnpackRecording(std::span<const uint8_t> payload, Recording& recording);

// Whether a capture can begin so.
MaybeFault CheckRecording(const Recording& recording);

}  // namespace twofold::records
