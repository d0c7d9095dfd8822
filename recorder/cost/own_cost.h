// What recording takes from the host: run time of the programs, CPU time and memory of the recorder
// and its name reader.
#pragma once

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

  // Since the last call, for the interval of a reading; from the recorder's start the first time.
  Cost TakeForInterval(const Reading& reading);

  // All intervals together; memory as it was at its most.
  const Cost& total() const { return total_; }

  // Since the last call, or since BeginStretch; how long that was goes to `elapsed_ns`.
  Restraint::Spent TakeForJudgement(uint64_t now_ns, uint64_t& elapsed_ns);

  // Loading and starting is over: it is not what recording costs. Times are CLOCK_MONOTONIC.
  void BeginStretch(uint64_t now_ns);
  uint64_t stretch_start_ns() const { return stretch_start_ns_; }

 private:
  struct Own {
    uint64_t user_ns = 0;
    uint64_t system_ns = 0;
    uint64_t peak_resident_bytes = 0;
  };
  Own ReadOwn();

  Tracer& tracer_;
  NameReader& reader_;
  Own in_intervals_;
  Cost total_;
  uint64_t stretch_start_ns_ = 0;
  RunTimeMeter::Total programs_before_;  // until the stretch
  uint64_t own_ns_before_ = 0;
};

}  // namespace twofold
