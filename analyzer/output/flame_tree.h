// Folded stacks as the rectangles of a flame graph: every frame wide enough to be drawn, callers
// before callees.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/ratio.h"

namespace twofold {

struct FlameFrame {
  uint32_t name = 0;    // index into Folded::names
  uint32_t depth = 0;   // 1: a first frame; 0 is left to the frame of everything
  uint64_t start = 0;   // sum of values to the left of it
  uint64_t value = 0;   // own and of all callees
  RatioSums sums = {};  // the same, with what it is divided by in views with a ratio
};

struct FlameTree {
  RatioSums all;
  std::vector<FlameFrame> frames;  // by start, then by depth
  uint32_t deepest = 0;            // largest depth of a frame that is drawn
  uint64_t frames_left_out = 0;    // narrower than what was asked for
};

// Frames with a value below `min_value` are left out; their space stays in their callers.
FlameTree BuildFlameTree(const Folded& folded, double min_value);

}  // namespace twofold
