// The order of folded stacks.
#pragma once

#include "analyzer/fold/folded.h"

namespace twofold {

// Orders stacks by their frames' texts, root first: nodes are numbered anew in the order of a walk
// that takes children in the order of their texts, and stacks are then compared by their numbers.
// The new numbers also put callers close to callees in memory, which PathWalker profits from.
void SortStacks(Folded& folded);

}  // namespace twofold
