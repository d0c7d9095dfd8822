// --ignore: stacks without any frame that matches.
#include "analyzer/fold/filters/filters.h"
#include "analyzer/fold/filters/keep_stacks.h"

namespace twofold {
namespace {

Result<StackStep> Make(const std::string& value) {
  TWOFOLD_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Parse(value, "ignore"));
  auto apply = [pattern](Folded folded) {
    return KeepStacks(pattern, /*matching=*/false, std::move(folded));
  };
  return StackStep{apply, /*needs_details=*/true};
}

}  // namespace

const StackFilter kIgnoreFilter = {
    "ignore", "REGEX", "no stacks with a function, source file or library that matches", Make};

}  // namespace twofold
