// The functions of a sleeper's stack, innermost first, as waits/wait_places.h looks at them.
#pragma once

#include <vector>

#include "analyzer/fold/folded.h"
#include "analyzer/waits/wait_places.h"

namespace twofold {

struct WaitFrames {
  // Of the sleeper alone: without its first frame, its wakers, and messages.
  WaitFrames(const Folded& folded, const FoldedStack& stack);

  std::vector<WaitFunction> functions;
  std::vector<uint32_t> nodes;  // of each function, into Folded::nodes
};

}  // namespace twofold
