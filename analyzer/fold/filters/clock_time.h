// Points in time as --from and --to take them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace twofold {

struct PointInTime {
  enum class Kind {
    kSinceStart,  // nanoseconds since the capture's start
    kSince1970,   // nanoseconds since 1970, UTC
    kOfDay,       // nanoseconds since midnight, of the day that lies nearest to the capture
  };
  Kind kind = Kind::kSinceStart;
  int64_t time_ns = 0;
  bool is_utc = false;  // of kOfDay: the day is one of UTC, else of the local time zone (TZ)
};

// "2.5", "12:30", "12:30:05.25", "2026-01-31T12:30:05", each clock time with a Z behind it for UTC.
// Nothing: it is no such text.
std::optional<PointInTime> ParsePointInTime(std::string_view text);

}  // namespace twofold
