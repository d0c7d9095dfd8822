#include "analyzer/symbolize/symbolized_capture.h"

#include "analyzer/symbolize/stack_rewriter.h"
#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold {
namespace {

// One block of definitions; a block may have 256 MiB.
constexpr size_t kMaxBlockBytes = 32 << 20;
constexpr size_t kBytesOfRow = 64;  // no row takes more, strings aside

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
    if (copy.blocked) {
      for (BlockedRow& row : *copy.blocked) MapStacksAndChain(row);
    }
    if (copy.waiting) {
      for (WaitingRow& row : *copy.waiting) MapStacks(row);
    }
    for (Exemplar& row : copy.exemplars) MapStacksAndChain(row);
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

// Writes definitions in as many blocks as it takes, each kind behind those that it refers to.
class DefinitionsSplitter {
 public:
  explicit DefinitionsSplitter(CaptureWriter& writer) : writer_(writer) {}

  Result<void> Write(Definitions all) {
    TWOFOLD_RETURN_IF_ERROR(Move(all.strings, &Definitions::strings));
    TWOFOLD_RETURN_IF_ERROR(Move(all.modules, &Definitions::modules));
    TWOFOLD_RETURN_IF_ERROR(Move(all.frames, &Definitions::frames));
    TWOFOLD_RETURN_IF_ERROR(Move(all.stacks, &Definitions::stacks));
    TWOFOLD_RETURN_IF_ERROR(Move(all.processes, &Definitions::processes));
    TWOFOLD_RETURN_IF_ERROR(Move(all.threads, &Definitions::threads));
    TWOFOLD_RETURN_IF_ERROR(Move(all.process_ends, &Definitions::process_ends));
    TWOFOLD_RETURN_IF_ERROR(Move(all.wakers, &Definitions::wakers));
    TWOFOLD_RETURN_IF_ERROR(Move(all.chains, &Definitions::chains));
    return WritePart();
  }

 private:
  template <typename Row>
  Result<void> Move(std::vector<Row>& rows, std::vector<Row> Definitions::*kind) {
    for (Row& row : rows) {
      part_bytes_ += kBytesOfRow;
      if constexpr (std::is_same_v<Row, std::string>) part_bytes_ += row.size();
      (part_.*kind).push_back(std::move(row));
      if (part_bytes_ >= kMaxBlockBytes) TWOFOLD_RETURN_IF_ERROR(WritePart());
    }
    rows = {};
    return {};
  }

  Result<void> WritePart() {
    TWOFOLD_RETURN_IF_ERROR(writer_.WriteDefinitions(part_));
    part_ = {};
    part_bytes_ = 0;
    return {};
  }

  CaptureWriter& writer_;
  Definitions part_;
  size_t part_bytes_ = 0;
};

}  // namespace

Result<SymbolizedCounts> WriteSymbolized(const Capture& capture, const FoundPlaces& found,
                                         ByteSink& sink) {
  Copier copier(capture, found);
  copier.Run();
  CaptureWriter writer(sink);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(capture.recording));
  TWOFOLD_RETURN_IF_ERROR(DefinitionsSplitter(writer).Write(copier.TakeDefinitions()));
  for (const Interval& interval : capture.intervals) {
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(copier.Copy(interval)));
  }
  if (capture.end) TWOFOLD_RETURN_IF_ERROR(writer.Finish(*capture.end));
  return SymbolizedCounts{copier.left_out()};
}

}  // namespace twofold
