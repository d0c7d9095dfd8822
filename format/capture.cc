#include "format/capture.h"

#include <algorithm>

namespace twofold {
namespace {

template <typename T, typename Identifier>
const T& Lookup(const std::vector<T>& definitions, Identifier id) {
  static const T none{};
  if (id.value == 0 || id.value > definitions.size()) return none;
  return definitions[id.value - 1];
}

}  // namespace

bool Settings::Has(LossSource source) const {
  return std::find(sources.begin(), sources.end(), LossSourceName(source)) != sources.end();
}

std::optional<std::string_view> Settings::CountedEvent() const {
  constexpr std::string_view kPrefix = "events:";
  for (const std::string& source : sources) {
    if (source.starts_with(kPrefix)) return std::string_view(source).substr(kPrefix.size());
  }
  return std::nullopt;
}

bool Definitions::empty() const {
  return strings.empty() && modules.empty() && frames.empty() && stacks.empty() &&
         processes.empty() && threads.empty() && process_ends.empty() && wakers.empty() &&
         chains.empty();
}

char BlockStateLetter(BlockState state) {
  switch (state) {
    case BlockState::kInterruptible:
      return 'S';
    case BlockState::kUninterruptible:
      return 'D';
    case BlockState::kStopped:
      return 'T';
    case BlockState::kTraced:
      return 't';
    case BlockState::kParked:
      return 'P';
    case BlockState::kIdle:
      return 'I';
    case BlockState::kOther:
      return '?';
  }
  return '?';
}

const std::string& Capture::String(StringId id) const { return Lookup(definitions.strings, id); }
const Module& Capture::GetModule(ModuleId id) const { return Lookup(definitions.modules, id); }
const Frame& Capture::GetFrame(FrameId id) const { return Lookup(definitions.frames, id); }
const StackNode& Capture::GetStack(StackId id) const { return Lookup(definitions.stacks, id); }
const Process& Capture::GetProcess(ProcessId id) const { return Lookup(definitions.processes, id); }
const Thread& Capture::GetThread(ThreadId id) const { return Lookup(definitions.threads, id); }
const Waker& Capture::GetWaker(WakerId id) const { return Lookup(definitions.wakers, id); }
const Chain& Capture::GetChain(ChainId id) const { return Lookup(definitions.chains, id); }

uint64_t Account::SumNs() const {
  uint64_t sum_ns = on_cpu_ns + woken_ns + preempted_ns;
  for (uint64_t time_ns : blocked_ns) sum_ns += time_ns;
  return sum_ns;
}

}  // namespace twofold
