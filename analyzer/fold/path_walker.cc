// The walk through folded stacks in their order, at the cost of what differs from one to the next.
#include <algorithm>
#include <array>

#include "analyzer/fold/folded.h"

namespace twofold {

size_t PathWalker::MoveTo(const FoldedStack& stack) {
  const std::vector<FrameNode>& nodes = folded_.nodes;
  const std::array<uint32_t, 3> parts = {stack.user, stack.kernel, stack.tail};
  const std::array<uint32_t, 3> last_parts = {last_.user, last_.kernel, last_.tail};
  size_t root_frames = stack.root == Folded::kNoRoot ? 0 : 1;

  // Nodes of the last stack that are on the new one's way to the root stay where they are.
  auto climb = [&](uint32_t a, uint32_t b) {
    while (a != b) {
      if (nodes[a].depth >= nodes[b].depth) {
        a = nodes[a].parent;
      } else {
        b = nodes[b].parent;
      }
    }
    return a;
  };
  size_t common = 0;
  if (!path_.empty() && stack.root == last_.root) {
    common = root_frames;
    for (size_t i = 0; i < parts.size(); ++i) {
      common += nodes[climb(parts[i], last_parts[i])].depth;
      if (parts[i] != last_parts[i]) break;
    }
  }
  size_t end = root_frames;
  for (uint32_t part : parts) end += nodes[part].depth;
  path_.resize(end);
  if (root_frames == 1 && common == 0) path_[0] = stack.root;
  size_t start = root_frames;
  for (uint32_t part : parts) {
    size_t part_end = start + nodes[part].depth;
    uint32_t node = part;
    for (size_t i = part_end; i > std::max(common, start); node = nodes[node].parent) {
      path_[--i] = nodes[node].name;
    }
    start = part_end;
  }
  last_ = stack;
  return common;
}

}  // namespace twofold
