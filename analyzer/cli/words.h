// What the program says: data to standard output, words to standard error.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

enum class SayAs {
  kSentence,  // "twofold: " in front, made harmless for terminals, a newline behind
  kText,      // as it is
};

void Say(std::string_view text, SayAs as = SayAs::kSentence);

// How wide tables that go to the file `path` ("-": standard output) may be: as the terminal, and at
// least 80 columns. Only a terminal cuts: kUnlimitedWidth for anything else.
size_t TableWidth(const std::string& path);

// Error: standard output cannot be written; kBrokenPipe when its reader went away.
Result<void> PrintToStandardOutput(const std::string& text);

}  // namespace twofold
