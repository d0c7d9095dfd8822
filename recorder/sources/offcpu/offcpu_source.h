// --record offcpu: blocked and waiting time by stack and by what ended it, and the longest single
// blocks and waits.
#pragma once

#include <optional>
#include <vector>

#include "bpf/abi/offcpu_abi.h"
#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/host/direct_map.h"
#include "recorder/sources/offcpu/waker_definitions.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

struct OffCpuOptions {
  uint32_t wakers = 1;        // longest chain of wakers; 0: none
  uint64_t min_block_us = 0;  // shorter blocks get no row
  uint64_t max_block_us = 0;  // longer blocks get no row; 0: no limit
};

class OffCpuSource : public Source {
 public:
  // Both are borrowed and must outlive this.
  OffCpuSource(const Options& options, const Notes& notes);

  void DeclareOptions(OptionSet& table) override;
  const OffCpuOptions& options() const { return own_; }
  bool NeedsStates() const override { return true; }
  Result<void> Probe() override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  bool AsksForInterrupts() const override { return own_.wakers > 0; }
  // Its blocks are told by the tracer's own programs, which follow the threads' states.
  std::vector<bpf_program*> Programs(const twofold_bpf&) const override { return {}; }
  void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) override;
  Result<void> Open(Tracer& tracer) override;
  Result<void> Read(const IntervalEnd& end) override;
  void OnRetired(twofold_map_set set, int fd) override;
  void Describe(Settings& settings) const override;
  void SetQuantum(uint64_t quantum_ns) override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;

 private:
  struct Added {
    twofold_offcpu_key key;
    twofold_offcpu_value value;
  };
  // One of the longest blocks or waits.
  struct Longest {
    twofold_exemplar exemplar;
    uint32_t kind = 0;  // twofold_exemplar_kind
    uint32_t cpu = 0;
  };

  Result<void> ReadLargestQuantum(const IntervalEnd& end);
  Result<void> ReadLongest(size_t sum);
  void BuildBlocks(CaptureBuilder& builder, Interval& interval);
  Exemplar BuildExemplar(CaptureBuilder& builder, const Longest& longest);

  const Options& options_;
  const Notes& notes_;
  OffCpuOptions own_;
  // Through which user stacks are walked after their block was chosen; nullopt: they are taken
  // where each block begins.
  std::optional<DirectMap> direct_map_;
  twofold_bpf* skeleton_ = nullptr;
  CumulativeMap<twofold_offcpu_key, twofold_offcpu_sums> rows_;
  std::optional<WakerDefinitions> wakers_;
  uint64_t largest_quantum_ns_ = 0;  // since the last reading
  // Of the interval that was read last.
  uint64_t interval_quantum_ns_ = 0;
  std::vector<Added> added_;
  std::vector<Longest> longest_;          // of all CPUs, at most 16 of a kind, the longest first
  std::vector<uint64_t> retired_wakers_;  // keys that threads may still carry, of maps that go away
};

}  // namespace twofold
