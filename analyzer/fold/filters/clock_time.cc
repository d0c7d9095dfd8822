#include "analyzer/fold/filters/clock_time.h"

#include <charconv>
#include <cmath>
#include <ctime>

namespace twofold {
namespace {

constexpr int64_t kSecondNs = 1000000000;

// Takes `count` digits, or none where there are fewer.
std::optional<int> TakeDigits(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool Take(std::string_view& text, char letter) {
  if (text.empty() || text.front() != letter) return false;
  text.remove_prefix(1);
  return true;
}

// "HH:MM", "HH:MM:SS" or "HH:MM:SS.F" as nanoseconds since midnight.
std::optional<int64_t> TakeTimeOfDay(std::string_view& text) {
  std::optional<int> hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  std::optional<int> minute = TakeDigits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  int64_t time_ns = (*hour * 60 + *minute) * 60 * kSecondNs;
  if (!Take(text, ':')) return time_ns;
  std::optional<int> second = TakeDigits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  time_ns += *second * kSecondNs;
  if (!Take(text, '.')) return time_ns;
  int64_t unit_ns = kSecondNs;
  std::optional<int> digit = TakeDigits(text, 1);
  if (!digit) return std::nullopt;
  for (; digit; digit = TakeDigits(text, 1)) {
    unit_ns /= 10;
    time_ns += *digit * unit_ns;
  }
  return time_ns;
}

// Seconds since 1970, of midnight UTC.
std::optional<int64_t> MidnightUtc(int year, int month, int day) {
  tm date = {};
  date.tm_year = year - 1900;
  date.tm_mon = month - 1;
  date.tm_mday = day;
  int64_t seconds = timegm(&date);
  bool exists = date.tm_year == year - 1900 && date.tm_mon == month - 1 && date.tm_mday == day;
  if (!exists || year < 1970 || year > 2200) return std::nullopt;
  return seconds;
}

std::optional<PointInTime> ParseDateAndTime(std::string_view text) {
  std::optional<int> year = TakeDigits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  std::optional<int> month = TakeDigits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  std::optional<int> day = TakeDigits(text, 2);
  if (!day || (!Take(text, 'T') && !Take(text, ' '))) return std::nullopt;
  std::optional<int64_t> midnight = MidnightUtc(*year, *month, *day);
  std::optional<int64_t> time_ns = TakeTimeOfDay(text);
  if (!midnight || !time_ns) return std::nullopt;
  bool is_utc = Take(text, 'Z');
  if (!text.empty()) return std::nullopt;
  int64_t seconds = *midnight + *time_ns / kSecondNs;
  if (!is_utc) {
    time_t as_utc = seconds;
    tm local = {};
    if (gmtime_r(&as_utc, &local) == nullptr) return std::nullopt;
    local.tm_isdst = -1;
    seconds = mktime(&local);
  }
  return PointInTime{PointInTime::Kind::kSince1970, seconds * kSecondNs + *time_ns % kSecondNs,
                     is_utc};
}

}  // namespace

std::optional<PointInTime> ParsePointInTime(std::string_view text) {
  double seconds = 0;
  auto [stop, status] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (status == std::errc() && stop == text.data() + text.size()) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds >= 9e9) return std::nullopt;
    return PointInTime{PointInTime::Kind::kSinceStart, int64_t(std::llround(seconds * 1e9))};
  }
  if (text.size() > 4 && text[4] == '-') return ParseDateAndTime(text);
  std::optional<int64_t> time_ns = TakeTimeOfDay(text);
  bool is_utc = Take(text, 'Z');
  if (!time_ns || !text.empty()) return std::nullopt;
  return PointInTime{PointInTime::Kind::kOfDay, *time_ns, is_utc};
}

}  // namespace twofold
