// Writes a capture again with what debug files tell of its stacks. All else is as it was: rows,
// times, processes, losses.
#pragma once

#include "analyzer/symbolize/found_places.h"
#include "format/base/byte_sink.h"
#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

struct SymbolizedCounts {
  uint64_t inlined_left_out = 0;  // frames, because stacks would get too deep
};

// The capture must have all its intervals. One that was cut short (no end) stays so. Error: the
// sink cannot be written, or what would be written is more than a capture can hold.
Result<SymbolizedCounts> WriteSymbolized(const Capture& capture, const FoundPlaces& found,
                                         ByteSink& sink);

}  // namespace twofold
