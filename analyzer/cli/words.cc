#include "analyzer/cli/words.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/output_file.h"

namespace twofold {

void Say(std::string_view text, SayAs as) {
  std::string line(text);
  if (as == SayAs::kSentence) line = "twofold: " + EscapeText(text) + "\n";
  fwrite(line.data(), 1, line.size(), stderr);
}

size_t TableWidth(const std::string& path) {
  constexpr size_t kNarrowest = 80;
  if (path != "-" || isatty(STDOUT_FILENO) == 0) return kUnlimitedWidth;
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return kNarrowest;
  return std::max<size_t>(size.ws_col, kNarrowest);
}

Result<void> PrintToStandardOutput(const std::string& text) {
  TWOFOLD_ASSIGN_OR_RETURN(OutputFile output, OutputFile::Create("-"));
  TWOFOLD_RETURN_IF_ERROR(output.Append(text));
  return output.Commit();
}

}  // namespace twofold
