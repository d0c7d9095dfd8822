// How blocks ended that an interval's end cut into parts.
//
// A part of a block that is open at its interval's end has no waker yet: it is told with the last
// part, in a later interval. Here every part gets it.
#pragma once

#include <cstddef>
#include <vector>

#include "format/capture.h"

namespace twofold {

struct BlockEnd {
  ChainId chain;               // what ended the block; 0: not recorded, not known, or not woken
  bool still_blocked = false;  // the block was going on when the last interval ended
};

// One for each blocked row, interval by interval in the order of the capture. A part whose
// continuation is missing, as where a later interval was damaged, has no chain and is not still
// blocked. Takes time in proportion to the rows.
std::vector<BlockEnd> FindBlockEnds(const Capture& capture);

}  // namespace twofold
