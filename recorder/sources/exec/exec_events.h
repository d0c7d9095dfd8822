// Executed programs that the BPF programs tell of one by one, until the reading of the interval
// that they belong to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "format/capture.h"

namespace twofold {

// A program that was executed, or could not be.
struct ExecReading {
  uint32_t thread = 0;   // number in the thread table
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  uint16_t error = 0;    // errno; 0: it succeeded
  uint32_t parent_tgid = 0;
  std::string parent_name;  // as the kernel has it, like the following: any bytes
  std::string file;
  std::string arguments;  // each with a byte 0 behind it
  bool arguments_cut = false;
};

class ExecEvents {
 public:
  // Takes an event out of the buffer that the programs share with the recorder, if it is one of
  // these.
  void Add(const void* event, size_t bytes);

  // The events before a time (CLOCK_MONOTONIC), in order of time; later ones stay for the next
  // interval. Appends what found no room here.
  std::vector<ExecReading> Take(uint64_t before_ns, std::vector<Loss>& losses);

 private:
  // What an interval's events may take, so that a fork bomb with long arguments does not make the
  // recorder large.
  static constexpr size_t kMostBytes = 8 << 20;

  std::vector<ExecReading> execs_;
  size_t bytes_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace twofold
