// Time off the CPU by stack, scaled to the exact time that the threads' accounts tell.
//
// A row's time is measured, but for its part sampled_ns, which stands for short blocks that were
// chosen by chance: right only on average. The account of a thread tells how long it was in each
// state, exactly. So for each thread and state, over all intervals with an account, what the
// account tells beyond the measured time is what the sampled parts must add up to, and one factor
// brings them there.
//
// What chance does not explain has another reason and never becomes time of a stack that happened
// to be sampled: a thread and state of which nothing was sampled, rows that were lost, blocks that
// --min-block and --max-block leave out. It is kept beside the rows, as unplaced time. Differences
// of a thousandth are those of reading clocks a moment apart; the rows take them.
//
// So the scaled rows and the unplaced time of a thread and state add up to its account, to the
// nanosecond, unless more was measured than the account tells: then what was measured stays.
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
};

class OffCpuScaling {
 public:
  explicit OffCpuScaling(const Capture& capture);

  // Time of every blocked and waiting row, interval by interval in the order of the capture.
  const std::vector<uint64_t>& blocked_ns() const { return blocked_ns_; }
  const std::vector<uint64_t>& waiting_ns() const { return waiting_ns_; }

  const std::vector<UnplacedTime>& unplaced() const { return unplaced_; }

  // The special frame that unplaced time is shown under.
  std::string_view FrameOf(const UnplacedTime& unplaced) const;

 private:
  std::vector<uint64_t> blocked_ns_;
  std::vector<uint64_t> waiting_ns_;
  std::vector<UnplacedTime> unplaced_;
  std::string lost_frame_;
  bool leaves_blocks_out_ = false;
};

// Whether a loss left time in no row of blocked or waiting time, so that only accounts have it.
bool LeavesNoRow(LossCause cause);

}  // namespace twofold
