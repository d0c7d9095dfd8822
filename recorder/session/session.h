// One recording from beginning to end: opens everything in the right order, turns the crank at
// every interval's end, and closes the capture in good order whatever ends it.
#pragma once

#include "format/base/result.h"
#include "recorder/cli/options.h"
#include "recorder/sources/sources.h"

namespace twofold {

// Records as the options say, which name sources of `sources`. Returns the exit status: 0, or that
// of a command that failed. Error: nothing was recorded and nothing is left behind, unless the
// error says where the part is that was kept.
Result<int> RunSession(const Options& options, Sources& sources);

}  // namespace twofold
