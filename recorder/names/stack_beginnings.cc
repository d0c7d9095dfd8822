#include "recorder/names/stack_beginnings.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <unordered_map>

#include "format/base/check.h"
#include "recorder/names/stack_beginnings_text.h"

namespace twofold {
namespace {

using Table = std::unordered_map<std::string, Beginning>;

Table ParseTable(std::string_view text) {
  Table table;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream words(line);
    std::string kind, where, function, more;
    if (!(words >> kind)) continue;
    words >> where >> function;
    const bool is_any = where == "any";
    TWOFOLD_CHECK((is_any || where == "libc") && !function.empty() && !(words >> more));
    TWOFOLD_CHECK(kind == "begins" || kind == "may-begin");
    table[function] = kind == "begins" ? (is_any ? Beginning::kBegins : Beginning::kBeginsInC)
                                       : (is_any ? Beginning::kMayBegin : Beginning::kMayBeginInC);
  }
  return table;
}

bool Begins(const FrameOfStack& frame, bool has_c_library) {
  const bool is_there = frame.in_c_library || !has_c_library;
  return frame.beginning == Beginning::kBegins ||
         (frame.beginning == Beginning::kBeginsInC && is_there);
}

bool MayBegin(const FrameOfStack& frame, bool has_c_library) {
  const bool is_there = frame.in_c_library || !has_c_library;
  return frame.beginning == Beginning::kMayBegin ||
         (frame.beginning == Beginning::kMayBeginInC && is_there);
}

bool IsUnnamedInC(const FrameOfStack& frame) {
  return frame.beginning == Beginning::kUnnamed && frame.in_c_library;
}

// Whether the outermost frames are unnamed ones of the C library that something else was called by:
// its functions that begin threads have no names where it is stripped.
bool MayBeginInStrippedC(std::span<const FrameOfStack> leaf_first) {
  size_t inner = leaf_first.size();
  while (inner > 0 && IsUnnamedInC(leaf_first[inner - 1])) --inner;
  return inner < leaf_first.size() && inner > 0 && !leaf_first[inner - 1].in_c_library;
}

}  // namespace

Beginning BeginningOf(std::string_view function) {
  static const Table table = ParseTable(kStackBeginningsText);
  if (function.empty()) return Beginning::kUnnamed;
  const auto found = table.find(std::string(function));
  return found != table.end() ? found->second : Beginning::kNo;
}

bool IsCLibrary(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  for (const std::string_view start :
       {"libc.so", "libc-2.", "libpthread.so", "libpthread-2.", "ld-musl-", "libc.musl-"}) {
    if (file.starts_with(start)) return true;
  }
  return false;
}

StackEnd FindStackEnd(std::span<const FrameOfStack> leaf_first, bool has_c_library) {
  const size_t frames = leaf_first.size();
  // The leaf may be a system call of that name, which has callers.
  for (size_t i = 1; i < frames; ++i) {
    if (!Begins(leaf_first[i], has_c_library)) continue;
    size_t end = i + 1;
    while (end < frames &&
           (Begins(leaf_first[end], has_c_library) || MayBegin(leaf_first[end], has_c_library) ||
            IsUnnamedInC(leaf_first[end]))) {
      ++end;
    }
    // A stripped program's _start.
    const bool is_start = end < frames && leaf_first[end].in_program &&
                          leaf_first[end].beginning == Beginning::kUnnamed && has_c_library;
    return {.frames = end + (is_start ? 1 : 0), .begins = true};
  }
  if (frames == 0) return {};
  const FrameOfStack& outermost = leaf_first.back();
  const bool begins = Begins(outermost, has_c_library) || MayBegin(outermost, has_c_library);
  const bool is_open = MayBeginInStrippedC(leaf_first) ||
                       (outermost.beginning == Beginning::kUnnamed && !has_c_library);
  return {.frames = frames, .begins = begins, .ends_early = !begins && !is_open};
}

}  // namespace twofold
