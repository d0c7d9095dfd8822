// --record cpu: on-CPU time by stack, by sampling.
#pragma once

#include <array>
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
  std::vector<Lever> Levers() const override;
  void SetDetail(DetailKind detail, uint64_t value) override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  struct Added {
    twofold_cpu_key key;
    uint64_t samples;
  };

  // Gives intervals that use the sum the period that is wanted.
  void SetPeriodOf(size_t sum);

  const Options& options_;
  twofold_bpf* skeleton_ = nullptr;
  SamplingTimer timer_;
  CumulativeMap<twofold_cpu_key, twofold_cpu_sums> rows_;
  uint64_t period_ns_ = 0;  // between samples: from the next interval on, if it was changed
  size_t sum_ = 0;          // that the present interval uses
  std::array<uint64_t, TWOFOLD_SUMS> period_of_ns_ = {};  // of intervals that use the sum
  // Of the interval that was read last.
  uint64_t interval_period_ns_ = 0;
  std::vector<Added> added_;
};

}  // namespace twofold
