#include "analyzer/symbolize/symbolized_capture.h"

#include "analyzer/data/definitions_writer.h"
#include "analyzer/symbolize/stack_rewriter.h"
#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold {
namespace {

// Copies a capture's definitions into a builder: strings and modules first, which stacks need, then
// stacks as they are asked for, then what refers to stacks.
class Copier {
 public:
  Copier(const Capture& capture, const FoundPlaces& found)
      : capture_(capture), stacks_(capture, found, ids_, builder_) {
    CopyNames();
  }

  void Run() {
    StackUses uses(capture_);
    for (uint32_t i = 1; i <= capture_.definitions.stacks.size(); ++i) {
      if (uses.IsNamed(StackId(i))) stacks_.Rewrite(StackId(i));
    }
    CopyProcesses();
    CopyWakers();
  }

  Definitions TakeDefinitions() { return builder_.TakeNew(); }
  uint64_t left_out() const { return stacks_.left_out(); }

  Interval Copy(const Interval& interval) {
    Interval copy = interval;
    if (copy.cpu) {
      for (CpuRow& row : copy.cpu->rows) MapStacks(row);
    }
    if (copy.counters) {
      for (CounterRow& row : copy.counters->rows) MapStacks(row);
    }
    if (copy.blocked) {
      for (BlockedRow& row : *copy.blocked) MapStacksAndChain(row);
    }
    if (copy.waiting) {
      for (WaitingRow& row : *copy.waiting) MapStacks(row);
    }
    for (Exemplar& row : copy.exemplars) MapStacksAndChain(row);
    if (copy.allocations) {
      for (AllocationRow& row : *copy.allocations) MapStacks(row);
    }
    if (copy.outstanding) {
      for (OutstandingRow& row : *copy.outstanding) MapStacks(row);
    }
    if (copy.retransmits) {
      for (RetransmitRow& row : copy.retransmits->rows) {
        row.kernel_stack = stacks_.Rewrite(row.kernel_stack);
        row.local_address = String(row.local_address);
        row.remote_address = String(row.remote_address);
      }
    }
    if (copy.execs) {
      for (ExecRow& row : *copy.execs) {
        row.parent_name = String(row.parent_name);
        row.file = String(row.file);
        row.arguments = String(row.arguments);
      }
    }
    return copy;
  }

 private:
  void CopyNames() {
    const Definitions& all = capture_.definitions;
    ids_.strings.push_back(StringId());
    for (const std::string& text : all.strings) ids_.strings.push_back(builder_.InternString(text));
    ids_.modules.push_back(ModuleId());
    for (Module module : all.modules) {
      module.path = String(module.path);
      module.build_id = String(module.build_id);
      ids_.modules.push_back(builder_.InternModule(module));
    }
  }

  // Each process and thread is a new one, so their ids are as they were.
  void CopyProcesses() {
    const Definitions& all = capture_.definitions;
    for (Process process : all.processes) {
      process.name = String(process.name);
      process.executable = String(process.executable);
      process.cgroup = String(process.cgroup);
      builder_.AddProcess(process);
    }
    for (Thread thread : all.threads) {
      thread.name = String(thread.name);
      thread.cgroup = String(thread.cgroup);
      builder_.AddThread(thread);
    }
    for (const ProcessEnd& end : all.process_ends) builder_.AddProcessEnd(end);
  }

  void CopyWakers() {
    const Definitions& all = capture_.definitions;
    wakers_.push_back(WakerId());
    for (Waker waker : all.wakers) {
      MapStacks(waker);
      wakers_.push_back(builder_.InternWaker(waker));
    }
    chains_.push_back(ChainId());
    for (const Chain& chain : all.chains) {
      chains_.push_back(
          builder_.InternChain(chains_[chain.next.value], wakers_[chain.waker.value]));
    }
  }

  StringId String(StringId old) const { return ids_.strings[old.value]; }

  template <typename Row>
  void MapStacks(Row& row) {
    row.kernel_stack = stacks_.Rewrite(row.kernel_stack);
    row.user_stack = stacks_.Rewrite(row.user_stack);
  }

  template <typename Row>
  void MapStacksAndChain(Row& row) {
    MapStacks(row);
    row.chain = chains_[row.chain.value];
  }

  const Capture& capture_;
  DefinitionsBuilder builder_;
  NewIds ids_;
  StackRewriter stacks_;
  std::vector<WakerId> wakers_;  // by old id
  std::vector<ChainId> chains_;  // by old id
};

}  // namespace

Result<SymbolizedCounts> WriteSymbolized(const Capture& capture, const FoundPlaces& found,
                                         ByteSink& sink) {
  Copier copier(capture, found);
  copier.Run();
  CaptureWriter writer(sink);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(capture.recording));
  TWOFOLD_RETURN_IF_ERROR(WriteDefinitionsInParts(copier.TakeDefinitions(), writer));
  for (const Interval& interval : capture.intervals) {
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(copier.Copy(interval)));
  }
  if (capture.end) TWOFOLD_RETURN_IF_ERROR(writer.Finish(*capture.end));
  return SymbolizedCounts{copier.left_out()};
}

}  // namespace twofold
