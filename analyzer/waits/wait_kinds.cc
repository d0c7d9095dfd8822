#include "analyzer/waits/wait_kinds.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "analyzer/waits/wait_kinds_text.h"
#include "format/base/suggest.h"

namespace twofold {
namespace {

constexpr WaitKindInfo kInfos[kWaitKinds] = {
    {"disk", "disk_ns", "disk"},
    {"lock", "lock_ns", "lock"},
    {"sleep", "sleep_ns", "sleep"},
    {"network", "network_ns", "net"},
    {"pipe", "pipe_ns", "pipe"},
    {"poll", "poll_ns", "poll"},
    {"page-fault", "page_fault_ns", "fault"},
    {"child", "child_ns", "child"},
    {"signal", "signal_ns", "sig"},
    {"stopped", "stopped_ns", "stop"},
    {"idle-worker", "idle_worker_ns", "idle"},
    {"other", "other_ns", "other"},
    {"unknown", "unknown_ns", "?"},
};

constexpr size_t kMaxFileBytes = 1 << 20;

uint32_t Bit(WaitKind kind) { return 1u << uint8_t(kind); }

Result<WaitKind> ParseKind(std::string_view name, const std::string& where) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kWaitKinds; ++i) {
    WaitKind kind = static_cast<WaitKind>(i);
    if (kind == WaitKind::kUnknown) continue;
    if (kInfos[i].name == name) return kind;
    names.push_back(kInfos[i].name);
  }
  return Error{"there is no kind of waiting '" + std::string(name) + "'", where,
               Suggestion(name, names), Error::Kind::kUsage};
}

Result<std::string> ReadTable(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  if (file.is_open()) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return Error{std::string("cannot read the file: ") + std::strerror(errno != 0 ? errno : EIO),
                 path, "Give a file of lines such as 'disk my_driver_wait'", Error::Kind::kUsage};
  }
  text.resize(size_t(file.gcount()));
  if (text.size() <= kMaxFileBytes) return text;
  return Error{"the file is too long for a table of functions", path,
               "Give a file of lines such as 'disk my_driver_wait'", Error::Kind::kUsage};
}

}  // namespace

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;  // the last star, and where the text went on after it
  size_t after_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

const WaitKindInfo& InfoOf(WaitKind kind) { return kInfos[size_t(kind)]; }

Result<WaitKinds> WaitKinds::Load(const std::string& path) {
  WaitKinds kinds;
  if (!path.empty()) {
    TWOFOLD_ASSIGN_OR_RETURN(std::string text, ReadTable(path));
    TWOFOLD_RETURN_IF_ERROR(kinds.Add(text, path));
  }
  TWOFOLD_RETURN_IF_ERROR(kinds.Add(kWaitKindsText, "wait_kinds.txt"));
  return kinds;
}

Result<WaitKinds> WaitKinds::Parse(std::string_view text, const std::string& name) {
  WaitKinds kinds;
  TWOFOLD_RETURN_IF_ERROR(kinds.Add(text, name));
  return kinds;
}

Result<void> WaitKinds::Add(std::string_view text, const std::string& name) {
  std::istringstream lines{std::string(text)};
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    std::string where = name + ", line " + std::to_string(++number);
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream line_words(line);
    std::vector<std::string> words;
    for (std::string word; line_words >> word;) words.push_back(word);
    if (words.empty()) continue;
    bool with_instead = words.size() >= 5 && words[2] == "instead" && words[3] == "of";
    if (words.size() != 2 && !with_instead) {
      return Error{"this is no line of kinds of waiting", where,
                   "Write KIND FUNCTION, such as 'disk  my_driver_wait', or "
                   "KIND FUNCTION instead of KIND",
                   Error::Kind::kUsage};
    }
    TWOFOLD_ASSIGN_OR_RETURN(WaitKind kind, ParseKind(words[0], where));
    Line parsed{words[1], kind};
    for (size_t i = 4; i < words.size(); ++i) {
      TWOFOLD_ASSIGN_OR_RETURN(WaitKind other, ParseKind(words[i], where));
      parsed.instead_of |= Bit(other);
    }
    lines_.push_back(std::move(parsed));
  }
  return {};
}

const std::vector<uint32_t>& WaitKinds::Matches(std::string_view function) {
  size_t tail = function.find('.');
  if (tail != std::string_view::npos && tail > 0) function = function.substr(0, tail);
  auto [place, fresh] = matches_.try_emplace(std::string(function));
  if (fresh) {
    for (uint32_t i = 0; i < lines_.size(); ++i) {
      if (MatchesPattern(lines_[i].pattern, function)) place->second.push_back(i);
    }
  }
  return place->second;
}

WaitKind WaitKinds::ByFunctions(std::span<const std::string_view> functions) {
  WaitKind kind = WaitKind::kUnknown;
  for (std::string_view function : functions) {
    for (uint32_t index : Matches(function)) {
      const Line& line = lines_[index];
      if (kind != WaitKind::kUnknown && (line.instead_of & Bit(kind)) == 0) continue;
      kind = line.kind;
      break;
    }
  }
  return kind;
}

WaitKind WaitKinds::Classify(char state, std::span<const std::string_view> functions) {
  if (state == 'T' || state == 't') return WaitKind::kStopped;
  if (state == 'P') return WaitKind::kIdleWorker;
  WaitKind kind = ByFunctions(functions);
  if (kind == WaitKind::kUnknown && state == 'I') return WaitKind::kIdleWorker;
  if (kind == WaitKind::kUnknown && !functions.empty()) return WaitKind::kOther;
  if (kind == WaitKind::kIdleWorker && state == 'D') return WaitKind::kOther;
  return kind;
}

}  // namespace twofold
