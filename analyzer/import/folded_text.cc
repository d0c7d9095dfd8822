// Reads folded stacks.
#include <cctype>
#include <charconv>
#include <cmath>
#include <deque>
#include <optional>

#include "analyzer/import/imported_capture.h"
#include "analyzer/import/text_lines.h"
#include "analyzer/import/unescape.h"
#include "analyzer/import/words.h"

namespace twofold {
namespace {

constexpr size_t kLinesToLookAt = 2000;
// Of 100 lines that are no comments: so many must be folded stacks.
constexpr size_t kMinFoldedPercent = 90;

struct Value {
  uint64_t whole = 0;
  bool is_whole = true;
  double number = 0;
};

// "12", "2.75" or "1e3".
std::optional<Value> ParseValue(std::string_view text) {
  Value value;
  const char* end = text.data() + text.size();
  const auto whole = std::from_chars(text.data(), end, value.whole);
  if (!text.empty() && whole.ec == std::errc() && whole.ptr == end) {
    value.number = double(value.whole);
    return value;
  }
  value.is_whole = false;
  const auto parsed = std::from_chars(text.data(), end, value.number);
  const bool is_number = !text.empty() && parsed.ec == std::errc() && parsed.ptr == end &&
                         std::isdigit(static_cast<unsigned char>(text.front())) != 0;
  if (!is_number || !std::isfinite(value.number) || value.number < 0) return std::nullopt;
  return value;
}

// Divides "a;b;c 12" at its last blank. False: there is none, or nothing before it.
bool Divide(std::string_view line, std::string_view& stack, std::string_view& number) {
  while (!line.empty() && IsBlank(line.back())) line.remove_suffix(1);
  const size_t blank = line.find_last_of(" \t");
  if (blank == std::string_view::npos || blank == 0) return false;
  number = line.substr(blank + 1);
  stack = line.substr(0, blank);
  while (!stack.empty() && IsBlank(stack.back())) stack.remove_suffix(1);
  return !stack.empty();
}

// What the lines of a text are.
struct Survey {
  size_t lines = 0;  // neither empty nor comments
  size_t folded = 0;
  size_t with_callers = 0;  // with ';'
  size_t two_values = 0;    // "a;b;c 10 12"
};

Survey LookAt(std::string_view text) {
  Survey survey;
  while (!text.empty() && survey.lines < kLinesToLookAt) {
    const std::string_view line = TakeLine(text);
    if (Trim(line).empty() || line.front() == '#') continue;
    ++survey.lines;
    std::string_view stack;
    std::string_view number;
    if (!Divide(line, stack, number) || !ParseValue(number)) continue;
    ++survey.folded;
    if (stack.find(';') != std::string_view::npos) ++survey.with_callers;
    if (Divide(stack, stack, number) && ParseValue(number)) ++survey.two_values;
  }
  return survey;
}

// A line or two may be damaged, whatever the text's length.
bool IsNearlyAll(size_t part, size_t all) {
  return part > 0 && (part * 100 >= all * kMinFoldedPercent || part + 1 >= all);
}

class FoldedReader {
 public:
  FoldedReader(double unit_ns, ImportedCapture& capture) : unit_ns_(unit_ns), capture_(capture) {}

  bool ReadLine(std::string_view line) {
    std::string_view stack;
    std::string_view number;
    if (!Divide(line, stack, number)) return false;
    const std::optional<Value> value = ParseValue(number);
    if (!value) return false;
    has_fractions_ = has_fractions_ || !value->is_whole;
    names_.clear();
    frames_.clear();
    const std::string process = Unescape(TakeFrame(stack));
    while (!stack.empty()) frames_.push_back(Describe(TakeFrame(stack)));
    // Beyond what a capture can hold, which is refused later.
    constexpr double kTooMuch = 1e19;
    const double weight = std::min(std::round(value->number * unit_ns_), kTooMuch);
    capture_.Add({.name = process}, std::nullopt, frames_, value->whole, uint64_t(weight));
    return true;
  }

  bool has_fractions() const { return has_fractions_; }

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

  double unit_ns_;
  ImportedCapture& capture_;
  bool has_fractions_ = false;
  std::deque<std::string> names_;  // stay where they are
  std::vector<ImportedFrame> frames_;
};

}  // namespace

bool LooksLikeFoldedText(std::string_view text) {
  const Survey survey = LookAt(text);
  return survey.with_callers > 0 && IsNearlyAll(survey.folded, survey.lines);
}

Result<ImportNotes> ReadFoldedText(std::string_view text, double unit_ns,
                                   ImportedCapture& capture) {
  const Survey survey = LookAt(text);
  if (survey.lines > 0 && !IsNearlyAll(survey.folded, survey.lines)) {
    return Error{"of the first " + std::to_string(survey.lines) + " lines " +
                     std::to_string(survey.folded) + " are folded stacks, 'a;b;c 12'",
                 "", "Choose another format with --from; docs/analyzing.md lists what is read"};
  }
  if (survey.with_callers > 0 && IsNearlyAll(survey.two_values, survey.lines)) {
    return Error{"the lines have two values, as differences of two recordings have", "",
                 "Leave one: awk '{NF--; print}' FILE keeps the first, awk '{$(NF-1)=\"\"; print}' "
                 "FILE the second"};
  }
  ImportNotes notes;
  FoldedReader reader(unit_ns, capture);
  ForEachLine(text, [&](std::string_view line) {
    ++notes.lines;
    if (Trim(line).empty() || line.front() == '#') return;
    if (!reader.ReadLine(line)) NoteUnreadable(line, notes);
  });
  notes.has_fractions = reader.has_fractions();
  return notes;
}

}  // namespace twofold
