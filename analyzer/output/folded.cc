// The output "folded": one line per stack, frames from the outermost caller to the innermost, with
// ';' between them, a space, and the value in microseconds. The usual flame graph tools read it.
//
// Frames are escaped by EscapeFrame: ';', control characters and invisible characters cannot break
// a line, and every name can be got back. Lines are in the order of their frames.
#include <charconv>

#include "analyzer/output/microseconds.h"
#include "analyzer/output/output.h"

namespace twofold {
namespace {

constexpr size_t kFlushBytes = 1 << 20;

std::string EscapeSemicolons(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == ';') {
      out += "\\x3b";
    } else {
      out += c;
    }
  }
  return out;
}

Result<void> Flush(std::string& buffer, ByteSink& sink) {
  Result<void> written =
      sink.Append(std::span(reinterpret_cast<const uint8_t*>(buffer.data()), buffer.size()));
  buffer.clear();
  return written;
}

}  // namespace

Result<void> WriteFolded(const Folded& folded, const Presentation&, ByteSink& sink) {
  std::vector<uint64_t> values_us = RoundToMicroseconds(folded.stacks);
  std::vector<std::string> frames;
  frames.reserve(folded.texts.size());
  for (const std::string& text : folded.texts) frames.push_back(EscapeSemicolons(text));

  std::string buffer;
  buffer.reserve(kFlushBytes + (64 << 10));
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
    char value[24];
    char* end = std::to_chars(value, value + sizeof(value), values_us[i]).ptr;
    buffer += line;
    buffer += ' ';
    buffer.append(value, end);
    buffer += '\n';
    if (buffer.size() >= kFlushBytes) TWOFOLD_RETURN_IF_ERROR(Flush(buffer, sink));
  }
  return Flush(buffer, sink);
}

}  // namespace twofold
