// Reads folded stacks.
#include <charconv>
#include <deque>

#include "analyzer/import/imported_capture.h"
#include "analyzer/import/text_lines.h"
#include "analyzer/import/unescape.h"

namespace twofold {
namespace {

class FoldedReader {
 public:
  explicit FoldedReader(ImportedCapture& capture) : capture_(capture) {}

  bool ReadLine(std::string_view line) {
    const size_t space = line.find_last_of(" \t");
    if (space == std::string_view::npos || space == 0) return false;
    const std::string_view digits = line.substr(space + 1);
    uint64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc() || digits.empty()) return false;
    // A fraction of a unit is below what anybody looks at.
    const std::string_view rest(parsed.ptr, digits.data() + digits.size());
    if (!rest.empty() && (rest.front() != '.' ||
                          rest.find_first_not_of("0123456789", 1) != std::string_view::npos)) {
      return false;
    }
    std::string_view stack = line.substr(0, space);
    names_.clear();
    frames_.clear();
    const std::string process = Unescape(TakeFrame(stack));
    while (!stack.empty()) frames_.push_back(Describe(TakeFrame(stack)));
    capture_.Add({.name = process}, std::nullopt, frames_, value);
    return true;
  }

 private:
  static std::string_view TakeFrame(std::string_view& stack) {
    const size_t end = std::min(stack.find(';'), stack.size());
    const std::string_view frame = stack.substr(0, end);
    stack.remove_prefix(std::min(end + 1, stack.size()));
    return frame;
  }

  ImportedFrame Describe(std::string_view text) {
    ImportedFrame frame;
    const auto take_suffix = [&text](std::string_view suffix) {
      if (!text.ends_with(suffix)) return false;
      text.remove_suffix(suffix.size());
      return true;
    };
    if (take_suffix("_[k]")) {
      frame.kind = ModuleKind::kKernel;
      frame.module = "[kernel]";
    } else if (take_suffix("_[j]")) {
      frame.kind = ModuleKind::kRuntime;
      frame.module = "[jit]";
    } else {
      frame.inlined = take_suffix("_[i]");
    }
    names_.push_back(Unescape(text));
    frame.name = names_.back();
    return frame;
  }

  ImportedCapture& capture_;
  std::deque<std::string> names_;  // stay where they are
  std::vector<ImportedFrame> frames_;
};

}  // namespace

ImportNotes ReadFoldedText(std::string_view text, ImportedCapture& capture) {
  ImportNotes notes;
  FoldedReader reader(capture);
  ForEachLine(text, [&](std::string_view line) {
    ++notes.lines;
    if (line.empty() || line.front() == '#') return;
    if (!reader.ReadLine(line)) NoteUnreadable(line, notes);
  });
  return notes;
}

}  // namespace twofold
