// Time off the CPU by stack, scaled to the exact time that the threads' accounts tell.
//
// A row's time is measured, but for its part sampled_ns, which stands for short blocks that were
// chosen by chance: right only on average. The account of a thread tells how long it was in each
// state, exactly. What accounts tell beyond the measured time is the time S in short blocks, and
// what the sampled parts must add up to: in each pool of threads (pools.h; a thread's states are
// kinds, and S / T samples are expected of it), one factor brings them there. Rows and accounts are
// matched over the whole capture, by thread and state, because a thread that ends may be drained
// from both in different intervals: a thread with an account anywhere never has its rows added to
// it.
//
// The error. Of a block of the length d < T the estimate has the variance d (T - d), so T S in all
// is the limit for many short ones, and T p S for a row with the part p of S. After scaling to the
// known S the row's estimate is S k / N, with k of the pool's N samples: its variance is
// T S p (1 - p), estimated by w x (1 - x / S), where x is the row's scaled time and w = S / N what
// one sample stands for. Variances of rows add up (that is no less than the variance of their sum,
// whose p is larger). But a row of which nothing was kept has x = 0 and is no more certain for it:
// with k samples, k + 2 is a variance that covers the truth in 92 to 95 of 100 intervals for every
// expected k, 0 included. So a sum's squared error is the sum of the variances and 2 w^2, once,
// with the largest w of its rows. w is never more than S: nothing can be wrong by more.
//
// Counts of blocks have errors, too: counts_by_chance.h.
//
// What chance does not explain has another reason and never becomes time of a stack that happened
// to be sampled: a pool of which nothing was sampled, rows that were lost, blocks that --min-block
// and --max-block leave out. It is kept beside the rows, as unplaced time. Differences of a
// thousandth are those of reading clocks a moment apart; where nothing was sampled, the measured
// rows take them.
//
// So the scaled rows and the unplaced time of a pool add up to its accounts, to the nanosecond,
// unless more was measured of a thread than its account tells: then what was measured stays.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "format/capture.h"

namespace twofold {

// Time of a thread that its account tells and that no row stands for.
struct UnplacedTime {
  uint32_t interval = 0;  // index
  ThreadId thread;
  BlockState state = BlockState::kOther;  // of blocked time
  bool waiting = false;                   // for a CPU
  bool preempted = false;                 // of waiting time
  bool is_short = false;                  // chance explains why nothing was sampled
  uint64_t time_ns = 0;
  uint64_t error_ns = 0;  // standard error of an estimate of it that none was chosen for
};

// A blocked or waiting row after scaling.
struct ScaledRow {
  uint64_t time_ns = 0;
  uint64_t variance_us2 = 0;    // of time_ns; those of several rows add up
  uint64_t sample_ns = 0;       // w: what one sample stands for; 0: nothing is left to chance
  uint64_t count_variance = 0;  // of the row's count; those of several rows add up
  uint64_t sample_count = 0;    // v (counts_by_chance.h); 0: nothing is left to chance
};

// The standard error of a row alone: of its variance, and what few or no samples leave open.
uint64_t StandardErrorNs(const ScaledRow& row);

class OffCpuScaling {
 public:
  explicit OffCpuScaling(const Capture& capture);

  // Every blocked and waiting row, interval by interval in the order of the capture.
  const std::vector<ScaledRow>& blocked() const { return blocked_; }
  const std::vector<ScaledRow>& waiting() const { return waiting_; }

  const std::vector<UnplacedTime>& unplaced() const { return unplaced_; }

  // The special frame that unplaced time is shown under.
  std::string_view FrameOf(const UnplacedTime& unplaced) const;

 private:
  std::vector<ScaledRow> blocked_;
  std::vector<ScaledRow> waiting_;
  std::vector<UnplacedTime> unplaced_;
  std::string lost_frame_;
  bool leaves_blocks_out_ = false;
};

// Whether a loss left time in no row of blocked or waiting time, so that only accounts have it.
bool LeavesNoRow(LossCause cause);

}  // namespace twofold
