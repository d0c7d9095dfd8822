// --show-from: stacks from the first frame that matches on; those without one go. The first frame
// (process, thread or cgroup) stays.
#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/filters/pattern.h"
#include "analyzer/fold/refold.h"

namespace twofold {
namespace {

Folded Apply(const Pattern& pattern, Folded folded) {
  std::vector<bool> matches = pattern.Matches(folded);
  Refold refold(std::move(folded));
  const Folded& old = refold.old();
  // The same from the first match on; 0: there is none on the way to the root.
  std::vector<uint32_t> from(old.nodes.size(), 0);
  for (size_t i = 1; i < from.size(); ++i) {
    const FrameNode& node = old.nodes[i];
    uint32_t above = from[node.parent];
    if (above != 0 || matches[node.name]) from[i] = refold.forest().Child(above, node.name);
  }
  for (size_t i = 0; i < old.stacks.size(); ++i) {
    FoldedStack stack = old.stacks[i];
    bool found = stack.root != Folded::kNoRoot && matches[stack.root];
    for (uint32_t* part : {&stack.user, &stack.kernel, &stack.tail}) {
      bool was_found = found;
      found = found || from[*part] != 0;
      *part = was_found ? refold.PlaceOf(*part) : from[*part];
    }
    if (found) refold.Add(i, stack);
  }
  return refold.Finish();
}

Result<StackStep> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Parse(value, "show-from"));
  auto apply = [pattern](Folded folded) { return Apply(pattern, std::move(folded)); };
  return StackStep{apply, /*needs_details=*/true};
}

}  // namespace

const StackFilter kShowFromFilter = {
    "show-from", "REGEX", "stacks from the first function that matches on, and no others", Make};

}  // namespace twofold
