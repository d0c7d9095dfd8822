// What readers of foreign text share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "analyzer/import/imported_capture.h"

namespace twofold {

// Takes the first line from `text`, which is not empty, without the line's end, "\n" or "\r\n".
inline std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// Hands over each line.
template <typename Take>
void ForEachLine(std::string_view text, Take&& take) {
  while (!text.empty()) take(TakeLine(text));
}

// Counts a line that is of no form, and keeps the first.
inline void NoteUnreadable(std::string_view line, ImportNotes& notes) {
  constexpr size_t kShown = 60;
  if (notes.unreadable_lines++ > 0) return;
  notes.first_unreadable =
      "line " + std::to_string(notes.lines) + ": " + std::string(line.substr(0, kShown));
}

}  // namespace twofold
