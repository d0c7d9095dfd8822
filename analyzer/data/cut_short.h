// Tells captures that stop early, which are sound as far as they go, from damaged ones.
#pragma once

#include <cstdint>
#include <span>

#include "format/capture.h"

namespace twofold {

// Whether the only thing wrong is that the file stops: it has no end, and the bytes behind its last
// whole block, if there are any, add nothing to what was read.
bool IsOnlyCutShort(const Capture& capture, std::span<const uint8_t> bytes);

}  // namespace twofold
