// The registry of losses; FORMAT.md repeats the table for other readers.
#include "format/losses.h"

#include <algorithm>

namespace twofold {

std::string_view LossSourceName(LossSource source) {
  switch (source) {
    case LossSource::kRecorder:
      return "recorder";
    case LossSource::kCpu:
      return "cpu";
    case LossSource::kCpi:
      return "cpi";
    case LossSource::kOffCpu:
      return "offcpu";
    case LossSource::kMemory:
      return "memleak";
    case LossSource::kTcp:
      return "tcp";
    case LossSource::kExec:
      return "exec";
    case LossSource::kIrq:
      return "irq";
    case LossSource::kFaults:
      return "faults";
  }
  return "recorder";
}

const std::vector<LossInfo>& LossRegistry() {
  using enum LossSeverity;
  static const std::vector<LossInfo> registry = {
      {LossCause::kUnknown, "unknown", kSevere,
       "Something was lost for a reason that this version does not know.",
       "Open the capture with the version of twofold that recorded it, or a newer one."},
      {LossCause::kStackMapFull, "stack-map-full", kLoss,
       "New stacks found no room: their time is kept under [stack lost: map full].",
       "Record with a larger --memory."},
      {LossCause::kRowMapFull, "row-map-full", kLoss,
       "New combinations of thread and stacks found no room: their time is in no row.",
       "Record with a larger --memory."},
      {LossCause::kThreadTableFull, "thread-table-full", kLoss,
       "More threads appeared in one interval than the table holds: their time is kept under a "
       "thread named [thread table full].",
       "Record with a shorter --interval, or a larger --memory."},
      {LossCause::kKernelStackFailed, "kernel-stack-failed", kLoss,
       "The kernel could not walk its own stack: the time is kept under a special frame.",
       "A few are normal; many point to a kernel without a reliable unwinder."},
      {LossCause::kUserStackFailed, "user-stack-failed", kLoss,
       "User stacks could not be read: the time is kept under a special frame.",
       "A few are normal, when stacks are paged out or a thread is exiting."},
      {LossCause::kMapBusy, "map-busy", kLoss,
       "A map was locked when it was to be updated: the time is in no row.",
       "A few are normal; record for longer if the share matters."},
      {LossCause::kTaskStorageFailed, "task-storage-failed", kSevere,
       "A thread could not be given its storage: its time is missing, in a recording of the whole "
       "host up to the end of the interval.",
       "Before Linux 6.2 a few are normal, when a sample comes while the storage is in use; "
       "otherwise the host is short of memory for the kernel."},
      {LossCause::kProgramMissed, "program-missed", kSevere,
       "The kernel skipped the recorder's program because one was already running on that CPU.",
       "Look for another tracing tool on the host that runs at the same time."},
      {LossCause::kEventsLost, "events-lost", kNotice,
       "Process events overflowed their buffer: names of processes or frames may be missing.",
       "Record when fewer processes and threads start on the host: their events come whatever is "
       "recorded."},
      {LossCause::kProcessUnknown, "process-unknown", kNotice,
       "Processes were gone before their mappings were read: their stacks have no names.",
       "Start the recording before these processes start."},
      {LossCause::kModuleUnreadable, "module-unreadable", kNotice,
       "Files of modules could not be opened or parsed: their frames have no names.",
       "Check that the files still exist and that the recorder may read them."},
      {LossCause::kUserStackNotTaken, "user-stack-not-taken", kNotice,
       "Threads were blocked since before the recording began: only their kernel stack is known.",
       "Start the recording before the threads block, or record for longer."},
      {LossCause::kSamplesMissed, "samples-missed", kLoss,
       "Sampling interrupts came late or were throttled by the kernel.",
       "Record with a lower --frequency."},
      {LossCause::kWakeupMissed, "wakeup-missed", kNotice,
       "The kernel did not trace some wake-ups: their blocks end where the threads' CPU time says, "
       "hold the wait for a CPU as well, and have no waker.",
       "A few in ten thousand are harmless; many point to a kernel that keeps threads from "
       "tracing."},
      {LossCause::kAccountLost, "account-lost", kLoss,
       "Threads ended faster than the recorder read their accounts: their states since the "
       "interval before are not known.",
       "Record with a shorter --interval."},
      {LossCause::kInsertsCapped, "inserts-capped", kLoss,
       "New stacks or rows came faster than the recorder lets them into its maps, to spare the "
       "host: the time of such stacks is kept under [stack lost: too many at once].",
       "Nothing, if it is only the first interval; otherwise record with a larger --quantum or a "
       "lower --frequency, which meet fewer stacks."},
      {LossCause::kRanUnseen, "ran-unseen", kNotice,
       "Threads ran without being traced before their stacks were walked: the time is kept under "
       "[stack lost: ran unseen].",
       "A few in ten thousand are harmless; many point to a kernel that keeps threads from "
       "tracing."},
      {LossCause::kChainLost, "chain-lost", kNotice,
       "Wakers or chains of wakers found no room: the time is kept with an unknown waker.",
       "Record with a larger --memory, or fewer --wakers."},
      {LossCause::kRuntimeCodeUnnamed, "runtime-code-unnamed", kNotice,
       "Processes ran code that was made at run time, without a perf map or jitdump: that code has "
       "no names.",
       "JVM: -XX:+PreserveFramePointer, and `jcmd PID Compiler.perfmap` while recording; Node: "
       "--perf-basic-prof-only-functions --interpreted-frames-native-stack; CPython 3.12+: -X "
       "perf; "
       ".NET: DOTNET_PerfMapEnabled=1."},
      {LossCause::kRuntimeNamesUnusable, "runtime-names-unusable", kNotice,
       "Perf maps or jitdumps could not be used, in part or as a whole: code made at run time "
       "lacks "
       "names.",
       "Such a file must be a regular file of the process's user or of root, without links in its "
       "path, below 256 MiB, with whole lines or records."},
      {LossCause::kFileGivenUp, "file-given-up", kNotice,
       "The process that reads symbols died or did not answer over a file: its frames have no "
       "names. Of users with three such files no other file is read.",
       "Check the file systems of programs and libraries for ones that hang; a file made to do "
       "harm does this, too."},
      {LossCause::kEventLost, "event-lost", kLoss,
       "Events came faster than the recorder took them out of their buffer: they are in no row.",
       "Record with a larger --memory."},
      {LossCause::kEventTimeLost, "event-time-lost", kNotice,
       "Events came faster than the recorder took them out of their buffer: sums hold them, but "
       "their times are missing.",
       "Nothing, if sums are enough; otherwise record with a larger --memory."},
      {LossCause::kAllocationTableFull, "allocation-table-full", kLoss,
       "The table of outstanding allocations was full: whether these were freed is not known.",
       "Record with a larger --memory, or a larger --leak-sample-bytes."},
      {LossCause::kFreeUnseen, "free-unseen", kNotice,
       "Memory was allocated again of which no free had been seen: it counted as outstanding until "
       "then.",
       "A few are harmless; many point to an allocator whose functions have other names."},
      {LossCause::kFreeLost, "free-lost", kLoss,
       "Frees were seen and could not be counted: their memory counts as outstanding.",
       "A few are harmless; record again if the share matters."},
      {LossCause::kAllocationUnseen, "allocation-unseen", kLoss,
       "What allocations returned was not seen: they are in no row.",
       "A few are normal, where threads end or jump out of an allocator."},
  };
  return registry;
}

const LossInfo& GetLossInfo(LossCause cause) {
  const std::vector<LossInfo>& registry = LossRegistry();
  auto found = std::find_if(registry.begin(), registry.end(),
                            [&](const LossInfo& info) { return info.cause == cause; });
  return found != registry.end() ? *found : registry.front();
}

}  // namespace twofold
