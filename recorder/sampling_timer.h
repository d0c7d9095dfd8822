// The timers that CPU samples come from, one on every CPU.
//
// A timer of the sampling frequency itself would beat with any workload whose period is a multiple
// of its own: all samples would hit the same moment of the workload. So the timers tick two to
// three times as often, with periods that are drawn anew at random about ten times a second, by a
// thread of its own: the recorder's other one may be busy with reading. The program at the ticks
// takes one sample for each period of the frequency, at a time that it draws at random
// (bpf/sampler.bpf.h).
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "format/base/result.h"
#include "recorder/unique_fd.h"

namespace twofold {

class SamplingTimer {
 public:
  SamplingTimer() = default;
  ~SamplingTimer() { Detach(); }
  SamplingTimer(const SamplingTimer&) = delete;
  SamplingTimer& operator=(const SamplingTimer&) = delete;

  // Runs `program` at every tick on every CPU that is online. `mean_period_ns` is between samples.
  Result<void> Attach(const bpf_program* program, uint64_t mean_period_ns);

  // Harmless when called again, or without Attach.
  void Detach();

 private:
  void DrawPeriods();

  uint64_t mean_period_ns_ = 0;
  std::vector<bpf_link*> links_;
  std::vector<int> events_;  // owned by the links
  UniqueFd stop_;            // an eventfd, readable when the thread shall end
  std::thread thread_;
};

}  // namespace twofold
