#include "analyzer/import/perf_frame.h"

#include <algorithm>

#include "analyzer/import/module_kind.h"
#include "analyzer/import/words.h"

namespace twofold {
namespace {

constexpr bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Cuts "+0x1f" off the end, and gives it as a number.
std::optional<uint64_t> CutOffset(std::string_view& text) {
  const size_t plus = text.rfind("+0x");
  uint64_t offset = 0;
  if (plus == std::string_view::npos || plus == 0 || !ParseAddress(text.substr(plus + 3), offset)) {
    return std::nullopt;
  }
  text = text.substr(0, plus);
  return offset;
}

// Where "(module)" begins in what follows an address, when `text` ends with ')'. Names and paths
// may hold blanks and parentheses themselves: "f(int (*)(char)) (/opt/My App (x86)/lib.so
// (deleted))".
size_t FindModule(std::string_view text) {
  // What comes right before the module tells most surely: an offset, or that there is no name.
  constexpr std::string_view kUnknown = "[unknown] (";
  if (text.starts_with(kUnknown)) return kUnknown.size() - 1;
  for (size_t at = text.find("+0x"); at != std::string_view::npos; at = text.find("+0x", at + 3)) {
    size_t end = at + 3;
    while (end < text.size() && IsHexDigit(text[end])) ++end;
    if (end > at + 3 && text.substr(end).starts_with(" (")) return end + 1;
  }
  // Paths and names such as [vdso] begin so; types of parameters do not.
  for (size_t at = text.find(" ("); at != std::string_view::npos; at = text.find(" (", at + 2)) {
    if (at + 2 < text.size() && (text[at + 2] == '/' || text[at + 2] == '[')) return at + 1;
  }
  size_t depth = 0;
  for (size_t at = text.size(); at-- > 0;) {
    if (text[at] == ')') ++depth;
    if (text[at] != '(' || --depth > 0) continue;
    return at == 0 || IsBlank(text[at - 1]) ? at : std::string_view::npos;
  }
  return std::string_view::npos;
}

// What follows the address: "name+0x1f (module)", parts of which may be missing.
ImportedFrame Describe(uint64_t address, std::string_view text) {
  ImportedFrame frame;
  frame.offset = address;
  text = Trim(text);
  constexpr std::string_view kInlined = "(inlined)";
  if (text.ends_with(kInlined)) {
    // It comes before the frame that it was inlined into, of the same module.
    frame.inlined = true;
    text.remove_suffix(kInlined.size());
    text = Trim(text);
  }
  std::string_view module;
  size_t open = std::string_view::npos;
  if (text.ends_with(')')) open = FindModule(text);
  if (open != std::string_view::npos) {
    module = text.substr(open + 1, text.size() - open - 2);
    text = Trim(text.substr(0, open));
  }
  constexpr std::string_view kDeleted = " (deleted)";
  if (module.ends_with(kDeleted)) module.remove_suffix(kDeleted.size());
  // Field dsoff: the place in the file.
  if (const std::optional<uint64_t> offset = CutOffset(module)) frame.offset = *offset;
  CutOffset(text);
  if (text != "[unknown]") frame.name = text;
  SetModule(module, frame.inlined ? 0 : address, frame);
  HideKernelAddress(frame);
  return frame;
}

// A branch of fields brstack, brstacksym: "0x5589/0x55a0/P/-/-/0".
bool IsBranch(std::string_view word) {
  return std::count(word.begin(), word.end(), '/') >= 4 &&
         (word.find("/P/") != std::string_view::npos ||
          word.find("/M/") != std::string_view::npos || word.find("/-/") != std::string_view::npos);
}

// Cuts fields that come behind a frame: branches, registers, bytes of the instruction.
std::string_view CutFieldsBehind(std::string_view text) {
  std::string_view rest = text;
  while (true) {
    const std::string_view word = TakeWord(rest);
    if (word.empty()) return text;
    const auto at = size_t(word.data() - text.data());
    if (at == 0) continue;
    if (word.starts_with("ABI:") || word == "insn:" || word == "ilen:" || IsBranch(word)) {
      return Trim(text.substr(0, at));
    }
  }
}

}  // namespace

bool ParseAddress(std::string_view word, uint64_t& address) {
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), address, 16);
  return !word.empty() && parsed.ec == std::errc() && parsed.ptr == word.data() + word.size() &&
         word.front() != '-';
}

bool IsPlaceInSource(std::string_view line) {
  if (!line.starts_with("  ")) return false;
  const std::string_view word = TakeWord(line);
  const size_t colon = word.rfind(':');
  const bool has_line = colon != std::string_view::npos && colon + 1 < word.size() &&
                        word.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  return Trim(line).empty() && (has_line || word.ends_with(']'));
}

std::optional<ImportedFrame> ParsePerfFrame(std::string_view line) {
  uint64_t address = 0;
  std::string_view word = TakeWord(line);
  if (word.starts_with("0x")) word.remove_prefix(2);
  if (!ParseAddress(word, address)) return std::nullopt;
  return Describe(address, line);
}

std::optional<ImportedFrame> FindPerfFrame(std::string_view text, bool behind_arguments,
                                           size_t& before) {
  constexpr size_t kLongAddress = 6;
  text = CutFieldsBehind(text);
  std::optional<uint64_t> address;
  std::string_view name;
  std::string_view rest = text;
  while (true) {
    const std::string_view word = TakeWord(rest);
    if (word.empty()) break;
    uint64_t found = 0;
    if (!ParseAddress(word, found)) continue;
    const std::string_view behind = Trim(rest);
    if (behind_arguments && (word.size() < kLongAddress || !behind.ends_with(')'))) continue;
    // The last number with a name behind it: fields addr and data_src stand before the address.
    if (address && (behind.empty() || behind.front() == '(')) break;
    address = found;
    name = behind;
    before = size_t(word.data() - text.data());
  }
  if (!address) return std::nullopt;
  // The field cgroup comes behind the module.
  if (const size_t close = name.rfind(") /");
      close != std::string_view::npos && !name.ends_with(')')) {
    name = name.substr(0, close + 1);
  }
  return Describe(*address, name);
}

}  // namespace twofold
