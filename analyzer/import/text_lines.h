// What readers of foreign text share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "analyzer/import/imported_capture.h"

namespace twofold {

// Hands over each line without its end, "\n" or "\r\n".
template <typename Take>
void ForEachLine(std::string_view text, Take&& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    take(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Counts a line that is of no form, and keeps the first.
inline void NoteUnreadable(std::string_view line, ImportNotes& notes) {
  constexpr size_t kShown = 60;
  if (notes.unreadable_lines++ > 0) return;
  notes.first_unreadable =
      "line " + std::to_string(notes.lines) + ": " + std::string(line.substr(0, kShown));
}

}  // namespace twofold
