// What the program says: data to standard output, words to standard error.
#pragma once

#include <string>
#include <string_view>

#include "format/base/result.h"

namespace twofold {

enum class SayAs {
  kSentence,  // "twofold: " in front, made harmless for terminals, a newline behind
  kText,      // as it is
};

void Say(std::string_view text, SayAs as = SayAs::kSentence);

// Error: standard output cannot be written; kBrokenPipe when its reader went away.
Result<void> PrintToStandardOutput(const std::string& text);

}  // namespace twofold
