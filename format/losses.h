// The registry of losses: everything that can be seen and not kept has a cause here, with a name, a
// severity and advice. The recorder and the reader count by these causes; the analyzer prints them.
// A new cause is one line here, one line in losses.cc and a mention in FORMAT.md. Numbers are part
// of the format and never change.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace twofold {

enum class LossCause : uint16_t {
  kUnknown = 0,
  kStackMapFull = 1,  // a new stack found no room: time kept, stack shown as a special frame
  kRowMapFull =
      2,  // a new combination of thread and stacks found no room: its time is counted here only
  kThreadTableFull = 3,    // more new threads in one interval than the table holds
  kKernelStackFailed = 4,  // the kernel could not walk its own stack: time kept, special frame
  kUserStackFailed =
      5,         // the user stack could not be read (paged out, no mm): time kept, special frame
  kMapBusy = 6,  // a map update failed because a bucket was locked: time counted here only
  kTaskStorageFailed =
      7,  // a thread could not be given its storage: followed from its next switch on
  kProgramMissed =
      8,  // the kernel skipped a program run because one was already running on that CPU
  kEventsLost =
      9,  // process events (fork, exec, mmap) overflowed their buffer: names may be missing
  kProcessUnknown = 10,    // a process was gone before its mappings were read: stacks without names
  kModuleUnreadable = 11,  // a module's file could not be opened or parsed: frames without names
  kUserStackNotTaken = 12,  // blocked since before the recording began: kernel stack only
  kSamplesMissed = 13,      // sampling interrupts that came late or were throttled by the kernel
  kWakeupMissed =
      14,  // a wake-up was not traced: the block's end follows from the thread's CPU time
  kAccountLost =
      15,  // a thread ended and its last account found no room: its last states are not known
  kInsertsCapped = 16,  // more new keys on one CPU in one interval than the host is asked to bear
  kRanUnseen = 17,  // a thread ran between its block and the walk of its stack: time kept, special
                    // frame
  kChainLost = 18,  // a waker or chain found no room in its map: time kept, waker not known
  kRuntimeCodeUnnamed = 19,    // a process ran code made at run time and tells no names of it
  kRuntimeNamesUnusable = 20,  // a perf map or jitdump could not be used, in part or as a whole
  kFileGivenUp = 21,  // the process that reads names died or hung over a file: frames without names
  kEventLost = 22,    // events came faster than the recorder took them: they are in no row
  kEventTimeLost = 23,        // the same, but sums hold them: only their times are missing
  kAllocationTableFull = 24,  // an allocation found no room: whether it is freed is not known
  kFreeUnseen = 25,           // memory was handed out again of which no free had been seen
  kFreeLost = 26,             // a free was seen and could not be counted
  kAllocationUnseen = 27,     // how an allocation ended was not seen: it is in no row
};

// Which rows the lost time would have been in.
enum class LossSource : uint8_t {
  kRecorder = 0,  // none: names, events, bookkeeping
  kCpu = 1,       // rows of CPU samples
  kOffCpu = 2,    // rows of blocked time
  kCpi = 3,       // rows of hardware events
  kMemory = 4,    // rows of memory
  kTcp = 5,       // rows of retransmits
  kExec = 6,      // rows of executed programs
  kIrq = 7,       // rows of interrupts
  kFaults = 8,    // rows of page faults
};
inline constexpr LossSource kLastLossSource = LossSource::kFaults;

enum class LossSeverity : uint8_t {
  kNotice,  // names are missing, every nanosecond is kept
  kLoss,    // time is known, but not where it belongs
  kSevere,  // an unknown amount is missing
};

struct LossInfo {
  LossCause cause;
  std::string_view name;  // "stack-map-full": stable, for scripts
  LossSeverity severity;
  std::string_view description;  // a sentence
  std::string_view advice;       // a sentence: the way out
};

// "recorder", or as --record has it: "cpu", "offcpu", "cpi", "memleak", "tcp", "exec", "irq",
// "faults".
std::string_view LossSourceName(LossSource source);

// All causes in order of number.
const std::vector<LossInfo>& LossRegistry();

// Info of a cause; causes that this version does not know give the entry of kUnknown.
const LossInfo& GetLossInfo(LossCause cause);

}  // namespace twofold
