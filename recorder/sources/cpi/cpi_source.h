// --record cpi: cycles and instructions by stack, from the CPUs' counters.
#pragma once

#include <vector>

#include "bpf/abi/cpi_abi.h"
#include "recorder/cli/options.h"
#include "recorder/host/hardware_counters.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

class CpiSource : public Source {
 public:
  // `options` are borrowed.
  explicit CpiSource(const Options& options);

  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf&, const MapSizes&) override {}
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override { counters_.Detach(); }
  void EndLast() override { counted_ = counters_.TakeDifferences(); }
  Result<void> Read(const IntervalEnd& end) override;
  void Describe(Settings& settings) const override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  struct Added {
    twofold_cpu_key key;
    twofold_cpi_value value;
  };

  const Options& options_;
  twofold_bpf* skeleton_ = nullptr;
  HardwareCounters counters_;
  HardwareCounters::Counted counted_;  // in the interval that ended last
  CumulativeMap<twofold_cpu_key, twofold_cpi_sums> rows_;
  std::vector<Added> added_;  // in the interval that was read last
};

}  // namespace twofold
