// Filters of stacks: what they look at are frames, not the columns of rows. A filter of stacks is
// an option and a step from stacks to stacks, in a file of its own in fold/filters/, plus one line
// in the list in stack_filter.cc. It works on every view and for every output.
//
// Those that take a regular expression mean what they mean in pprof. An expression is looked for
// in a function's name as shown, in the path of its source file and in that of its program or
// library. The first frame (process, thread or cgroup) is no function, and stays.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/result.h"

namespace twofold {

struct Folded;

// What a step does that only puts small frames away, so that sides which are compared can do it
// together: a frame that is large enough on one of them stays on both.
struct Prune {
  double least_share = 0;  // of the total, counted with all that a frame calls
  std::string remainder;   // the frame that has the others' time
};

struct StackStep {
  std::function<Folded(Folded)> apply;
  bool needs_details = false;  // Folded::details
  bool on_texts = false;  // it looks at what outputs will show: merged by texts if they want that
  std::optional<Prune> prune;  // the same, for several sides
};

struct StackFilter {
  std::string_view option;      // without its dashes
  std::string_view value_name;  // for --help; empty: it takes no value
  std::string_view summary;     // for --help
  // Error: the option's value is wrong (kUsage; names the option).
  Result<StackStep> (*make)(const std::string& value);
  bool of_sleepers = false;  // it looks at stacks that wait: only for views that ShowsSleepers()
};

// All filters of stacks, in the order in which they are applied and --help shows them.
const std::vector<const StackFilter*>& StackFilters();

}  // namespace twofold
