#include "format/placeholders.h"

#include <algorithm>

namespace twofold {
namespace {

constexpr char kDamaged[] = "[damaged]";

template <typename T>
void FillGap(std::vector<T>& definitions, uint32_t after, uint32_t last, const T& placeholder) {
  std::fill(definitions.begin() + after, definitions.begin() + last, placeholder);
}

}  // namespace

MaybeFault Placeholders::FillUpTo(const DefinitionCounts& last, bool exactly, MemoryBudget& budget,
                                  Definitions& definitions, Progress& progress) {
  const DefinitionCounts& defined = progress.defined;
  DefinitionCounts wanted;
  ForEachDefinitionKind([&](const auto& kind) {
    wanted.*kind.count = std::max(defined.*kind.count, last.*kind.count);
  });
  if (exactly && wanted != last) return Fault{"it defines ids for a second time"};
  if (wanted == defined) return std::nullopt;
  if (!allowed_) return Fault{"it refers to ids that are not defined", true};
  bool affordable = true;
  ForEachDefinitionKind(
      [&]<typename Identifier, typename T>(const DefinitionKind<Identifier, T>& kind) {
        const uint32_t from = defined.*kind.count;
        const uint32_t to = wanted.*kind.count;
        affordable =
            affordable && to != UINT32_MAX && budget.Take(to - from, sizeof(T) + kind.more_bytes);
      });
  if (!affordable) return Fault{"it refers to ids far beyond those that are defined"};
  gaps_.push_back({defined, wanted});
  ForEachDefinitionKind(
      [&](const auto& kind) { (definitions.*kind.definitions).resize(wanted.*kind.count); });
  progress.stack_frames.resize(wanted.stacks, 1);
  progress.chain_wakers.resize(wanted.chains, 1);
  progress.defined = wanted;
  return std::nullopt;
}

void Placeholders::Resolve(Definitions& definitions) const {
  if (gaps_.empty()) return;
  definitions.strings.emplace_back(kDamaged);
  StringId text(uint32_t(definitions.strings.size()));
  Module module;
  module.kind = ModuleKind::kSpecial;
  definitions.modules.push_back(module);
  Frame frame;
  frame.module = ModuleId(uint32_t(definitions.modules.size()));
  frame.symbol = text;
  definitions.frames.push_back(frame);
  StackNode node;
  node.frame = FrameId(uint32_t(definitions.frames.size()));
  Process process;
  process.name = text;
  definitions.processes.push_back(process);
  Thread thread;
  thread.process = ProcessId(uint32_t(definitions.processes.size()));
  thread.name = text;
  for (const Gap& gap : gaps_) {
    FillGap(definitions.strings, gap.after.strings, gap.last.strings, std::string(kDamaged));
    FillGap(definitions.modules, gap.after.modules, gap.last.modules, module);
    FillGap(definitions.frames, gap.after.frames, gap.last.frames, frame);
    FillGap(definitions.stacks, gap.after.stacks, gap.last.stacks, node);
    FillGap(definitions.processes, gap.after.processes, gap.last.processes, process);
    FillGap(definitions.threads, gap.after.threads, gap.last.threads, thread);
  }
  if (gaps_.back().last.wakers == 0 && gaps_.back().last.chains == 0) return;
  definitions.stacks.push_back(node);
  definitions.threads.push_back(thread);
  Waker waker;
  waker.thread = ThreadId(uint32_t(definitions.threads.size()));
  waker.kernel_stack = StackId(uint32_t(definitions.stacks.size()));
  definitions.wakers.push_back(waker);
  Chain chain;
  chain.waker = WakerId(uint32_t(definitions.wakers.size()));
  for (const Gap& gap : gaps_) {
    FillGap(definitions.wakers, gap.after.wakers, gap.last.wakers, waker);
    FillGap(definitions.chains, gap.after.chains, gap.last.chains, chain);
  }
}

}  // namespace twofold
