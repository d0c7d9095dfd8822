// On-CPU time by sampling, scaled to the exact time that the threads' accounts tell.
//
// A sample stands for one period, so a thread's sampled time is its CPU time only on average: a
// thread that ran for 4 ms has no sample, or one of 10 ms. Where accounts are there, the samples of
// each pool of threads (pools.h) share the pool's exact time: one factor, exact time / sampled
// time, for all its rows.
//
// A thread's rows and its account may lie in neighbouring intervals: a thread that ends is drained
// from both at its own time. So they are matched over the whole capture, by thread: a thread with
// an account anywhere never has its rows added to it.
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

  // Time of every CPU row, interval by interval in the order of the capture. Rows of a pool in
  // intervals with accounts add up to its threads' on_cpu_ns in them; rows of threads without an
  // account keep their sampled time.
  const std::vector<uint64_t>& scaled_ns() const { return scaled_ns_; }

  // Whether no sample in an interval with accounts hit the thread or any other of its pool: its
  // exact time has no stack.
  bool IsUnsampled(ThreadId thread) const;

 private:
  std::vector<uint64_t> scaled_ns_;
  std::vector<bool> is_unsampled_;  // by thread id
};

}  // namespace twofold
