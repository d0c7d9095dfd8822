// --record memleak: memory by allocating stack, and what of it is outstanding at the end. Either
// the kernel's, by tracepoints, or that of processes, by probes in their allocators.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bpf/abi/memory_abi.h"
#include "format/base/ids.h"
#include "format/base/result.h"
#include "recorder/cli/note.h"
#include "recorder/cli/options.h"
#include "recorder/names/name_reader.h"
#include "recorder/sources/memory/allocator_probes.h"
#include "recorder/sources/memory/memory_restraint.h"
#include "recorder/sources/source.h"
#include "recorder/tracer/bpf_link.h"
#include "recorder/tracer/cumulative_map.h"

namespace twofold {

struct MemoryOptions {
  bool of_kernel = false;            // the kernel's memory; false: that of the processes of -p
  uint64_t sample_bytes = 16 << 10;  // B (format/capture.h); unless given, 64 KiB for the kernel
  bool sample_bytes_given = false;
  double age_s = 0.5;  // memory that is younger counts as young
};

class MemorySource : public Source {
 public:
  // Both are borrowed and must outlive this.
  MemorySource(const Options& options, const Notes& notes);

  void DeclareOptions(OptionSet& table) override;
  const MemoryOptions& options() const { return own_; }
  Result<void> Probe() override;
  void Check(const KernelBtf* types, std::vector<Finding>& findings) const override;
  std::vector<MapNeed> Maps() const override;
  bool AsksForInterrupts() const override { return own_.of_kernel; }
  std::vector<bpf_program*> Programs(const twofold_bpf& skeleton) const override;
  void Prepare(twofold_bpf& skeleton, const MapSizes& sizes) override;
  Result<void> Open(Tracer& tracer) override;
  Result<void> Attach() override;
  void Detach() override;
  Result<void> Begin(NameReader& reader) override;
  Result<void> Read(const IntervalEnd& end) override;
  void Describe(Settings& settings) const override;
  void FollowMappings(Pid pid) override;
  void BuildRows(CaptureBuilder& builder, Interval& interval) override;
  Restraint::Spent Restrain(const Restraint::Spent& spent, uint64_t elapsed_ns,
                            uint32_t cpus) override;

 private:
  Result<void> CheckOptions(const Arguments& given);

  struct Added {
    twofold_allocation_key key;
    twofold_allocation_value value;
  };
  // Outstanding allocations of a row that are of one age (OutstandingRow).
  struct Outstanding {
    twofold_allocation_key key;
    uint8_t age = 0;
    uint64_t bytes = 0;
    uint64_t count = 0;
    uint64_t samples = 0;
    uint64_t variance_bytes2 = 0;
  };

  Result<void> ReadOutstanding(uint64_t boundary_ns);
  void BuildOutstanding(CaptureBuilder& builder, Interval& interval);
  void TellOfFilesWithoutNew();
  // Since the call before.
  MemoryRestraint::Spent TakeSpent();

  const Options& options_;
  const Notes& notes_;
  MemoryOptions own_;
  StackTraits stacks_;
  Tracer* tracer_ = nullptr;
  twofold_bpf* skeleton_ = nullptr;
  bool uprobe_sessions_ = false;             // HasUprobeSessions of uprobe_multi.h
  std::vector<BpfLink> links_;               // of the kernel's tracepoints
  std::unique_ptr<AllocatorProbes> probes_;  // of processes
  CumulativeMap<twofold_allocation_key, twofold_allocation_value> rows_;
  std::vector<Added> added_;                             // in the interval that was read last
  std::optional<std::vector<Outstanding>> outstanding_;  // with the last interval
  std::optional<MemoryRestraint> restraint_;
  MemoryRestraint::Spent spent_;  // until TakeSpent
  bool told_of_failure_ = false;
};

}  // namespace twofold
