// Which sources a capture in a database has: the one place that knows how the column
// capture.sources holds them, words of --record with commas between. Of a capture in memory
// Settings::Has tells.
#pragma once

#include <string>
#include <string_view>

namespace twofold {

// A condition of SQL on the table capture: the source was recorded. `word` is an expression, such
// as "?1" or "'offcpu'". The word 'events' stands for whatever other tools counted that is no time
// (Settings::CountedEvent): captures have it as 'events:page-faults'.
inline std::string RecordedSource(const std::string& word) {
  return "(',' || capture.sources || ',' LIKE '%,' || " + word +
         " || ',%' OR capture.sources LIKE " + word + " || ':%')";
}

// What was counted, where 'events' was recorded.
inline constexpr std::string_view kCountedEvent = "substr(capture.sources, length('events:') + 1)";

}  // namespace twofold
