// --hide: stacks without the frames that match. What they call moves up to their callers; a stack
// with no other frames goes.
#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/filters/pattern.h"
#include "analyzer/fold/refold.h"

namespace twofold {
namespace {

Folded Apply(const Pattern& pattern, Folded folded) {
  std::vector<bool> hidden = pattern.Matches(folded);
  Refold refold(std::move(folded));
  std::vector<uint32_t> places = refold.Places(hidden);
  for (size_t i = 0; i < refold.old().stacks.size(); ++i) {
    FoldedStack stack = refold.old().stacks[i];
    bool is_message =
        stack.root != Folded::kNoRoot && refold.old().names[stack.root].kind == FrameKind::kSpecial;
    bool root_stays = is_message && !hidden[stack.root];
    bool had_frames = is_message || stack.user != 0 || stack.kernel != 0 || stack.tail != 0;
    stack.user = places[stack.user];
    stack.kernel = places[stack.kernel];
    stack.tail = places[stack.tail];
    bool has_frames = stack.user != 0 || stack.kernel != 0 || stack.tail != 0;
    if (is_message && !root_stays) stack.root = Folded::kNoRoot;
    if (has_frames || root_stays || !had_frames) refold.Add(i, stack);
  }
  return refold.Finish();
}

Result<StackStep> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Parse(value, "hide"));
  auto apply = [pattern](Folded folded) { return Apply(pattern, std::move(folded)); };
  return StackStep{apply, /*needs_details=*/true};
}

}  // namespace

const StackFilter kHideFilter = {"hide", "REGEX",
                                 "stacks without the functions, source files and libraries that "
                                 "match",
                                 Make};

}  // namespace twofold
