// The CPUs' counters of cycles and instructions: on each CPU both as one group, so that they always
// count at the same time. They count everything; a BPF program that is attached to each is run
// where it has counted its period, and looks at what runs then.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <vector>

#include "format/base/result.h"
#include "format/capture.h"

namespace twofold {

// How many cycles lie between samples so that a busy CPU is sampled about `frequency_hz` times a
// second: measured, in a few milliseconds. Error: a few words on why there are no counters.
Result<uint64_t> CyclesPerSample(uint32_t frequency_hz);

class HardwareCounters {
 public:
  HardwareCounters() = default;
  ~HardwareCounters() { Detach(); }
  HardwareCounters(const HardwareCounters&) = delete;
  HardwareCounters& operator=(const HardwareCounters&) = delete;

  // Counts on every CPU from now on; the programs are run once in `period` events of their kind.
  // Error: a CPU has no such counters; nothing is attached then.
  Result<void> Attach(const bpf_program* of_cycles, const bpf_program* of_instructions,
                      uint64_t period);

  // What was counted since the call before. An event that cannot be read counts nothing meanwhile,
  // and makes up for it with the next call.
  struct Counted {
    CounterTotal cycles;
    CounterTotal instructions;
  };
  Counted TakeDifferences();

  void Detach();

 private:
  struct Event {
    bpf_link* link = nullptr;
    int fd = -1;  // the link's own
    bool of_cycles = false;
    CounterTotal before;
  };
  Result<void> AttachOn(int cpu, const bpf_program* of_cycles, const bpf_program* of_instructions,
                        uint64_t period);

  std::vector<Event> events_;
};

}  // namespace twofold
