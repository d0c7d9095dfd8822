// --record cpu: on-CPU time by stack, by sampling.
#pragma once

#include <vector>

#include "bpf/abi/cpu_abi.h"
#include "recorder/cli/options.h"
#include "recorder/sources/cpu/sampling_timer.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

class CpuSource : public Source {
 public:
  // `options` are borrowed.
  explicit CpuSource(const Options& options);

  std::vector<MapNeed> Maps() const override;
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) override;
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override { timer_.Detach(); }
  Result<void> Read(const IntervalEnd& end) override;
  void Describe(Settings& settings) const override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  struct Added {
    twofold_cpu_key key;
    uint64_t samples;
  };

  uint64_t PeriodNs() const { return 1'000'000'000 / options_.frequency_hz; }  // between samples

  const Options& options_;
  twofold_bpf* skeleton_ = nullptr;
  SamplingTimer timer_;
  CumulativeMap<twofold_cpu_key, twofold_cpu_sums> rows_;
  std::vector<Added> added_;  // in the interval that was read last
};

}  // namespace twofold
