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
    ForEachRow(copy, [&](auto& row) { GiveNewIds(row); });
    return copy;
  }

 private:
  void CopyNames() {
    const Definitions& all = capture_.definitions;
    ids_.strings.push_back(StringId());
    for (const std::string& text : all.strings) ids_.strings.push_back(builder_.InternString(text));
    ids_.modules.push_back(ModuleId());
    for (Module module : all.modules) {
      module.path = New(module.path);
      module.build_id = New(module.build_id);
      ids_.modules.push_back(builder_.InternModule(module));
    }
  }

  // Each process and thread is a new one, so their ids are as they were.
  void CopyProcesses() {
    const Definitions& all = capture_.definitions;
    for (Process process : all.processes) {
      process.name = New(process.name);
      process.executable = New(process.executable);
      process.cgroup = New(process.cgroup);
      builder_.AddProcess(process);
    }
    for (Thread thread : all.threads) {
      thread.name = New(thread.name);
      thread.cgroup = New(thread.cgroup);
      builder_.AddThread(thread);
    }
    for (const ProcessEnd& end : all.process_ends) builder_.AddProcessEnd(end);
  }

  void CopyWakers() {
    const Definitions& all = capture_.definitions;
    wakers_.push_back(WakerId());
    for (Waker waker : all.wakers) {
      GiveNewIds(waker);
      wakers_.push_back(builder_.InternWaker(waker));
    }
    chains_.push_back(ChainId());
    for (const Chain& chain : all.chains) {
      chains_.push_back(
          builder_.InternChain(chains_[chain.next.value], wakers_[chain.waker.value]));
    }
  }

  template <typename Row>
  void GiveNewIds(Row& row) {
    ForEachReference(row, [&](auto& id) { id = New(id); });
  }

  StringId New(StringId old) const { return ids_.strings[old.value]; }
  StackId New(StackId old) { return stacks_.Rewrite(old); }
  ChainId New(ChainId old) const { return chains_[old.value]; }
  static ThreadId New(ThreadId old) { return old; }

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
