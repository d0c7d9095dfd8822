#include "analyzer/fold/filters/keep_stacks.h"

#include "analyzer/fold/refold.h"

namespace twofold {

Folded KeepStacks(const Pattern& pattern, bool matching, Folded folded) {
  std::vector<bool> matches = pattern.Matches(folded);
  std::vector<bool> nodes_with = NodesWith(folded, matches);
  Refold refold(std::move(folded));
  for (size_t i = 0; i < refold.old().stacks.size(); ++i) {
    FoldedStack stack = refold.old().stacks[i];
    if (HasAny(stack, matches, nodes_with) != matching) continue;
    stack.user = refold.PlaceOf(stack.user);
    stack.kernel = refold.PlaceOf(stack.kernel);
    stack.tail = refold.PlaceOf(stack.tail);
    refold.Add(i, stack);
  }
  return refold.Finish();
}

}  // namespace twofold
