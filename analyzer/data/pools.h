// Which threads' estimates are scaled together.
//
// Samples tell a thread's time right on average, its account tells it exactly; scaled are what
// samples say, so that they add up to what accounts say. The factor is exact time / sampled time,
// of how many threads together is the question here.
//
// The expected value. A thread with the exact time e is sampled once in T on average, so n = e / T
// samples are expected of it. Let a function have the part p of the time of a pool of threads with
// E exact time in all. Of N samples in the pool, N p are of the function on average, whatever N is,
// and each stands for E / N after scaling: the function's expected time is p E, which is the truth,
// if any sample was taken; without one it is 0. So the expected value is p E (1 - P(N = 0)), and
// P(N = 0) is e^-n for samples by chance: with n = 16 it is 1e-7, with n = 0.2 it is 0.8. Threads
// scaled one by one lose four fifths of all time in threads of 2 ms at 10 ms a sample: those
// that were hit get 2 ms instead of 10, and those that were missed have no stack.
//
// Therefore a pool is as small as it can be with 16 samples expected:
//   1. one thread;
//   2. threads of one name and image (the executable, or the process's name where it is not known),
//      of those that are not enough for themselves;
//   3. threads of one image, of those that are left;
//   4. all that are left, whatever is expected of them.
// What decides is the exact time, never whether a sample hit: a choice by the outcome would bias
// it (a thread that was hit once would count as sampled well enough). A pool's total is exact, and
// so is that of each thread which is a pool by itself; within a larger pool a thread's own total is
// an estimate, and only where nothing of the whole pool was sampled is there time without a stack.
// Of the last pool fewer than 16 samples may be expected; with n of them the part e^-n of its time
// is without a stack on average.
//
// A pool's intervals are all of the capture: in one of them there are too few samples of most
// threads. So a part of the window is an estimate, and the whole is exact.
#pragma once

#include <cstdint>
#include <vector>

#include "format/capture.h"

namespace twofold {

// Samples that must be expected of a pool.
constexpr double kEnoughSamples = 16;

// What samples estimate of one thread.
struct PoolMember {
  ThreadId thread;
  uint8_t kind = 0;  // members of different kinds share no pool; below 16
  double expected_samples = 0;
  bool is_alone = false;  // it shares no pool, whatever is expected of it
};

struct Pools {
  std::vector<uint32_t> of_member;  // pool of each member
  uint32_t count = 0;
};

Pools FormPools(const Definitions& definitions, const std::vector<PoolMember>& members);

}  // namespace twofold
