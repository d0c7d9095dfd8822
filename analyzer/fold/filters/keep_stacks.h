// What --focus and --ignore share.
#pragma once

#include "analyzer/fold/filters/pattern.h"

namespace twofold {

// The stacks with a frame that matches, or with `matching` false those without one.
Folded KeepStacks(const Pattern& pattern, bool matching, Folded folded);

}  // namespace twofold
