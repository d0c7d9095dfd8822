#include "analyzer/diff/name_folding.h"

#include <algorithm>
#include <array>

namespace twofold {
namespace {

constexpr std::array<std::string_view, 8> kTails = {".isra", ".constprop", ".part",       ".cold",
                                                    ".llvm", ".lto_priv",  ".localalias", ".clone"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Without one tail such as .isra.0 or .cold, or as it is.
std::string_view WithoutTail(std::string_view text) {
  std::string_view rest = text;
  while (!rest.empty() && IsDigit(rest.back())) rest.remove_suffix(1);
  bool numbered = rest.size() < text.size() && !rest.empty() && rest.back() == '.';
  std::string_view stem = numbered ? rest.substr(0, rest.size() - 1) : text;
  for (std::string_view tail : kTails) {
    if (stem.size() > tail.size() && stem.substr(stem.size() - tail.size()) == tail) {
      return stem.substr(0, stem.size() - tail.size());
    }
  }
  return text;
}

// Without the numbers of {lambda(int)#3}, {closure#0}, {unnamed type#1} and $_12.
std::string WithoutNumbers(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    bool may_begin = text[i] == '#' || (text[i] == '_' && i > 0 && text[i - 1] == '$');
    while (may_begin && end < text.size() && IsDigit(text[end])) ++end;
    bool has_digits = end > i + 1;
    if (text[i] == '#' && has_digits && end < text.size() && text[end] == '}') {
      i = end;
      continue;
    }
    out += text[i];
    i = text[i] == '_' && has_digits ? end : i + 1;
  }
  return out;
}

// The module of "[module+0x1f0]"; empty: it is something else.
std::string_view ModuleOfUnnamed(std::string_view text) {
  size_t plus = text.rfind("+0x");
  bool unnamed = plus != std::string_view::npos && plus > 1 && text.front() == '[' &&
                 text.back() == ']' && plus + 4 < text.size();
  if (!unnamed) return {};
  std::string_view digits = text.substr(plus + 3, text.size() - plus - 4);
  bool hexadecimal = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return hexadecimal ? text.substr(1, plus - 1) : std::string_view();
}

}  // namespace

std::string FoldName(std::string_view text, FrameKind kind, const SameModules& same) {
  if (kind == FrameKind::kSpecial || kind == FrameKind::kSeparator) return std::string(text);
  if (kind == FrameKind::kRoot) {
    return std::string(text.substr(0, 8) == "kworker/" ? text.substr(0, 7) : text);
  }
  std::string_view module = ModuleOfUnnamed(text);
  if (!module.empty()) {
    if (same.find(module) != same.end()) return std::string(text);
    return "[" + std::string(module) + "]";
  }
  while (true) {
    std::string_view shorter = WithoutTail(text);
    if (shorter.size() == text.size()) break;
    text = shorter;
  }
  return WithoutNumbers(text);
}

bool OnlySchedules(std::string_view text, FrameKind kind) {
  static constexpr std::array<std::string_view, 12> kNames = {"__schedule",
                                                              "schedule",
                                                              "schedule_timeout",
                                                              "schedule_timeout_interruptible",
                                                              "schedule_timeout_uninterruptible",
                                                              "schedule_hrtimeout_range",
                                                              "schedule_hrtimeout_range_clock",
                                                              "schedule_hrtimeout",
                                                              "schedule_preempt_disabled",
                                                              "io_schedule",
                                                              "io_schedule_timeout",
                                                              "preempt_schedule_common"};
  return kind == FrameKind::kKernel &&
         std::find(kNames.begin(), kNames.end(), text) != kNames.end();
}

}  // namespace twofold
