// What a blocked thread waits for, in words for people: disk, lock, network ... The kinds are told
// from the kernel functions of its stack by wait_kinds.txt, which says how, and which users extend.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "format/base/result.h"

namespace twofold {

enum class WaitKind : uint8_t {
  kDisk,
  kLock,
  kSleep,
  kNetwork,
  kPipe,
  kPoll,
  kPageFault,
  kChild,
  kSignal,
  kStopped,
  kIdleWorker,
  kOther,
  kUnknown,  // no stack tells: it was lost, or none of the thread's blocks was chosen
};
constexpr size_t kWaitKinds = 13;

struct WaitKindInfo {
  std::string_view name;     // in wait_kinds.txt and in JSON: "page-fault"
  std::string_view column;   // of tables: "page_fault_ns"
  std::string_view heading;  // at most five letters: "fault"
};

const WaitKindInfo& InfoOf(WaitKind kind);

// Whether `text` matches `pattern`, in which * stands for any letters and ? for one.
bool MatchesPattern(std::string_view pattern, std::string_view text);

class WaitKinds {
 public:
  // The table of the program, after the lines of the file at `path` where one is given. Error: the
  // file cannot be read, or a line is wrong; names the file and the line.
  static Result<WaitKinds> Load(const std::string& path = "");

  // `text` in the form of wait_kinds.txt; `name` is what errors call it.
  static Result<WaitKinds> Parse(std::string_view text, const std::string& name);

  // The kind of a block. `state` is its letter as in the table blocked; `functions` are the names
  // of its kernel frames, innermost first; none: no stack is known.
  WaitKind Classify(char state, std::span<const std::string_view> functions);

 private:
  struct Line {
    std::string pattern;
    WaitKind kind;
    uint32_t instead_of = 0;  // bits of WaitKind
  };

  Result<void> Add(std::string_view text, const std::string& name);
  // Indices of the lines that match a function, in their order.
  const std::vector<uint32_t>& Matches(std::string_view function);
  WaitKind ByFunctions(std::span<const std::string_view> functions);

  std::vector<Line> lines_;
  std::unordered_map<std::string, std::vector<uint32_t>> matches_;  // by function, as they are met
};

}  // namespace twofold
