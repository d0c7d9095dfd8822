// --capture: time of some of the captures in a merged file or a database, by the name of the file
// or of the host. Names may hold the letters of patterns themselves, so an exact match always
// counts.
#include <charconv>

#include "analyzer/fold/filters/filters.h"

namespace twofold {
namespace {

Result<Condition> Make(const std::string& value) {
  if (value.empty()) {
    return Error{"the name is empty", "--capture",
                 "Give the name of a host, or of a capture's file, such as web1.twofold; 'twofold "
                 "info' lists them",
                 Error::Kind::kUsage};
  }
  // Its number, as 'twofold table' shows it; no capture has the number 0.
  int64_t number = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size()) number = 0;
  // Whole intervals, as with a part of the window: lost time belongs to a capture, too.
  return Condition{
      "interval_id IN (SELECT interval.interval_id FROM interval"
      " JOIN capture ON capture.capture_id = interval.capture_id"
      " WHERE capture.capture_id = ? OR capture.file_name = ? OR capture.file_name GLOB ?"
      " OR capture.hostname = ? OR capture.hostname GLOB ?)",
      {number, value, value, value, value},
      true};
}

}  // namespace

const Filter kCaptureFilter = {"capture",
                               "NAME",
                               "only captures of this host, file name (* and ? match) or number",
                               "interval_id",
                               Make,
                               "SELECT file_name FROM capture UNION"
                               " SELECT hostname FROM capture ORDER BY 1"};

}  // namespace twofold
