// --min-age: memory that is at least so old. Ages are known in steps, the first of which is the
// capture's own and every other twice the one before; a step counts as its youngest.
#include <charconv>
#include <cmath>

#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  double seconds = 0;
  auto [stop, status] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  bool usable = status == std::errc() && stop == value.data() + value.size() &&
                std::isfinite(seconds) && seconds >= 0 && seconds <= 1e9;
  if (!usable) {
    return Error{"'" + value + "' is no age", "--min-age",
                 "Give seconds, such as 60; 0 stands for any age", Error::Kind::kUsage};
  }
  return Condition{"(age IS NULL OR min_age_ns >= ?)", {int64_t(std::llround(seconds * 1e9))}};
}

}  // namespace

const Filter kMinAgeFilter = {
    "min-age", "SECONDS",
    "of memleak: what is at least so old (default: --leak-age of the recorder; 0: all)",
    "min_age_ns", Make};

}  // namespace twofold
