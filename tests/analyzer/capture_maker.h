// Makes captures by hand, with verbs: who did what, for how long. Frames and stacks are named by
// their text, so that a test reads like what it expects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/base/byte_sink.h"
#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold::testing {

inline constexpr uint64_t kMillisecondNs = 1000000;
inline constexpr uint64_t kSecondNs = 1000000000;

// A capture of one-second intervals. CPU samples stand for 10 ms each unless Period says otherwise.
class CaptureMaker {
 public:
  CaptureMaker();
  explicit CaptureMaker(std::vector<std::string> sources);

  // Before the first interval.
  Recording& recording() { return recording_; }

  ThreadId AddThread(std::string_view process_name, uint32_t pid, std::string_view thread_name = "",
                     uint32_t tid = 0);
  // A second thread of the last process.
  ThreadId AddSibling(std::string_view thread_name, uint32_t tid);

  // A stack by its frames, root first. A text that begins with "k:" is a kernel function; with "!"
  // a special frame; "[path+0x10]" a frame without a name, of the file of that path, or of
  // anonymous memory for the path "anon"; anything else a function of /usr/bin/app. Addresses
  // differ from call to call, so that equal names have several frames.
  StackId Stack(const std::vector<std::string>& root_first);
  StackId NoStack() { return StackId(); }

  void Cpu(ThreadId thread, StackId user, StackId kernel, uint64_t samples);
  // Hardware events: numbers of events, and of the samples that stand for them.
  void Count(ThreadId thread, StackId user, StackId kernel, uint64_t cycles, uint64_t cycle_samples,
             uint64_t instructions, uint64_t instruction_samples) {
    interval_.counters->rows.push_back(
        {thread, kernel, user, cycles, cycle_samples, instructions, instruction_samples});
  }
  void Blocked(ThreadId thread, BlockState state, StackId user, StackId kernel, uint64_t time_ns,
               uint64_t count = 1);
  // A row with whatever it says; a capture without waits gets them with the first one.
  void AddBlocked(const BlockedRow& row) { interval_.blocked->push_back(row); }
  void AddWaiting(const WaitingRow& row);
  // Memory, with whatever the rows say; an interval tells what is outstanding with its first such
  // row.
  void Allocated(const AllocationRow& row) { interval_.allocations->push_back(row); }
  void Outstanding(const OutstandingRow& row);
  // What TCP sent again; returns the row's index, which events name.
  uint32_t Retransmitted(const RetransmitRow& row);
  void RetransmittedAt(uint32_t row, uint64_t time_ns, uint32_t segments, uint32_t bytes) {
    interval_.retransmits->events.push_back({row, time_ns, segments, bytes});
  }
  void Executed(const ExecRow& row) { interval_.execs->push_back(row); }
  void Interrupted(const IrqRow& row) { interval_.irqs->push_back(row); }
  void InterruptedThread(const ThreadIrqRow& row) { interval_.thread_irqs->push_back(row); }
  void Faulted(const PageFaultRow& row) { interval_.page_faults->push_back(row); }
  // A process with one thread that executed a program at that time, and ended later with that
  // status (ProcessEnd::exit_status) unless end_ns is 0. An image of the same pid follows the last
  // one.
  ThreadId AddImage(std::string_view name, uint32_t pid, int64_t image_start_ns, int64_t end_ns = 0,
                    std::optional<uint32_t> status = std::nullopt);
  StringId Text(std::string_view text) { return builder_.InternString(text); }
  // A waker that is a thread, or an interrupt with its handler's frames.
  WakerId Task(ThreadId thread, StackId user, StackId kernel);
  WakerId Interrupt(WakerKind kind, StackId kernel);
  // The chain of these wakers: who woke the sleeper, who woke that one, and so on.
  ChainId Chain(const std::vector<WakerId>& nearest_first);
  void Lose(LossCause cause, LossSource source, uint64_t count, uint64_t time_ns);
  // An exact account; its times are as they are given, whether they add up or not.
  void AddAccount(const Account& account);
  void Period(uint64_t period_ns) { interval_.cpu->period_ns = period_ns; }
  Cost& cost() { return interval_.cost; }
  // What is written by the next EndInterval, for what has no verb here.
  Interval& interval() { return interval_; }
  // Where wakers and chains are interned.
  DefinitionsBuilder& definitions() { return builder_; }

  // Writes the interval and begins the next one.
  void EndInterval();

  // The capture's bytes: with its end, or as a recorder leaves it that is killed now.
  std::string Finish(EndReason reason = EndReason::kDuration);
  std::string CutShort();

 private:
  void BeginInterval();
  void StartOnce();
  FrameId MakeFrame(const std::string& text);

  Recording recording_;
  DefinitionsBuilder builder_;
  MemorySink sink_;
  CaptureWriter writer_;
  bool started_ = false;
  Interval interval_;
  uint32_t intervals_ = 0;
  uint64_t next_address_ = 0x1000;
  ProcessId last_process_;
};

// Writes bytes to a file of its own in the test's temporary folder; returns its path.
std::string WriteTemporary(const std::string& name, const std::string& bytes);
std::string TemporaryPath(const std::string& name);
std::string ReadAll(const std::string& path);

// What `twofold WORDS...` said and returned.
struct RunResult {
  int status = 0;
  std::string output;
  std::string words;
};

// Runs the program with `input` on its standard input.
RunResult RunTwofold(const std::vector<std::string>& arguments, const std::string& input = "");

}  // namespace twofold::testing
