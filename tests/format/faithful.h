// The promise about damaged captures: what is still there is exactly as recorded, what is missing
// is labelled.
#pragma once

#include <string>

#include "format/capture.h"

namespace twofold::testing {

// Compares what was read from a damaged copy with the original. Returns what breaks the promise,
// or the empty string.
std::string BrokenPromise(const Capture& original, const Capture& read);

}  // namespace twofold::testing
