// The words that a recording ends with.
#pragma once

#include <cstdint>
#include <string>

#include "format/capture.h"
#include "recorder/cli/options.h"

namespace twofold {

// What became of --max-overhead.
struct LimitSummary {
  size_t steps = 0;             // in which detail was given up
  size_t steps_taken_back = 0;  // in which it came back
  // Hundredths of a per cent of the host's CPU time that recording took with nothing left to give
  // up, at most; 0: the limit was kept.
  uint32_t missed_at_permyriad = 0;
  bool stopped = false;  // the recording ended for that
};

struct Summary {
  double seconds = 0;
  uint32_t cpus = 1;  // of the host
  size_t processes = 0;
  uint64_t stacks = 0;
  uint64_t file_bytes = 0;
  std::string path;
  Cost cost;
  LimitSummary limit;
  uint64_t latest_ns = 0;  // how late an interval was read, at most
  uint64_t losses = 0;
};

// Why the recording ended otherwise than it was asked to, a line with a newline; empty: it did not.
std::string StoppedEarlyText(const Summary& summary, const Options& options);

// Several lines, each with a newline.
std::string SummaryText(const Summary& summary, const Options& options);

}  // namespace twofold
