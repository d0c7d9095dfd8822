// What a capture says, as plain structs: the vocabulary that the recorder writes in and the
// analyzer reads.
//
// The pipeline: recorder -> DefinitionsBuilder + Interval -> CaptureWriter -> file -> CaptureReader
// -> Capture. FlatBuffers types never leave format/. Units are in the names; the clock is
// CLOCK_MONOTONIC since the window's start unless a comment says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/ids.h"
#include "format/interval.h"
#include "format/records/wakers.h"

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
  std::string scope;              // "system", "processes", "threads", "cgroup" or "command"
  std::vector<uint32_t> pids;     // of scope "processes"
  std::string command;            // of scope "command": the program's name, never its arguments
  std::string user_stack_method;  // how a sleeper's user stack was taken: "page-walk" after its
                                  // block was chosen, "switch-out" at the beginning of every block
  std::vector<uint32_t> tids;     // of scope "threads"
  std::string cgroup;             // of scope "cgroup": path below the root of the hierarchy
  std::string comm;         // only threads whose name matches this glob; empty: whatever their name
  uint32_t wakers = 0;      // longest chain of wakers; 0: none were recorded
  uint64_t quantum_ns = 0;  // T at the start; 0: every block (--exact)
  uint64_t min_block_ns = 0;            // shorter blocks are in no row
  uint64_t max_block_ns = 0;            // longer blocks are in no row; 0: no limit
  uint32_t max_overhead_permyriad = 0;  // --max-overhead, in hundredths of a per cent; 0: no limit
  bool arguments = false;               // arguments of executed programs were recorded
  std::string leak_scope;               // of source "memleak": "kernel" or "user"
  uint64_t leak_sample_bytes = 0;       // B of the estimates (AllocationRow); 1: all were kept
  uint64_t leak_age_ns = 0;             // the unit of OutstandingRow::age

  // Whether a source was recorded.
  bool Has(LossSource source) const;

  // What Interval::cpu counts instead of time, as other tools call it: "page-faults". nullopt: it
  // is time. See FORMAT.md, Recording.
  std::optional<std::string_view> CountedEvent() const;

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
  kAnonymous = 5,  // executable memory without a file (run-time code without names); offsets count
                   // from the mapping's start
  kSpecial =
      6,  // frames that are messages: symbol holds the whole text, such as "[stack lost: map full]"
  kRuntime = 7,  // code made at run time whose runtime told its name; offsets count from the
                 // function's start
};

struct Module {
  ModuleKind kind = ModuleKind::kUserFile;
  StringId path;
  StringId build_id;

  friend bool operator==(const Module&, const Module&) = default;
};

struct Frame {
  ModuleId module;
  StringId symbol;       // 0: no name known; shown as [module+0xoffset]
  uint64_t offset = 0;   // meaning by ModuleKind
  StringId file;         // source file, as debug information has it; 0: unknown
  uint32_t line = 0;     // in it: of the call or, of the innermost frame, of the place; 0: unknown
  bool inlined = false;  // the function was inlined into the one of the parent in the stack, which
                         // has the same module and offset

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
  StringId cgroup;             // when this image began, or was first seen; 0: unknown

  friend bool operator==(const Process&, const Process&) = default;
};

// A thread under one name and one image, in one cgroup.
struct Thread {
  ProcessId process;
  Tid tid;
  int64_t start_ns = 0;  // CLOCK_BOOTTIME since the window's start
  StringId name;
  StringId cgroup;  // 0: that of its process

  friend bool operator==(const Thread&, const Thread&) = default;
};

// A waker and, by `next`, what had woken the waker before. A next chain's id is always smaller.
struct Chain {
  WakerId waker;
  ChainId next;  // 0: the chain ends: an interrupt, a thread that was not woken since it last
                 // blocked, or as many wakers as were asked for

  friend bool operator==(const Chain&, const Chain&) = default;
};

// How a process ends: 0-255 its exit code, kKilledBySignal + N that signal N killed it.
constexpr uint32_t kKilledBySignal = 256;
constexpr uint32_t kMaxExitStatus = 511;

struct ProcessEnd {
  ProcessId process;
  int64_t end_ns = 0;
  std::optional<uint32_t> exit_status;  // nullopt: unknown, or the image ended by exec

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
  std::vector<Waker> wakers;
  std::vector<Chain> chains;

  bool empty() const;
  friend bool operator==(const Definitions&, const Definitions&) = default;
};

enum class EndReason : uint8_t {
  kOther = 0,          // a reason of a newer version
  kDuration = 1,       // -d ran out
  kInterrupted = 2,    // Ctrl-C or SIGTERM
  kCommandEnded = 3,   // the command that was recorded ended
  kTargetsExited = 4,  // every process of -p exited
  kFailed = 5,         // the recorder met an error and stopped in good order
  kOverhead = 6,       // --or-stop: recording cost more than --max-overhead allows
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
  const Waker& GetWaker(WakerId id) const;
  const Chain& GetChain(ChainId id) const;
};

}  // namespace twofold
