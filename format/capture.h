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

enum class WakerKind : uint8_t {
  kOther = 0,    // a kind of a newer version
  kTask = 1,     // a thread
  kHardIrq = 2,  // an interrupt; the thread that it happened to interrupt has nothing to do with it
  kSoftIrq = 3,
  kTimer = 4,  // an interrupt, hard or soft, in the handler of a timer
};

// Who or what made a thread able to run: one link of a chain.
struct Waker {
  WakerKind kind = WakerKind::kTask;
  ThreadId thread;       // of kTask; 0: of an interrupt
  StackId kernel_stack;  // of an interrupt: its handler's frames alone. May be a special frame, as
                         // where the stack was not taken
  StackId user_stack;    // 0: of an interrupt or a kernel thread

  friend bool operator==(const Waker&, const Waker&) = default;
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

// Hardware events of a thread with a pair of stacks, by sampling: each sample stands for as many
// events as lay between it and the sample before on that CPU, its period.
struct CounterRow {
  ThreadId thread;
  StackId kernel_stack;  // 0: the samples hit user mode
  StackId user_stack;    // 0: a kernel thread
  uint64_t cycles = 0;   // sum of the samples' periods
  uint64_t cycle_samples = 0;
  uint64_t instructions = 0;
  uint64_t instruction_samples = 0;

  friend bool operator==(const CounterRow&, const CounterRow&) = default;
};

// One event's counters of all CPUs together, whoever ran.
struct CounterTotal {
  uint64_t counted = 0;
  uint64_t enabled_ns = 0;
  uint64_t running_ns = 0;  // less than enabled_ns: the counters were shared with other users

  friend bool operator==(const CounterTotal&, const CounterTotal&) = default;
};

struct CounterRows {
  CounterTotal cycles;
  CounterTotal instructions;
  std::vector<CounterRow> rows;

  friend bool operator==(const CounterRows&, const CounterRows&) = default;
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

// Rows of blocked and waiting time hold estimates. A part of a block, or of a wait for a CPU, of
// length d that lasted at least T (Interval::quantum_ns) is kept for certain and counts d; a
// shorter one is kept with probability d / T and counts T. So the expected value of time_ns is the
// true time whatever T is. The fields of an estimate:
//   time_ns       the whole: what was measured, and sampled_ns
//   count         estimate of how many blocks (or waits) ended in the interval
//   sampled_ns    the part of time_ns that stands for parts chosen by chance
//   samples       how many parts were kept
//   variance_us2  unbiased estimate of time_ns's variance, in squared microseconds: the sum of
//                 T x (T - d) over the parts that were chosen by chance
//   count_variance  the same of count: the sum of n x (n - 1) over the blocks that were chosen by
//                 chance, where n is what one of them counts as (T / d, rounded by chance)

// Which ends of a block an interval cut off: bits of BlockedRow::parts.
constexpr uint8_t kBegunBefore = 1;  // the block began before the interval
constexpr uint8_t kOpenAtEnd = 2;    // it was still going on when the interval ended

struct BlockedRow {
  ThreadId thread;
  BlockState state = BlockState::kOther;
  StackId kernel_stack;
  StackId user_stack;    // 0: a kernel thread
  uint64_t time_ns = 0;  // the part of the blocks that lies in this interval
  uint64_t count = 0;    // blocks that ended in this interval
  uint8_t parts = 0;     // kBegunBefore, kOpenAtEnd. At most one row of a thread and interval has
                      // kOpenAtEnd; the one of the next interval with kBegunBefore goes on from it
  ChainId chain;  // what woke the thread; 0: not recorded, not known, or not woken yet
  uint64_t sampled_ns = 0;
  uint64_t samples = 0;
  uint64_t variance_us2 = 0;
  uint64_t count_variance = 0;

  friend bool operator==(const BlockedRow&, const BlockedRow&) = default;
};

// Time that a thread was able to run and waited for a CPU; its stacks are those with which it left
// the CPU before.
struct WaitingRow {
  ThreadId thread;
  bool preempted = false;  // it lost its CPU to another thread; false: it was woken, or born
  StackId kernel_stack;
  StackId user_stack;  // 0: a kernel thread
  uint64_t time_ns = 0;
  uint64_t count = 0;
  uint64_t sampled_ns = 0;
  uint64_t samples = 0;
  uint64_t variance_us2 = 0;
  uint64_t count_variance = 0;

  friend bool operator==(const WaitingRow&, const WaitingRow&) = default;
};

// Run-queue latency: waits for a CPU, exactly, by length. Bucket 0 holds waits below 1 us, bucket n
// those from 2^(n-1) us up to below 2^n us, and the last one all that are longer.
constexpr uint8_t kWaitBuckets = 26;

struct WaitCount {
  ThreadId thread;
  uint8_t bucket = 0;
  uint64_t count = 0;  // waits that ended in this interval

  friend bool operator==(const WaitCount&, const WaitCount&) = default;
};

// What an exemplar is one of.
enum class ExemplarKind : uint8_t {
  kOther = 0,            // a kind of a newer version
  kInterruptible = 1,    // blocks in state S, and all that are not of the next kind
  kUninterruptible = 2,  // blocks in state D
  kWaiting = 3,          // waits for a CPU
};

// One of the longest single blocks, or waits for a CPU, of those of its kind that ended in an
// interval or were still going on when the recording ended.
struct Exemplar {
  ExemplarKind kind = ExemplarKind::kOther;
  ThreadId thread;
  BlockState state = BlockState::kOther;  // of blocks
  bool preempted = false;                 // of waits
  bool open = false;                      // still going on at end_ns, when the recording ended
  uint64_t start_ns = 0;                  // 0: it may have begun before the window
  uint64_t end_ns = 0;  // when the thread was woken; of waits: when it got its CPU
  uint32_t cpu = 0;     // that the thread went on on
  StackId kernel_stack;
  StackId user_stack;
  ChainId chain;  // of blocks

  friend bool operator==(const Exemplar&, const Exemplar&) = default;
};

// Time of one CPU in an interval, as /proc/stat counts it (in ticks, usually of 10 ms).
struct CpuTime {
  uint32_t cpu = 0;
  uint64_t user_ns = 0;  // with nice
  uint64_t system_ns = 0;
  uint64_t irq_ns = 0;
  uint64_t softirq_ns = 0;
  uint64_t steal_ns = 0;  // taken by the hypervisor
  uint64_t idle_ns = 0;
  uint64_t iowait_ns = 0;  // idle while a thread that last ran there waited for a disk

  friend bool operator==(const CpuTime&, const CpuTime&) = default;
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

// What hands out memory.
enum class AllocationKind : uint8_t {
  kOther = 0,    // a kind of a newer version
  kMalloc = 1,   // a user allocator: malloc, calloc, realloc, memalign, operator new ...
  kMmap = 2,     // mmap, called by the program
  kKmalloc = 3,  // the kernel's kmalloc
  kSlab = 4,     // one of the kernel's object caches (kmem_cache_alloc)
  kPages = 5,    // the kernel's page allocator, which the two before get their memory from
};

// Rows of memory hold estimates. An allocation of s bytes that has at least B bytes
// (Settings::leak_sample_bytes) is kept for certain and counts as what it is; a smaller one is kept
// with probability s / B and stands for B bytes and B / s allocations. Its free counts as much as
// it did. So expected values are the true ones whatever B is.

// Memory of one stack in an interval. Over all intervals allocated less freed less untracked is
// what is outstanding.
struct AllocationRow {
  AllocationKind kind = AllocationKind::kOther;
  ThreadId thread;  // that allocated it
  StackId kernel_stack;
  StackId user_stack;
  uint64_t allocated_bytes = 0;
  uint64_t allocated_count = 0;
  uint64_t samples = 0;      // allocations that were kept
  uint64_t freed_bytes = 0;  // of what was allocated since the recording began, whoever freed it
  uint64_t freed_count = 0;
  uint64_t untracked_bytes = 0;  // the part of allocated_bytes that found no room in the table of
                                 // outstanding allocations: whether it was freed is not known
  uint64_t untracked_count = 0;

  friend bool operator==(const AllocationRow&, const AllocationRow&) = default;
};

constexpr uint8_t kMaxAge = 63;

// What was allocated since the recording began and is not freed when the interval ends.
struct OutstandingRow {
  AllocationKind kind = AllocationKind::kOther;
  ThreadId thread;
  StackId kernel_stack;
  StackId user_stack;
  uint8_t age = 0;  // 0: younger than Settings::leak_age_ns; n: from 2^(n-1) up to below 2^n times
                    // that
  uint64_t bytes = 0;
  uint64_t count = 0;
  uint64_t samples = 0;          // allocations that were kept
  uint64_t variance_bytes2 = 0;  // unbiased estimate of the variance of bytes: the sum of B x (B -
                                 // s) over those that were kept by chance

  friend bool operator==(const OutstandingRow&, const OutstandingRow&) = default;
};

// Why TCP sent something again.
enum class RetransmitKind : uint8_t {
  kOther = 0,    // a kind of a newer version, or one that could not be told
  kTimeout = 1,  // the retransmission timer ran out
  kFast = 2,     // the receiver's answers told of a gap
  kProbe = 3,    // a tail loss probe: no answer came for a while
  kSyn = 4,      // the request for a connection
  kSynAck = 5,   // the answer to one
};

// States of a connection, with the kernel's numbers (include/net/tcp_states.h).
enum class TcpState : uint8_t {
  kOther = 0,
  kEstablished = 1,
  kSynSent = 2,
  kSynRecv = 3,
  kFinWait1 = 4,
  kFinWait2 = 5,
  kTimeWait = 6,
  kClose = 7,
  kCloseWait = 8,
  kLastAck = 9,
  kListen = 10,
  kClosing = 11,
  kNewSynRecv = 12,
};

struct RetransmitRow {
  RetransmitKind kind = RetransmitKind::kOther;
  ThreadId thread;  // main thread of the process that holds the socket, or a thread under a
                    // name such as [no process]; not the thread that was interrupted
  StackId kernel_stack;
  TcpState state = TcpState::kOther;
  bool failed = false;         // the host itself could not send it
  uint32_t net_namespace = 0;  // inode number, as lsns(8) shows it
  StringId local_address;      // "192.0.2.1" or "2001:db8::1"
  uint16_t local_port = 0;
  StringId remote_address;
  uint16_t remote_port = 0;
  uint64_t packets = 0;
  uint64_t segments = 0;  // a packet may hold many; the kernel's counter RetransSegs counts these
  uint64_t bytes = 0;     // payload

  friend bool operator==(const RetransmitRow&, const RetransmitRow&) = default;
};

struct RetransmitEvent {
  uint32_t row = 0;  // index into Retransmits::rows
  uint64_t time_ns = 0;
  uint32_t segments = 0;
  uint32_t bytes = 0;

  friend bool operator==(const RetransmitEvent&, const RetransmitEvent&) = default;
};

struct Retransmits {
  std::vector<RetransmitRow> rows;      // complete
  std::vector<RetransmitEvent> events;  // packets one by one; a loss tells of those left out

  friend bool operator==(const Retransmits&, const Retransmits&) = default;
};

// A program that was executed, or an attempt at it. When and how it ended is in ProcessEnd.
struct ExecRow {
  ThreadId thread;  // of the new program; of a failed attempt: the thread that tried
  uint64_t time_ns = 0;
  uint16_t error = 0;    // errno; 0: it succeeded
  Pid parent_pid;        // of the process that started the one that executes
  StringId parent_name;  // comm of its main thread
  StringId file;         // path as the program gave it; 0: it could not be read
  StringId arguments;    // each followed by a byte 0; 0: not recorded, or none
  bool arguments_cut = false;

  friend bool operator==(const ExecRow&, const ExecRow&) = default;
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
  uint64_t map_inserts = 0;  // new keys in BPF maps: stacks, rows, wakers, chains

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
  uint64_t quantum_ns = 0;  // T of this interval's estimates, the largest where it changed within
                            // the interval; 0: every block was kept
  std::optional<std::vector<WaitingRow>> waiting;     // nullopt: not recorded
  std::optional<std::vector<WaitCount>> wait_counts;  // nullopt: not recorded
  std::optional<std::vector<CpuTime>> cpu_times;      // nullopt: not recorded
  std::vector<Exemplar> exemplars;
  std::optional<CounterRows> counters;                     // nullopt: not recorded
  std::optional<std::vector<AllocationRow>> allocations;   // nullopt: not recorded
  std::optional<std::vector<OutstandingRow>> outstanding;  // nullopt: not read at this end; it is
                                                           // at that of the last interval
  std::optional<Retransmits> retransmits;                  // nullopt: not recorded
  std::optional<std::vector<ExecRow>> execs;               // nullopt: not recorded

  friend bool operator==(const Interval&, const Interval&) = default;
};

enum class EndReason : uint8_t {
  kOther = 0,          // a reason of a newer version
  kDuration = 1,       // -d ran out
  kInterrupted = 2,    // Ctrl-C or SIGTERM
  kCommandEnded = 3,   // the command that was recorded ended
  kTargetsExited = 4,  // every process of -p exited
  kFailed = 5,         // the recorder met an error and stopped in good order
  kOverhead = 6,       // recording cost more than --max-overhead allows, with the largest T
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
