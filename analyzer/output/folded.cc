// The output "folded": one line per stack, frames from the outermost caller to the innermost, with
// ';' between them, a space, and the value: microseconds, or cycles. The usual flame graph tools
// read it.
//
// Frames are escaped by EscapeFrame: ';', control characters and invisible characters cannot break
// a line, and every name can be got back. Lines are in the order of their frames.
#include <charconv>

#include "analyzer/output/microseconds.h"
#include "analyzer/output/output.h"
#include "analyzer/output/text_sink.h"

namespace twofold {

Result<void> WriteFolded(const Folded& folded, const Presentation& presentation, ByteSink& sink) {
  std::vector<uint64_t> values = ShownValues(folded.stacks, presentation.view->unit);
  std::vector<std::string> frames;
  frames.reserve(folded.texts.size());
  for (const std::string& text : folded.texts) frames.push_back(WithoutSemicolons(text));

  TextSink out(sink);
  std::string line;                // the frames of the current stack
  std::vector<size_t> frame_ends;  // where each frame ends in it
  PathWalker walker(folded);
  for (size_t i = 0; i < folded.stacks.size(); ++i) {
    size_t common = walker.MoveTo(folded.stacks[i]);
    line.resize(common == 0 ? 0 : frame_ends[common - 1]);
    frame_ends.resize(common);
    for (size_t depth = common; depth < walker.path().size(); ++depth) {
      if (depth > 0) line += ';';
      line += frames[folded.names[walker.path()[depth]].text];
      frame_ends.push_back(line.size());
    }
    char value[24] = " ";
    char* end = std::to_chars(value + 1, value + sizeof(value) - 1, values[i]).ptr;
    *end++ = '\n';
    TWOFOLD_RETURN_IF_ERROR(out.Append(line));
    TWOFOLD_RETURN_IF_ERROR(out.Append(std::string_view(value, size_t(end - value))));
  }
  return out.Flush();
}

}  // namespace twofold
