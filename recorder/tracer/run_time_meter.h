// How long the BPF programs run, measured in slices.
//
// The kernel counts their run time only while somebody asks for it, and reads its clock twice for
// every run then: a good part of what a short program costs. So it is asked for a twentieth of the
// time, in slices that begin at random moments, and what they tell is taken for the time around
// them. What changes within a fraction of a second is told late, never twice.
//
// Passes over all tasks run in the recorder's own context: their time is part of its CPU time.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "format/base/result.h"
#include "format/base/unique_fd.h"
#include "recorder/tracer/program_runs.h"

namespace twofold {

class RunTimeMeter {
 public:
  // Estimates since Start.
  struct Total {
    double scheduler_ns = 0;  // of the programs at switches and wake-ups
    double all_ns = 0;
    double runs = 0;
    uint64_t measured_ns = 0;  // how long the kernel counted
  };

  // `programs`: all, borrowed; `scheduler`: those of them at switches and wake-ups.
  RunTimeMeter(std::vector<const bpf_program*> programs, std::vector<const bpf_program*> scheduler);

  // The first slice begins. Times are CLOCK_MONOTONIC. Error: the kernel does not count run time.
  Result<void> Start(uint64_t now_ns);
  // When a slice begins or ends next: Turn is to be called then, or a little later.
  uint64_t next_ns() const { return next_ns_; }
  // Begins or ends a slice if it is time to.
  void Turn(uint64_t now_ns);

  Total Read(uint64_t now_ns);

 private:
  struct Runs {
    ProgramRuns scheduler;
    ProgramRuns all;
  };
  std::optional<Runs> ReadRuns() const;
  void MeasureSlice(uint64_t now_ns);
  void Advance(uint64_t now_ns);

  const std::vector<const bpf_program*> programs_;
  const std::vector<const bpf_program*> scheduler_;
  std::minstd_rand random_;
  UniqueFd counting_;  // while it is open the kernel counts
  uint64_t next_ns_ = 0;
  uint64_t slice_start_ns_ = 0;
  Runs at_slice_start_;
  // By the latest slice, as parts of a second.
  double scheduler_rate_ = 0;
  double all_rate_ = 0;
  double runs_per_ns_ = 0;
  uint64_t advanced_ns_ = 0;
  Total total_;
};

}  // namespace twofold
