#include "analyzer/cli/progress_line.h"

#include <unistd.h>

#include <algorithm>

#include "analyzer/cli/words.h"
#include "format/base/escape_text.h"

namespace twofold {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (shown_) Say("\r\x1b[K", SayAs::kText);
}

void ProgressLine::Show(const std::string& what, uint64_t done, uint64_t total) {
  auto now = std::chrono::steady_clock::now();
  bool due = terminal_ && now - start_ > std::chrono::seconds(1) &&
             now - last_ > std::chrono::milliseconds(200);
  if (!due) return;
  last_ = now;
  shown_ = true;
  uint64_t percent = total == 0 ? 100 : std::min<uint64_t>(100, done * 100 / total);
  Say("\r\x1b[K" + EscapeText(what) + ": " + std::to_string(percent) + " %", SayAs::kText);
}

}  // namespace twofold
