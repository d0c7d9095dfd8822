// On-CPU time by sampling, scaled to the exact time that the threads' accounts tell.
//
// A sample stands for one period, so a thread's sampled time is its CPU time only on average: a
// thread that ran for 4 ms has no sample, or one of 10 ms. Where accounts are there, each thread's
// samples share its exact time.
//
// One factor serves a thread's whole capture: exact time / sampled time. A factor for each interval
// would also add up, but few samples lie in one, and time of intervals without any would have no
// stack although the thread's other samples tell what it does. A part of the window is therefore
// an estimate, and the whole is exact.
#pragma once

#include <cstdint>
#include <vector>

#include "format/capture.h"

namespace twofold {

// samples x period, or UINT64_MAX where that does not fit.
uint64_t SampledTimeNs(const CpuRows& rows, const CpuRow& row);

class CpuScaling {
 public:
  explicit CpuScaling(const Capture& capture);

  // Time of every CPU row, interval by interval in the order of the capture. Rows of a thread in
  // intervals with accounts add up to its on_cpu_ns in them; rows without an account keep their
  // sampled time.
  const std::vector<uint64_t>& scaled_ns() const { return scaled_ns_; }

  // Whether no sample in an interval with accounts hit the thread: its exact time has no stack.
  bool IsUnsampled(ThreadId thread) const;

 private:
  struct ThreadTime {
    uint64_t exact_ns = 0;
    uint64_t sampled_ns = 0;
    bool has_account = false;
  };
  std::vector<ThreadTime> threads_;  // by thread id
  std::vector<uint64_t> scaled_ns_;
};

}  // namespace twofold
