#include "tests/format/faithful.h"

#include <algorithm>

namespace twofold::testing {
namespace {

constexpr char kDamaged[] = "[damaged]";

bool IsPlaceholder(const Capture& read, StringId id) { return read.String(id) == kDamaged; }
bool IsPlaceholder(const Capture& read, ModuleId id) {
  return read.GetModule(id).kind == ModuleKind::kSpecial && read.GetModule(id).path == StringId();
}
bool IsPlaceholder(const Capture& read, FrameId id) {
  return IsPlaceholder(read, read.GetFrame(id).symbol);
}
bool IsPlaceholder(const Capture& read, StackId id) {
  return IsPlaceholder(read, read.GetStack(id).frame);
}
bool IsPlaceholder(const Capture& read, ProcessId id) {
  return IsPlaceholder(read, read.GetProcess(id).name);
}
bool IsPlaceholder(const Capture& read, ThreadId id) {
  return IsPlaceholder(read, read.GetThread(id).name);
}
bool IsPlaceholder(const Capture& read, WakerId id) {
  return IsPlaceholder(read, read.GetWaker(id).thread);
}
bool IsPlaceholder(const Capture& read, ChainId id) {
  return IsPlaceholder(read, read.GetChain(id).waker);
}

// Every definition is the original's, or says of itself that it is damaged. Behind the original's
// there may be one more, which only placeholders name.
template <typename Identifier, typename T>
bool SameOrPlaceholders(const Capture& read, const std::vector<T>& original,
                        const std::vector<T>& definitions, bool& complete) {
  for (size_t i = 0; i < definitions.size(); ++i) {
    bool same = i < original.size() && definitions[i] == original[i];
    if (same) continue;
    if (!IsPlaceholder(read, Identifier(uint32_t(i + 1)))) return false;
    if (i < original.size()) complete = false;
  }
  if (definitions.size() < original.size()) complete = false;
  return definitions.size() <= original.size() + 1;
}

}  // namespace

std::string BrokenPromise(const Capture& original, const Capture& read) {
  if (read.recording != original.recording) return "the recording changed";
  bool complete = true;
  const Definitions& had = original.definitions;
  const Definitions& has = read.definitions;
  if (!SameOrPlaceholders<StringId>(read, had.strings, has.strings, complete)) return "a string";
  if (!SameOrPlaceholders<ModuleId>(read, had.modules, has.modules, complete)) return "a module";
  if (!SameOrPlaceholders<FrameId>(read, had.frames, has.frames, complete)) return "a frame";
  if (!SameOrPlaceholders<StackId>(read, had.stacks, has.stacks, complete)) return "a stack";
  if (!SameOrPlaceholders<ProcessId>(read, had.processes, has.processes, complete)) {
    return "a process";
  }
  if (!SameOrPlaceholders<ThreadId>(read, had.threads, has.threads, complete)) return "a thread";
  if (!SameOrPlaceholders<WakerId>(read, had.wakers, has.wakers, complete)) return "a waker";
  if (!SameOrPlaceholders<ChainId>(read, had.chains, has.chains, complete)) return "a chain";
  for (const ProcessEnd& end : has.process_ends) {
    if (std::count(had.process_ends.begin(), had.process_ends.end(), end) != 1) {
      return "a process's end";
    }
  }
  if (has.process_ends.size() != had.process_ends.size()) complete = false;
  for (const Interval& interval : read.intervals) {
    if (interval.number >= original.intervals.size() ||
        interval != original.intervals[interval.number]) {
      return "interval " + std::to_string(interval.number) + " changed";
    }
  }
  for (size_t i = 1; i < read.intervals.size(); ++i) {
    if (read.intervals[i].number <= read.intervals[i - 1].number) return "an interval twice";
  }
  if (read.intervals.size() != original.intervals.size()) complete = false;
  if (read.end && read.end != original.end) return "the end changed";
  if (!read.end) complete = false;
  if (!complete && read.damages.empty()) return "something is missing and nothing says so";
  return "";
}

}  // namespace twofold::testing
