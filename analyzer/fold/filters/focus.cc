// --focus: stacks with a frame that matches.
#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/filters/keep_stacks.h"

namespace twofold {
namespace {

Result<StackStep> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Parse(value, "focus"));
  auto apply = [pattern](Folded folded) {
    return KeepStacks(pattern, /*matching=*/true, std::move(folded));
  };
  return StackStep{apply, /*needs_details=*/true};
}

}  // namespace

const StackFilter kFocusFilter = {
    "focus", "REGEX", "only stacks with a function, source file or library that matches", Make};

}  // namespace twofold
