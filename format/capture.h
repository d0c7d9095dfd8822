// What a capture says, as plain structs: the vocabulary that the recorder writes in and the
// analyzer reads.
//
// The pipeline: recorder -> DefinitionsBuilder + Interval -> CaptureWriter -> file -> CaptureReader
// -> Capture. FlatBuffers types never leave format/. Units are in the names; the clock is
// CLOCK_MONOTONIC since the window's start unless a comment says otherwise.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/losses.h"

namespace twofold {

struct Host {
  std::string hostname;
  std::string kernel_release;
  std::string kernel_version;
  std::string machine;
  std::string distribution;
  std::string cpu_model;
  uint32_t cpus_online = 0;
  uint64_t memory_bytes = 0;
  uint32_t page_bytes = 0;
  std::string kernel_build_id;  // lower-case hexadecimal; empty: unknown

  friend bool operator==(const Host&, const Host&) = default;
};

struct Settings {
  std::string recorder_version;
  std::vector<std::string> sources;  // as --record has them: "cpu", "offcpu"
  uint32_t frequency_hz = 0;
  uint64_t interval_ns = 0;
  uint64_t memory_bytes = 0;
  uint32_t max_frames = 0;
  std::string scope;           // "system", "processes" or "command"
  std::vector<uint32_t> pids;  // of scope "processes"
  std::string command;         // of scope "command": the program's name, never its arguments
  std::string user_stack_method;

  friend bool operator==(const Settings&, const Settings&) = default;
};

struct Recording {
  Host host;
  Settings settings;
  int64_t start_realtime_ns = 0;    // CLOCK_REALTIME
  uint64_t start_monotonic_ns = 0;  // CLOCK_MONOTONIC
  uint64_t start_boottime_ns = 0;   // CLOCK_BOOTTIME

  friend bool operator==(const Recording&, const Recording&) = default;
};

enum class ModuleKind : uint8_t {
  kOther = 0,         // a kind of a newer version; offsets are only good for telling frames apart
  kUserFile = 1,      // an executable or library; frame offsets are file offsets
  kKernel = 2,        // the kernel proper; frame offsets count from the symbol
  kKernelModule = 3,  // as kKernel; path holds the module's name
  kVdso = 4,
  kAnonymous = 5,  // executable memory without a file (run-time code); offsets count from the
                   // mapping's start
  kSpecial =
      6,  // frames that are messages: symbol holds the whole text, such as "[stack lost: map full]"
};

struct Module {
  ModuleKind kind = ModuleKind::kUserFile;
  StringId path;
  StringId build_id;

  friend bool operator==(const Module&, const Module&) = default;
};

struct Frame {
  ModuleId module;
  StringId symbol;      // 0: no name known; shown as [module+0xoffset]
  uint64_t offset = 0;  // meaning by ModuleKind

  friend bool operator==(const Frame&, const Frame&) = default;
};

// A stack is named by its leaf node; walking parents leads to the outermost caller. A parent's id
// is always smaller.
struct StackNode {
  StackId parent;  // 0: this node is a root
  FrameId frame;

  friend bool operator==(const StackNode&, const StackNode&) = default;
};

// One program image of a process; exec continues the process in a new Process with the same pid and
// start_ns.
struct Process {
  Pid pid;
  Pid parent_pid;
  int64_t start_ns = 0;        // CLOCK_BOOTTIME since the window's start; negative: before it
  int64_t image_start_ns = 0;  // negative: before the window
  StringId name;               // the main thread's comm
  StringId executable;         // 0: unknown, or a kernel thread
  StringId cgroup;             // 0: unknown

  friend bool operator==(const Process&, const Process&) = default;
};

// A thread under one name and one image.
struct Thread {
  ProcessId process;
  Tid tid;
  int64_t start_ns = 0;  // CLOCK_BOOTTIME since the window's start
  StringId name;

  friend bool operator==(const Thread&, const Thread&) = default;
};

struct ProcessEnd {
  ProcessId process;
  int64_t end_ns = 0;

  friend bool operator==(const ProcessEnd&, const ProcessEnd&) = default;
};

// Everything that rows refer to. Element i of a vector has id i + 1: id 0 means "none". In a
// Definitions that travels to the writer, ids go on from what was written before
// (DefinitionsBuilder::TakeNew).
struct Definitions {
  std::vector<std::string> strings;  // any bytes that are valid UTF-8
  std::vector<Module> modules;
  std::vector<Frame> frames;
  std::vector<StackNode> stacks;
  std::vector<Process> processes;
  std::vector<Thread> threads;
  std::vector<ProcessEnd> process_ends;

  bool empty() const;
  friend bool operator==(const Definitions&, const Definitions&) = default;
};

struct CpuRow {
  ThreadId thread;
  StackId kernel_stack;  // 0: the sample hit user mode
  StackId user_stack;    // 0: a kernel thread
  uint64_t samples = 0;

  friend bool operator==(const CpuRow&, const CpuRow&) = default;
};

struct CpuRows {
  uint64_t period_ns = 0;  // each sample stands for this much CPU time
  std::vector<CpuRow> rows;

  friend bool operator==(const CpuRows&, const CpuRows&) = default;
};

// Why a thread was off the CPU and not able to run; letters as ps(1) has them.
enum class BlockState : uint8_t {
  kInterruptible = 1,    // S
  kUninterruptible = 2,  // D
  kStopped = 3,          // T
  kTraced = 4,           // t
  kParked = 5,           // P
  kIdle = 6,             // I: an idle kernel thread
  kOther = 7,            // ?
};

// 'S', 'D', 'T', 't', 'P', 'I' or '?'.
char BlockStateLetter(BlockState state);

struct BlockedRow {
  ThreadId thread;
  BlockState state = BlockState::kOther;
  StackId kernel_stack;
  StackId user_stack;    // 0: a kernel thread
  uint64_t time_ns = 0;  // the part of the blocks that lies in this interval
  uint64_t count = 0;    // blocks that ended in this interval

  friend bool operator==(const BlockedRow&, const BlockedRow&) = default;
};

constexpr size_t kBlockStates = 7;

// Where the time of a thread went in an interval, exactly: on_cpu, woken, preempted and the blocked
// times add up to existed_ns.
struct Account {
  ThreadId thread;
  uint64_t existed_ns = 0;  // how long the thread existed in the interval, under this id
  uint64_t user_ns = 0;     // the scheduler's own estimate of how on_cpu_ns divides
  uint64_t system_ns = 0;
  uint64_t on_cpu_ns = 0;
  uint64_t woken_ns = 0;      // able to run since it was woken or born, waiting for a CPU
  uint64_t preempted_ns = 0;  // able to run, lost its CPU to another thread
  std::array<uint64_t, kBlockStates> blocked_ns = {};  // by BlockState, less one

  // on_cpu, woken, preempted and blocked time together.
  uint64_t SumNs() const;

  friend bool operator==(const Account&, const Account&) = default;
};

struct Loss {
  LossCause cause = LossCause::kUnknown;
  LossSource source = LossSource::kRecorder;
  uint64_t count = 0;
  uint64_t time_ns = 0;  // 0 where only the count is known

  friend bool operator==(const Loss&, const Loss&) = default;
};

// What the recorder took from the host during an interval.
struct Cost {
  uint64_t bpf_ns = 0;
  uint64_t bpf_runs = 0;
  uint64_t user_ns = 0;
  uint64_t system_ns = 0;
  uint64_t peak_resident_bytes = 0;
  uint64_t map_bytes = 0;

  friend bool operator==(const Cost&, const Cost&) = default;
};

struct Interval {
  uint32_t number = 0;
  uint64_t start_ns = 0;
  uint64_t end_ns = 0;
  int64_t start_realtime_ns = 0;  // CLOCK_REALTIME
  std::optional<CpuRows> cpu;     // nullopt: not recorded
  std::optional<std::vector<BlockedRow>> blocked;
  std::optional<std::vector<Account>> accounts;
  std::vector<Loss> losses;
  Cost cost;

  friend bool operator==(const Interval&, const Interval&) = default;
};

enum class EndReason : uint8_t {
  kOther = 0,          // a reason of a newer version
  kDuration = 1,       // -d ran out
  kInterrupted = 2,    // Ctrl-C or SIGTERM
  kCommandEnded = 3,   // the command that was recorded ended
  kTargetsExited = 4,  // every process of -p exited
  kFailed = 5,         // the recorder met an error and stopped in good order
};

struct End {
  EndReason reason = EndReason::kDuration;
  uint64_t end_ns = 0;
  uint32_t intervals = 0;
  int32_t command_status = -1;  // 0-255 as a shell gives it; -1: no command, or still running

  friend bool operator==(const End&, const End&) = default;
};

// Something wrong inside a capture that could still be read.
struct Damage {
  uint64_t offset_bytes = 0;  // of the block or bytes concerned
  std::string what;           // a sentence without its full stop
};

// A whole capture in memory.
struct Capture {
  Recording recording;
  Definitions definitions;
  std::vector<Interval> intervals;
  std::optional<End> end;       // nullopt: the recording was cut short
  std::vector<Damage> damages;  // empty: the capture is whole
  uint64_t file_bytes = 0;

  // A capture is partial when it was cut short or damaged; its numbers then cover less than was
  // recorded.
  bool partial() const { return !end.has_value() || !damages.empty(); }

  // Look-ups by id; id 0 and ids that are not defined give the empty string or a zeroed definition.
  const std::string& String(StringId id) const;
  const Module& GetModule(ModuleId id) const;
  const Frame& GetFrame(FrameId id) const;
  const StackNode& GetStack(StackId id) const;
  const Process& GetProcess(ProcessId id) const;
  const Thread& GetThread(ThreadId id) const;
};

}  // namespace twofold
