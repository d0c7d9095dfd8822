// Words to the user beside errors.
#pragma once

#include <cstdio>
#include <string>

#include "format/base/escape_text.h"

namespace twofold {

// One line on standard error. `text` may hold anybody's text: paths, names, reasons.
inline void PrintNote(const std::string& text) {
  std::fprintf(stderr, "Note: %s\n", EscapeText(text).c_str());
}

}  // namespace twofold
