// What recording takes from the host: run time of the programs, CPU time and memory of the recorder
// and its name reader. Starting up is told apart: all that was spent before the recording began,
// and later on what goes to the files of processes that were there before (StartupWork).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "format/capture.h"
#include "recorder/cost/restraint.h"
#include "recorder/names/name_reader.h"
#include "recorder/tracer/tracer.h"

namespace twofold {

class OwnCost {
 public:
  // Both are borrowed and must outlive this.
  OwnCost(Tracer& tracer, NameReader& reader) : tracer_(tracer), reader_(reader) {}

  // Since the last call, for the interval of a reading. The first time it has what starting up took
  // since the recorder's start.
  Cost TakeForInterval(const Reading& reading);

  // All intervals together; memory as it was at its most.
  const Cost& total() const { return total_; }

  // Since the last call, or since BeginRecording; how long that was goes to `elapsed_ns`.
  Restraint::Spent TakeForJudgement(uint64_t now_ns, uint64_t& elapsed_ns);

  // Loading and starting is over. Times are CLOCK_MONOTONIC.
  void BeginRecording(uint64_t now_ns);
  uint64_t stretch_start_ns() const { return stretch_start_ns_; }

 private:
  struct Own {
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;
    uint64_t startup_work_ns = 0;  // a part of these
    uint64_t peak_resident_bytes = 0;
    uint64_t RecordingNs() const {
      return std::max(user_ns + system_ns, startup_work_ns) - startup_work_ns;
    }
  };
  Own ReadOwn();
  void BeginStretch(uint64_t now_ns);

  Tracer& tracer_;
  NameReader& reader_;
  Own in_intervals_;
  uint64_t startup_ns_ = 0;  // that no interval has told of
  Cost total_;
  uint64_t stretch_start_ns_ = 0;
  RunTimeMeter::Total programs_before_;  // until the stretch
  uint64_t own_ns_before_ = 0;
};

}  // namespace twofold
