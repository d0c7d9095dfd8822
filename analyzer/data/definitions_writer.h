// Writes many definitions at once, in as many blocks as it takes.
#pragma once

#include "format/capture_writer.h"

namespace twofold {

// Each kind comes behind those that it refers to.
Result<void> WriteDefinitionsInParts(Definitions all, CaptureWriter& writer);

}  // namespace twofold
