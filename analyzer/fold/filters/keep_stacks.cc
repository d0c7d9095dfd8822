#include "analyzer/fold/filters/keep_stacks.h"

#include "analyzer/fold/refold.h"

namespace twofold {

Folded KeepStacks(const Pattern& pattern, bool matching, Folded folded) {
  std::vector<bool> matches = pattern.Matches(folded);
  std::vector<bool> nodes_with = NodesWith(folded, matches);
  Refold refold(std::move(folded));
  std::vector<bool> none(refold.old().names.size(), false);
  std::vector<uint32_t> places = refold.Places(none);
  for (FoldedStack stack : refold.old().stacks) {
    if (HasAny(stack, matches, nodes_with) != matching) continue;
    stack.user = places[stack.user];
    stack.kernel = places[stack.kernel];
    stack.tail = places[stack.tail];
    refold.Add(stack);
  }
  return refold.Finish();
}

}  // namespace twofold
