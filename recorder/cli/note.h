// Words to the user beside errors: everything that `--quiet` silences.
#pragma once

#include <cstdio>
#include <string>

#include "format/base/escape_text.h"

namespace twofold {

class Notes {
 public:
  // `quiet` is borrowed: the command line may still set it.
  explicit Notes(const bool& quiet) : quiet_(quiet) {}

  // One line on standard error. `text` may hold anybody's text: paths, names, reasons.
  void Print(const std::string& text) const {
    if (!quiet_) std::fprintf(stderr, "Note: %s\n", EscapeText(text).c_str());
  }

 private:
  const bool& quiet_;
};

}  // namespace twofold
