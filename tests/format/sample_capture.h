// Captures with everything in them, the same on every run, for the tests of writer and reader.
#pragma once

#include <string>

#include "format/capture.h"

namespace twofold::testing {

struct SampleSize {
  uint32_t intervals = 2;
  uint32_t stacks_per_interval = 6;  // new ones; every row has a stack of its own
  uint32_t frames_per_stack = 5;
};

// What ReadCapture must give for WriteSample of the same size, and the bytes of that capture.
struct Sample {
  Capture expected;
  std::string bytes;
};

Recording SampleRecording();
Sample MakeSample(const SampleSize& size = {});

// Writes a capture interval by interval: `fresh_per_interval[i]` before interval i.
std::string WriteCapture(const Recording& recording,
                         const std::vector<Definitions>& fresh_per_interval,
                         const std::vector<Interval>& intervals, const End& end);

}  // namespace twofold::testing
