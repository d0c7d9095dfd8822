// What each CPU did between two moments, from /proc/stat.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "format/capture.h"

namespace twofold {

// Counters since the host's start, by CPU; lines and fields that are not of that form are left out.
// Fields that an old kernel does not have are 0.
std::map<uint32_t, CpuTime> ParseProcStatCpus(std::string_view text, uint64_t ticks_per_second);

class CpuTimes {
 public:
  // What was added since the call before, by CPU, ascending. Only CPUs that both readings have: one
  // that was offline at either is left out, and so is everything the first time. Counters that went
  // backwards, which those of idle CPUs may do, count nothing until they are past where they were.
  std::vector<CpuTime> TakeDifferences(std::string_view proc_stat, uint64_t ticks_per_second);

  // The same from this host's /proc/stat; nullopt where it cannot be read.
  std::optional<std::vector<CpuTime>> TakeDifferences();

 private:
  std::map<uint32_t, CpuTime> before_;
};

}  // namespace twofold
