// --from and --to: time of a part of the window. Rows belong to whole intervals, so every interval
// that reaches into the part counts.
//
// A clock time becomes one since the window's start by the capture's own clock at the start. Steps
// of the clock during the recording are not followed: intervals follow each other by
// CLOCK_MONOTONIC.
#include "analyzer/fold/filters/clock_time.h"
#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

// Of a capture: the clock at the window's start, in nanoseconds since midnight, UTC or local.
constexpr char kUtcOfDay[] = "capture.start_realtime_ns % 86400000000000";
constexpr char kLocalOfDay[] =
    "(capture.start_realtime_ns + 1000000000 * coalesce("
    "strftime('%s', capture.start_realtime_ns / 1000000000, 'unixepoch', 'localtime')"
    " - capture.start_realtime_ns / 1000000000, 0)) % 86400000000000";

// The time since the window's start, as SQL on `capture`, with one parameter.
std::string SinceStart(const PointInTime& point) {
  switch (point.kind) {
    case PointInTime::Kind::kSinceStart:
      return "?";
    case PointInTime::Kind::kSince1970:
      return "? - capture.start_realtime_ns";
    case PointInTime::Kind::kOfDay:
      break;
  }
  // `since` is the time on the day of the start: before it, in the window, or after it. The same
  // time of the day before or after may be nearer to the window.
  return std::string(
             "(SELECT CASE"
             " WHEN since < 0 AND max(since + 86400000000000 - window_ns, 0) < -since"
             " THEN since + 86400000000000"
             " WHEN since > window_ns AND 86400000000000 - since < since - window_ns"
             " THEN since - 86400000000000"
             " ELSE since END FROM (SELECT ? - ") +
         (point.is_utc ? kUtcOfDay : kLocalOfDay) + " AS since, capture.window_ns AS window_ns))";
}

Result<Condition> Make(const std::string& value, std::string_view option, const char* comparison) {
  std::optional<PointInTime> point = ParsePointInTime(value);
  if (!point) {
    return Error{"'" + value + "' is no time", "--" + std::string(option),
                 "Give seconds since the start, such as 2.5, or a clock time, such as 12:30:05, "
                 "12:30:05Z (UTC) or 2026-01-31T12:30:05",
                 Error::Kind::kUsage};
  }
  return Condition{std::string("interval_id IN (SELECT interval.interval_id FROM interval"
                               " JOIN capture ON capture.capture_id = interval.capture_id WHERE ") +
                       comparison + SinceStart(*point) + ")",
                   {point->time_ns},
                   /*selects_by_time=*/true,
                   /*selects_part_of_window=*/true};
}

Result<Condition> MakeFrom(const std::string& value) {
  return Make(value, "from", "interval.end_ns > ");
}
Result<Condition> MakeTo(const std::string& value) {
  return Make(value, "to", "interval.start_ns < ");
}

}  // namespace

const Filter kFromFilter = {
    "from", "TIME",
    "from here on: seconds since the start, or a clock time such as 12:30:05, "
    "2026-01-31T12:30:05, with Z behind it for UTC; whole intervals count",
    "interval_id", MakeFrom};
const Filter kToFilter = {"to", "TIME", "up to here; whole intervals count", "interval_id", MakeTo};

}  // namespace twofold
