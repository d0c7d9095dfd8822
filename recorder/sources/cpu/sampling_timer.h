// The timers that CPU samples come from, one on every CPU.
//
// A timer of the sampling frequency itself would beat with any workload whose period is a multiple
// of its own: all samples would hit the same moment of the workload. So the timers tick two to
// three times as often, with periods that are drawn anew at random about ten times a second, by a
// thread of its own: the recorder's other one may be busy with reading. The program at the ticks
// takes one sample for each period of the frequency, at a time that it draws at random
// (bpf/sources/cpu.bpf.h).
#pragma once

#include <bpf/libbpf.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "bpf/abi/cpu_abi.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

class SamplingTimer {
 public:
  SamplingTimer() = default;
  ~SamplingTimer() { Detach(); }
  SamplingTimer(const SamplingTimer&) = delete;
  SamplingTimer& operator=(const SamplingTimer&) = delete;

  // CPUs that there may ever be: entries of the map for Attach.
  static uint32_t Cpus();

  // Runs `program` at every tick on every CPU that is online. `samplings` is its loaded map, to
  // which the ticks' periods are written. `mean_period_ns` is between samples.
  Result<void> Attach(const bpf_program* program, const bpf_map* samplings,
                      uint64_t mean_period_ns);

  // From the next drawing on.
  void SetMeanPeriod(uint64_t period_ns) { mean_period_ns_ = period_ns; }

  // Harmless when called again, or without Attach.
  void Detach();

 private:
  void DrawPeriods();
  // Tells the program what the timer's period is from now on.
  void TellPeriod(uint32_t cpu, uint64_t period_ns);

  struct Timer {
    uint32_t cpu;
    int event;  // owned by the link
    bpf_link* link;
  };

  std::atomic<uint64_t> mean_period_ns_ = 0;
  twofold_sampling* samplings_ = nullptr;  // one for each CPU, shared with the program
  std::vector<Timer> timers_;
  UniqueFd stop_;  // an eventfd, readable when the thread shall end
  std::thread thread_;
};

}  // namespace twofold
