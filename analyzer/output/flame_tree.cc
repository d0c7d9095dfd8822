#include "analyzer/output/flame_tree.h"

#include <algorithm>

namespace twofold {

// Stacks come in the order of their frames, so stacks that share callers are neighbours, and a
// frame is complete when the walk leaves it. A frame is never wider than its caller: when one turns
// out too narrow, all its callees have gone before it and it is the last one in the list.
FlameTree BuildFlameTree(const Folded& folded, double min_value) {
  FlameTree tree;
  std::vector<size_t> open;  // indices of the current path's frames
  uint64_t position = 0;
  RatioSums& sums = tree.all;  // of what is to the left
  auto close_down_to = [&](size_t depth) {
    for (; open.size() > depth; open.pop_back()) {
      FlameFrame& frame = tree.frames[open.back()];
      frame.value = position - frame.start;
      frame.sums = {sums.value - frame.sums.value, sums.count - frame.sums.count,
                    sums.divisor - frame.sums.divisor,
                    sums.divisor_count - frame.sums.divisor_count};
      if (double(frame.value) < min_value) {
        tree.frames.pop_back();
        ++tree.frames_left_out;
      } else {
        tree.deepest = std::max(tree.deepest, frame.depth);
      }
    }
  };
  PathWalker walker(folded);
  for (const FoldedStack& stack : folded.stacks) {
    size_t common = walker.MoveTo(stack);
    close_down_to(common);
    for (size_t i = common; i < walker.path().size(); ++i) {
      open.push_back(tree.frames.size());
      tree.frames.push_back({walker.path()[i], uint32_t(i) + 1, position, 0, sums});
    }
    position += stack.value;
    sums.Add(stack);
  }
  close_down_to(0);
  return tree;
}

}  // namespace twofold
