#include "tests/format/sample_capture.h"

#include <gtest/gtest.h>

#include <random>

#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold::testing {
namespace {

constexpr uint64_t kIntervalNs = 1'000'000'000;

template <typename T>
void Append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void Append(Definitions& to, const Definitions& from) {
  Append(to.strings, from.strings);
  Append(to.modules, from.modules);
  Append(to.frames, from.frames);
  Append(to.stacks, from.stacks);
  Append(to.processes, from.processes);
  Append(to.threads, from.threads);
  Append(to.process_ends, from.process_ends);
  Append(to.wakers, from.wakers);
  Append(to.chains, from.chains);
}

class SampleMaker {
 public:
  explicit SampleMaker(const SampleSize& size) : size_(size) {}

  Sample Make() {
    Sample sample;
    std::vector<Definitions> fresh;
    for (uint32_t number = 0; number < size_.intervals; ++number) {
      sample.expected.intervals.push_back(MakeInterval(number));
      fresh.push_back(builder_.TakeNew());
      Append(sample.expected.definitions, fresh.back());
    }
    End end;
    end.reason = EndReason::kCommandEnded;
    end.end_ns = size_.intervals * kIntervalNs + 7;
    end.intervals = size_.intervals;
    end.command_status = 3;
    sample.expected.recording = SampleRecording();
    sample.expected.end = end;
    sample.bytes = WriteCapture(sample.expected.recording, fresh, sample.expected.intervals, end);
    sample.expected.file_bytes = sample.bytes.size();
    return sample;
  }

 private:
  // The low bits of a fixed generator: the same on every platform.
  uint64_t Random(uint64_t below) { return generator_() % below; }

  FrameId MakeFrame() {
    static constexpr ModuleKind kKinds[] = {ModuleKind::kUserFile, ModuleKind::kKernel,
                                            ModuleKind::kKernelModule, ModuleKind::kVdso,
                                            ModuleKind::kAnonymous};
    if (Random(20) == 0) return builder_.InternSpecialFrame("[stack lost: map full]");
    uint64_t number = Random(40);
    Module module;
    module.kind = kKinds[number % 5];
    module.path = builder_.InternString("/usr/lib/module-" + std::to_string(number % 5) + ".so");
    module.build_id = builder_.InternString("0123456789abcdef" + std::to_string(number % 5));
    Frame frame;
    frame.module = builder_.InternModule(module);
    if (number != 0) {
      frame.symbol = builder_.InternString("_ZN5space4name8functionEv" + std::to_string(number));
    }
    frame.offset = Random(1 << 20);
    if (number % 3 == 0) {
      frame.file = builder_.InternString("/usr/src/module.cc");
      frame.line = uint32_t(number);
      frame.inlined = number % 2 == 1;
    }
    return builder_.InternFrame(frame);
  }

  StackId MakeStack() {
    std::vector<FrameId> frames;
    for (uint32_t i = 0; i < size_.frames_per_stack; ++i) frames.push_back(MakeFrame());
    return builder_.InternStack(frames);
  }

  ThreadId MakeThread(uint32_t number) {
    Process process;
    process.pid = Pid(1000 + number);
    process.parent_pid = Pid(1);
    process.start_ns = -5'000'000'000 + int64_t(number);
    process.image_start_ns = number % 2 == 0 ? -1 : 12345;
    process.name = builder_.InternString("wörker");
    process.executable = builder_.InternString("/usr/bin/worker");
    process.cgroup = builder_.InternString("/system.slice/worker.service");
    process_ = builder_.AddProcess(process);
    Thread thread;
    thread.process = process_;
    thread.tid = Tid(1000 + number);
    thread.start_ns = process.start_ns;
    thread.name = process.name;
    if (number % 2 == 0) thread.cgroup = builder_.InternString("/system.slice/wörkers.service");
    return builder_.AddThread(thread);
  }

  // A thread, woken by an interrupt, woken by that thread and so on: each interval's first chain is
  // the next one of the interval before.
  ChainId MakeChain(ThreadId thread) {
    Waker interrupt;
    interrupt.kind = static_cast<WakerKind>(2 + Random(3));
    interrupt.kernel_stack = MakeStack();
    Waker task;
    task.thread = thread;
    task.kernel_stack = MakeStack();
    task.user_stack = MakeStack();
    ChainId end = builder_.InternChain(last_chain_, builder_.InternWaker(interrupt));
    last_chain_ = builder_.InternChain(end, builder_.InternWaker(task));
    return last_chain_;
  }

  // What only some captures hold: rows with every column, and rows of every other kind.
  void AddRest(ThreadId thread, Interval& interval) {
    ChainId chain = MakeChain(thread);
    StackId kernel = MakeStack();
    StackId user = MakeStack();
    interval.quantum_ns = 100'000;
    interval.cost.map_inserts = 77;
    interval.cost.startup_ns = 350'000'000;
    interval.late_ns = 1'250'000;
    interval.detail_steps = {
        {interval.start_ns + 1, DetailKind::kQuantum, 1'000'000, 30'000'000, false, 141},
        {interval.end_ns - 1, DetailKind::kWakers, 0, 8, true, 12}};
    BlockedRow blocked = {thread, BlockState::kInterruptible, kernel, user, 5'000'000, 40};
    blocked.parts = kBegunBefore | kOpenAtEnd;
    blocked.chain = chain;
    blocked.sampled_ns = 3'000'000;
    blocked.samples = 31;
    blocked.variance_us2 = 250'000;
    blocked.count_variance = 90;
    interval.blocked->push_back(blocked);
    interval.waiting = {{thread, true, kernel, user, 900'000, 12, 400'000, 5, 30'000, 20},
                        {thread, false, kernel, {}, 1'000, 1, 0, 1, 0}};
    interval.wait_counts = {{thread, 0, 1000}, {thread, kWaitBuckets - 1, 2}};
    Exemplar longest;
    longest.kind = ExemplarKind::kUninterruptible;
    longest.thread = thread;
    longest.state = BlockState::kUninterruptible;
    longest.start_ns = interval.start_ns;
    longest.end_ns = interval.end_ns - 1;
    longest.cpu = 3;
    longest.kernel_stack = kernel;
    longest.user_stack = user;
    longest.chain = chain;
    Exemplar wait;
    wait.kind = ExemplarKind::kWaiting;
    wait.thread = thread;
    wait.preempted = true;
    wait.open = true;
    wait.end_ns = interval.end_ns;
    interval.exemplars = {longest, wait};
    interval.counters = CounterRows{{9'000'000, 2'000, 1'500},
                                    {4'000'000, 2'000, 1'500},
                                    {{thread, kernel, user, 6'000'000, 3, 2'000'000, 1},
                                     {thread, {}, user, 0, 0, 2'000'000, 1}}};
    interval.allocations = {
        {AllocationKind::kMalloc, thread, {}, user, 1'000'000, 900, 11, 600'000, 540, 5'000, 4},
        {AllocationKind::kSlab, thread, kernel, user, 0, 0, 0, 64, 1, 0, 0}};
    interval.outstanding = {
        {AllocationKind::kMalloc, thread, {}, user, 0, 4'096, 1, 1, 0},
        {AllocationKind::kMalloc, thread, {}, user, kMaxAge, 390'904, 355, 4, 123'456'789}};
    RetransmitRow retransmit;
    retransmit.kind = RetransmitKind::kProbe;
    retransmit.thread = thread;
    retransmit.kernel_stack = kernel;
    retransmit.state = TcpState::kCloseWait;
    retransmit.failed = true;
    retransmit.net_namespace = 4'026'531'840;
    retransmit.local_address = builder_.InternString("192.0.2.1");
    retransmit.local_port = 65'535;
    retransmit.remote_address = builder_.InternString("2001:db8::2");
    retransmit.remote_port = 443;
    retransmit.packets = 3;
    retransmit.segments = 5;
    retransmit.bytes = 7'000;
    RetransmitRow bare;
    bare.thread = thread;
    interval.retransmits =
        Retransmits{{bare, retransmit}, {{1, interval.start_ns + 1, 2, 2'800}, {1, 0, 3, 4'200}}};
    ExecRow exec;
    exec.thread = thread;
    exec.time_ns = interval.start_ns + 5;
    exec.error = 2;
    exec.parent_pid = Pid(77);
    exec.parent_name = builder_.InternString("sh");
    exec.file = builder_.InternString("/usr/bin/m\nissing");
    exec.arguments = builder_.InternString(std::string_view("missing\0-x\0", 11));
    exec.arguments_cut = true;
    ExecRow done;
    done.thread = thread;
    interval.execs = {exec, done};
    interval.page_faults = {{PageFaultKind::kMinor, thread, {}, user, 4'000, 40, 396'000},
                            {PageFaultKind::kMajor, thread, kernel, user, 1, 1, 0}};
    interval.cpu_times = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 0, 0, 0, 0, kIntervalNs, 0}};
  }

  Interval MakeInterval(uint32_t number) {
    Interval interval;
    interval.number = number;
    interval.start_ns = number * kIntervalNs;
    interval.end_ns = (number + 1) * kIntervalNs;
    interval.start_realtime_ns = 1'700'000'000'000'000'000 + number;
    ThreadId thread = MakeThread(number);
    CpuRows cpu;
    cpu.period_ns = 10'101'010;
    std::vector<BlockedRow> blocked;
    for (uint32_t i = 0; i < size_.stacks_per_interval; ++i) {
      StackId kernel = MakeStack();
      StackId user = MakeStack();
      if (i % 2 == 0) {
        cpu.rows.push_back({thread, i % 4 == 0 ? StackId() : kernel, user, 1 + Random(50)});
      } else {
        auto state = static_cast<BlockState>(1 + i % 7);
        blocked.push_back({thread, state, kernel, user, Random(kIntervalNs), Random(1000)});
      }
    }
    interval.cpu = cpu;
    // The first interval lacks a source, to tell "not recorded" from "nothing happened".
    if (number != 0) {
      interval.blocked = blocked;
      Account account;
      account.thread = thread;
      account.user_ns = Random(kIntervalNs);
      account.system_ns = Random(kIntervalNs);
      account.on_cpu_ns = Random(kIntervalNs);
      account.woken_ns = Random(kIntervalNs);
      account.preempted_ns = Random(kIntervalNs);
      for (uint64_t& time_ns : account.blocked_ns) time_ns = Random(kIntervalNs);
      account.existed_ns = account.SumNs();
      interval.accounts = {account};
    }
    interval.losses = {{LossCause::kStackMapFull, LossSource::kOffCpu, 3, 4444},
                       {LossCause::kEventsLost, LossSource::kRecorder, number, 0}};
    interval.cost = {1'000'000 + number, 5000, 2'000'000, 3'000'000, 64 << 20, 32 << 20};
    if (number != 0) AddRest(thread, interval);
    ProcessEnd process_end{process_, int64_t(interval.end_ns) - 1};
    if (number != 0) process_end.exit_status = number % 2 == 0 ? 0 : kKilledBySignal + number;
    builder_.AddProcessEnd(process_end);
    return interval;
  }

  SampleSize size_;
  DefinitionsBuilder builder_;
  std::mt19937_64 generator_{2};
  ProcessId process_;
  ChainId last_chain_;
};

}  // namespace

Recording SampleRecording() {
  Recording recording;
  recording.host = {"host.example",
                    "6.1.0-18-amd64",
                    "#1 SMP Debian 6.1.76-1 (2024-02-01)",
                    "x86_64",
                    "Example Linux",
                    "Example CPU @ 2.00GHz",
                    16,
                    64ULL << 30,
                    4096,
                    "00112233445566778899"};
  recording.settings = {"0.1.0", {"cpu", "offcpu"}, 99,         1'000'000'000, 64 << 20,
                        127,     "command",         {17, 4000}, "sleeper",     "switch-out"};
  recording.settings.tids = {4001, 4002};
  recording.settings.cgroup = "/system.slice/worker.service";
  recording.settings.comm = "wörk*";
  recording.settings.wakers = 8;
  recording.settings.quantum_ns = 100'000;
  recording.settings.min_block_ns = 1'000;
  recording.settings.max_block_ns = 60'000'000'000;
  recording.settings.max_overhead_permyriad = 150;
  recording.settings.arguments = true;
  recording.settings.leak_scope = "user";
  recording.settings.leak_sample_bytes = 65'536;
  recording.settings.leak_age_ns = 500'000'000;
  recording.start_realtime_ns = 1'700'000'000'123'456'789;
  recording.start_monotonic_ns = 987'654'321;
  recording.start_boottime_ns = 1'987'654'321;
  return recording;
}

Sample MakeSample(const SampleSize& size) { return SampleMaker(size).Make(); }

std::string WriteCapture(const Recording& recording,
                         const std::vector<Definitions>& fresh_per_interval,
                         const std::vector<Interval>& intervals, const End& end) {
  MemorySink sink;
  CaptureWriter writer(sink);
  EXPECT_TRUE(writer.Start(recording).has_value());
  for (size_t i = 0; i < intervals.size(); ++i) {
    EXPECT_TRUE(writer.WriteDefinitions(fresh_per_interval[i]).has_value());
    EXPECT_TRUE(writer.WriteInterval(intervals[i]).has_value());
  }
  EXPECT_TRUE(writer.Finish(end).has_value());
  EXPECT_EQ(writer.bytes_written(), sink.bytes.size());
  return sink.bytes;
}

}  // namespace twofold::testing
