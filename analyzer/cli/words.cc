#include "analyzer/cli/words.h"

#include <cstdio>

#include "analyzer/text/escape.h"
#include "format/base/output_file.h"

namespace twofold {

void Say(std::string_view text, SayAs as) {
  std::string line(text);
  if (as == SayAs::kSentence) line = "twofold: " + EscapeText(text) + "\n";
  fwrite(line.data(), 1, line.size(), stderr);
}

Result<void> PrintToStandardOutput(const std::string& text) {
  Result<OutputFile> output = OutputFile::Create("-");
  if (!output) return std::move(output).error();
  TWOFOLD_RETURN_IF_ERROR(output->Append(text));
  return output->Commit();
}

}  // namespace twofold
