// Where a capture lacks names: stacks that end early, and frames without names, by process and by
// file, with the reason as far as the capture tells it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/data/database.h"
#include "format/base/result.h"

namespace twofold {

// Why a stack ends early, or why a frame has no name.
enum class NameGap : uint8_t {
  kFramePointer,
  kUnreadable,
  kTooDeep,
  kNotTaken,
  kLost,
  kProcessGone,
  kStripped,
  kFileUnread,
  kRunTimeCode,
  kUnmapped,
  kReplaced,
  kKernel,
};
constexpr size_t kNameGaps = 12;

struct NameGapInfo {
  std::string_view name;    // a few letters
  std::string_view advice;  // what it is, and what to do
};

const NameGapInfo& InfoOf(NameGap gap);

struct ProcessNames {
  int64_t pid = 0;
  std::string name;
  uint64_t cpu_ns = 0;          // on a CPU, by sampling
  uint64_t time_ns = 0;         // with a user stack, on a CPU or blocked
  uint64_t early_ns = 0;        // part of it whose user stacks end early
  uint64_t gap_ns = 0;          // part of it whose stacks end early or have frames without names
  uint64_t frames = 0;          // user frames of the process's distinct user stacks
  uint64_t frames_unnamed = 0;  // those without a name
  std::array<uint64_t, kNameGaps> gap_time_ns = {};  // time of the stacks that have such a gap
};

struct ModuleNames {
  std::string kind;  // as in module.kind
  std::string path;
  std::optional<std::string> build_id;
  uint64_t frames = 0;   // distinct places that were hit
  uint64_t unnamed = 0;  // those without a name; never 0
  uint64_t time_ns = 0;  // of stacks with one of those, on a CPU or blocked
  NameGap gap = NameGap::kStripped;
};

struct NameGaps {
  std::vector<ProcessNames> processes;  // all with a user stack or a gap, the busiest first
  std::vector<ModuleNames> modules;     // those with unnamed frames, most of these first
};

// Of one capture. Error: the database cannot be read, or its ids are not those of `twofold load`.
Result<NameGaps> FindNameGaps(Database& database, int64_t capture_id);

}  // namespace twofold
