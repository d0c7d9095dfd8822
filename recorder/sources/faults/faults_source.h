// --record faults: page faults by stack, minor and major ones apart, of user mode and of the
// kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/abi/faults_abi.h"
#include "recorder/cli/options.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

class FaultsSource : public Source {
 public:
  // `options` are borrowed.
  explicit FaultsSource(const Options& options);

  void DeclareOptions(OptionSet& table) override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf&, const MapSizes&) override {}
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override { links_.clear(); }
  Result<void> Read(const IntervalEnd& end) override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

  // --faults-period; 0: it follows the faults.
  uint32_t period() const { return period_; }

 private:
  struct Added {
    twofold_fault_key key;
    twofold_fault_value value;
  };

  // Samples faults of a kind (PERF_COUNT_SW_...) on a CPU, if that is online.
  Result<void> AttachOn(int cpu, uint64_t event, const bpf_program* program);

  const Options& options_;
  uint32_t period_ = 0;
  twofold_bpf* skeleton_ = nullptr;
  std::vector<BpfLink> links_;
  CumulativeMap<twofold_fault_key, twofold_fault_sums> rows_;
  std::vector<Added> added_;  // in the interval that was read last
};

}  // namespace twofold
