// --record irq: time in hard and soft interrupts by CPU, number and handler, of the whole host; and
// how much of the on-CPU time of the threads in scope they took.
#pragma once

#include <vector>

#include "bpf/abi/irq_abi.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

class IrqSource : public Source {
 public:
  IrqSource();

  Result<void> Probe() override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf&, const MapSizes&) override {}
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override;
  Result<void> Read(const IntervalEnd& end) override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  struct Added {
    twofold_irq_key key;
    twofold_irq_value value;
  };

  twofold_bpf* skeleton_ = nullptr;
  std::vector<BpfLink> links_;
  CumulativeMap<twofold_irq_key, twofold_irq_sums> rows_;
  std::vector<Added> added_;        // in the interval that was read last
  uint64_t interval_start_ns_ = 0;  // as the programs know it: the boundary before; 0: none
};

}  // namespace twofold
