// --from and --to: time of a part of the window. Rows belong to whole intervals, so every interval
// that reaches into the part counts.
#include <charconv>
#include <cmath>

#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value, std::string_view option, const char* comparison) {
  double seconds = 0;
  const char* end = value.data() + value.size();
  auto [stop, status] = std::from_chars(value.data(), end, seconds);
  bool usable = status == std::errc() && stop == end && std::isfinite(seconds) && seconds >= 0 &&
                seconds < 9e9;
  if (!usable) {
    return Error{"'" + value + "' is no time", "--" + std::string(option),
                 "Give seconds since the start, such as 2.5", Error::Kind::kUsage};
  }
  return Condition{std::string("interval_id IN (SELECT interval.interval_id FROM interval WHERE ") +
                       comparison + ")",
                   {static_cast<int64_t>(std::llround(seconds * 1e9))},
                   true};
}

Result<Condition> MakeFrom(const std::string& value) {
  return Make(value, "from", "interval.end_ns > ?");
}
Result<Condition> MakeTo(const std::string& value) {
  return Make(value, "to", "interval.start_ns < ?");
}

}  // namespace

const Filter kFromFilter = {"from", "SECONDS",
                            "from here on, since the start; whole intervals count", "interval_id",
                            MakeFrom};
const Filter kToFilter = {"to", "SECONDS", "up to here, since the start; whole intervals count",
                          "interval_id", MakeTo};

}  // namespace twofold
