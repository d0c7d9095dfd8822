#include "format/base/units.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cmath>
#include <cstdio>

namespace twofold {
namespace {

// `value` with three significant figures, without a trailing ".0".
std::string ThreeFigures(double value) {
  char text[64];
  int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

}  // namespace

std::string FormatDuration(int64_t duration_ns) {
  if (duration_ns < 0) {
    return std::string("-").append(FormatDuration(-std::max<int64_t>(duration_ns, -INT64_MAX)));
  }
  if (duration_ns == 0) return "0 s";
  if (duration_ns < 1000) return std::to_string(duration_ns) + " ns";
  double value = double(duration_ns);
  if (value < 999.5e3) return ThreeFigures(value / 1e3) + " us";
  if (value < 999.5e6) return ThreeFigures(value / 1e6) + " ms";
  if (value < 119.5e9) return ThreeFigures(value / 1e9) + " s";
  int64_t seconds = duration_ns / 1000000000 + (duration_ns % 1000000000 >= 500000000 ? 1 : 0);
  if (seconds < 7200) {
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
  }
  int64_t minutes = (seconds + 30) / 60;
  return FormatCount(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::string FormatQuantity(uint64_t number) {
  static constexpr std::array<const char*, 7> kPrefixes = {"", " k", " M", " G", " T", " P", " E"};
  if (number < 1000) return std::to_string(number);
  double value = double(number);
  size_t prefix = 0;
  while (value >= 999.5) {
    value /= 1000;
    ++prefix;
  }
  return ThreeFigures(value) + kPrefixes[prefix];
}

std::string FormatBytes(int64_t size_bytes) {
  static constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = double(size_bytes);
  if (size_bytes < 1024) return std::to_string(size_bytes) + " B";
  size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return ThreeFigures(value) + " " + kUnits[unit];
}

std::string FormatCount(int64_t count) {
  std::string digits = std::to_string(count);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    bool group_begins = (digits.size() - i) % 3 == 0;
    if (group_begins && i > 0 && digits[i - 1] != '-') text += ',';
    text += digits[i];
  }
  return text;
}

std::string FormatCount(uint64_t count, const char* one, const char* more) {
  return FormatCount(int64_t(count)) + (count == 1 ? one : more);
}

std::string FormatShare(double part, double whole) {
  if (part <= 0 || whole <= 0) return "0 %";
  double percent = 100 * part / whole;
  if (percent < 0.005) return "< 0.01 %";
  char text[64];
  snprintf(text, sizeof(text), "%.*f %%", percent < 0.095 ? 2 : 1, percent);
  return text;
}

std::string FormatUtc(int64_t realtime_ns) {
  // Civil date from days since 1970: eras of 400 years that begin in March, so that leap days come
  // last.
  int64_t seconds = realtime_ns / 1000000000;
  if (realtime_ns % 1000000000 < 0) --seconds;
  int64_t days = seconds / 86400;
  int64_t second_of_day = seconds % 86400;
  if (second_of_day < 0) {
    second_of_day += 86400;
    --days;
  }
  int64_t shifted = days + 719468;
  int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t march_month = (5 * day_of_year + 2) / 153;
  int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
  int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
  int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  char text[96];
  snprintf(text, sizeof(text),
           "%04" PRId64 "-%02" PRId64 "-%02" PRId64 " %02" PRId64 ":%02" PRId64 ":%02" PRId64
           " UTC",
           year, month, day, second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
  return text;
}

}  // namespace twofold
