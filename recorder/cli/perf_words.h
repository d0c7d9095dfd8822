// What options of `perf record` are called here, for those who have them in their fingers.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// What to do instead, a sentence without its full stop; empty: perf has no such option, or the
// recorder has it, too. `option` may have a value joined to it: "-ecycles", "--event=cycles".
std::string_view InsteadOfPerfs(std::string_view option);

}  // namespace twofold
