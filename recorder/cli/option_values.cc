#include "recorder/cli/option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <sstream>

namespace twofold {
namespace {

template <typename Number>
std::optional<Number> ParseNumber(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

Result<double> ParseSeconds(const std::string& option, const std::string& text, double least,
                            double most) {
  std::ostringstream takes;
  takes << "It takes seconds from " << least << " to " << most << ", such as " << option << " 10";
  const std::optional<double> seconds = ParseNumber<double>(text);
  if (!seconds || !std::isfinite(*seconds)) {
    return UsageError(option, "'" + text + "' is no number of seconds", takes.str());
  }
  if (*seconds < 0) {
    return UsageError(option, "a time of " + text + " s is negative", takes.str());
  }
  if (*seconds < least || *seconds > most) {
    return UsageError(option, text + " s is out of range", takes.str());
  }
  return *seconds;
}

Result<uint64_t> ParseCount(const std::string& option, const std::string& text, uint64_t least,
                            uint64_t most, const std::string& unit) {
  const std::optional<uint64_t> count = ParseNumber<uint64_t>(text);
  if (!count || *count < least || *count > most) {
    return UsageError(
        option, "'" + text + "' is out of range or no whole number",
        "It takes " + unit + " from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return *count;
}

// Ids of processes (Pid) or threads (Tid), without doubles, in the order given.
template <typename Id>
Result<std::vector<Id>> ParseIds(const std::string& option, const std::string& kind,
                                 const std::string& text) {
  std::vector<Id> ids;
  for (const std::string& part : SplitAtCommas(text)) {
    const std::optional<uint32_t> number = ParseNumber<uint32_t>(part);
    if (!number || *number == 0 || *number > (1u << 22)) {  // the kernel's PID_MAX_LIMIT
      return UsageError(option, "'" + part + "' is no " + kind + " id",
                        "It takes ids with commas between them, such as " + option + " 812,813");
    }
    if (std::find(ids.begin(), ids.end(), Id(*number)) == ids.end()) ids.push_back(Id(*number));
  }
  if (ids.size() > 1024) {
    return UsageError(option, "these are more than 1024 ids", "Record the whole system instead");
  }
  return ids;
}

// A percentage in hundredths of a per cent; "none" and 0: 0.
Result<uint32_t> ParseOverhead(const std::string& option, const std::string& text) {
  if (text == "none") return 0u;
  const std::optional<double> percent = ParseNumber<double>(text);
  if (!percent || !std::isfinite(*percent) || *percent < 0 || *percent > 100 ||
      (*percent > 0 && *percent < 0.01)) {
    return UsageError(option, "'" + text + "' is out of range or no number of per cent",
                      "It takes per cent from 0.01 to 100, and none (or 0) for no limit");
  }
  return uint32_t(std::lround(*percent * 100));
}

template <typename Id>
SetValue ReadIds(std::string option, const char* kind, std::vector<Id>& target) {
  return [option = std::move(option), kind, &target](const std::string& value) -> Result<void> {
    TWOFOLD_ASSIGN_OR_RETURN(target, ParseIds<Id>(option, kind, value));
    return {};
  };
}

}  // namespace

Error UsageError(const std::string& option, const std::string& what, const std::string& takes) {
  return Error{.what = what, .where = option, .remedy = takes, .kind = Error::Kind::kUsage};
}

SetValue SetTo(bool& target, bool value) {
  return [&target, value](const std::string&) -> Result<void> {
    target = value;
    return {};
  };
}

SetValue ReadText(std::string& target, Error empty) {
  return [&target, empty = std::move(empty)](const std::string& value) -> Result<void> {
    if (value.empty()) return empty;
    target = value;
    return {};
  };
}

SetValue ReadSeconds(std::string option, double least, double most,
                     std::function<void(double seconds)> set) {
  return [=](const std::string& value) -> Result<void> {
    TWOFOLD_ASSIGN_OR_RETURN(const double seconds, ParseSeconds(option, value, least, most));
    set(seconds);
    return {};
  };
}

SetValue ReadCount(std::string option, uint64_t least, uint64_t most, std::string unit,
                   std::function<void(uint64_t count)> set) {
  return [=](const std::string& value) -> Result<void> {
    TWOFOLD_ASSIGN_OR_RETURN(const uint64_t count, ParseCount(option, value, least, most, unit));
    set(count);
    return {};
  };
}

SetValue ReadPids(std::string option, std::vector<Pid>& target) {
  return ReadIds(std::move(option), "process", target);
}

SetValue ReadTids(std::string option, std::vector<Tid>& target) {
  return ReadIds(std::move(option), "thread", target);
}

SetValue ReadPercent(std::string option, uint32_t& target_permyriad) {
  return [option = std::move(option), &target_permyriad](const std::string& value) -> Result<void> {
    TWOFOLD_ASSIGN_OR_RETURN(target_permyriad, ParseOverhead(option, value));
    return {};
  };
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, ',')) parts.push_back(part);
  if (text.empty() || text.back() == ',') parts.push_back("");
  return parts;
}

}  // namespace twofold
