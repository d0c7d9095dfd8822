// The words that a recording ends with.
#pragma once

#include <cstdint>
#include <string>

#include "format/capture.h"
#include "recorder/cli/options.h"

namespace twofold {

struct Summary {
  double seconds = 0;
  size_t processes = 0;
  uint64_t stacks = 0;
  uint64_t file_bytes = 0;
  std::string path;
  Cost cost;
  // Hundredths of a per cent of the host's CPU time in the stretch that was too much; 0: it did not
  // end for that.
  double stopped_at_permyriad = 0;
  uint64_t losses = 0;
};

// Why the recording ended before its time, a line with a newline; empty: it did not.
std::string StoppedEarlyText(const Summary& summary, const Options& options);

// Several lines, each with a newline.
std::string SummaryText(const Summary& summary, const Options& options);

}  // namespace twofold
