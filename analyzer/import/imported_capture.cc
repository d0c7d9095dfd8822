#include "analyzer/import/imported_capture.h"

#include <algorithm>

#include "analyzer/data/definitions_writer.h"
#include "format/base/version.h"
#include "format/capture_writer.h"
#include "format/container.h"

namespace twofold {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// Longer gaps than that between two samples are no recording.
constexpr uint64_t kTooMany = container::kMaxSum;
constexpr int64_t kMaxSeconds = 40 * 24 * 3600;

}  // namespace

ThreadId ImportedCapture::ThreadOf(const ImportedThread& thread) {
  const auto [entry, is_new] = threads_.try_emplace(
      {thread.pid, thread.tid, std::string(thread.name), std::string(thread.process)});
  if (!is_new) return entry->second;
  // Threads without a pid belong to a process of their own name.
  std::string name(thread.process);
  if (name.empty() && thread.pid == 0) name = thread.name;
  const auto [process, is_new_process] = processes_.try_emplace({thread.pid, std::move(name)});
  if (is_new_process) {
    const std::string_view shown = thread.process.empty() ? thread.name : thread.process;
    process->second =
        builder_.AddProcess(Process{.pid = Pid(thread.pid), .name = builder_.InternString(shown)});
  }
  entry->second = builder_.AddThread(Thread{.process = process->second,
                                            .tid = Tid(thread.tid),
                                            .name = builder_.InternString(thread.name)});
  return entry->second;
}

FrameId ImportedCapture::FrameOf(const ImportedFrame& imported) {
  Module module;
  module.kind = imported.kind;
  module.path = builder_.InternString(imported.module);
  module.build_id = builder_.InternString(imported.build_id);
  Frame frame;
  frame.module = builder_.InternModule(module);
  frame.symbol = builder_.InternString(imported.name);
  if (imported.name.empty() || !imported.build_id.empty()) frame.offset = imported.offset;
  frame.inlined = imported.inlined;
  frame.file = builder_.InternString(imported.file);
  frame.line = imported.line;
  return builder_.InternFrame(frame);
}

void ImportedCapture::Add(const ImportedThread& thread, std::optional<int64_t> time_ns,
                          std::span<const ImportedFrame> root_first, uint64_t samples) {
  if (root_first.size() > container::kMaxStackFrames) {
    root_first = root_first.last(container::kMaxStackFrames);
    ++cut_stacks_;
  }
  const auto kernel = std::find_if(root_first.begin(), root_first.end(),
                                   [](const ImportedFrame& frame) { return frame.IsKernel(); });
  StackId user_stack;
  for (auto frame = root_first.begin(); frame != kernel; ++frame) {
    user_stack = builder_.InternStackNode(user_stack, FrameOf(*frame));
  }
  StackId kernel_stack;
  for (auto frame = kernel; frame != root_first.end(); ++frame) {
    kernel_stack = builder_.InternStackNode(kernel_stack, FrameOf(*frame));
  }
  int64_t second = 0;
  if (time_ns) {
    if (!first_ns_) first_ns_ = last_ns_ = *time_ns;
    last_ns_ = std::max(last_ns_, *time_ns);
    const int64_t since_ns = *time_ns - *first_ns_;
    second = (since_ns - (since_ns < 0 ? kSecondNs - 1 : 0)) / kSecondNs;
  }
  // Sums that no capture can hold are refused when it is written.
  uint64_t& row = rows_[second][{ThreadOf(thread).value, kernel_stack.value, user_stack.value}];
  samples = std::min(samples, kTooMany - std::min(kTooMany, samples_));
  row += samples;
  samples_ += samples;
}

Result<void> ImportedCapture::Write(uint64_t period_ns, const std::string& what, ByteSink& sink) {
  if (samples_ > container::kMaxSum / std::max<uint64_t>(period_ns, 1)) {
    return Error{"the samples stand for more time than a capture can hold", what,
                 "Check --unit and --frequency"};
  }
  const int64_t first = rows_.empty() ? 0 : rows_.begin()->first;
  const int64_t last = rows_.empty() ? 0 : rows_.rbegin()->first;
  if (last - first > kMaxSeconds) {
    return Error{"the samples' times lie more than 40 days apart", what,
                 "Import recordings one by one"};
  }
  Recording recording;
  recording.settings.recorder_version = std::string("import ") + kVersion;
  recording.settings.sources = {"cpu"};
  recording.settings.scope = "system";
  recording.settings.interval_ns = kSecondNs;
  if (period_ns > 0 && period_ns <= kSecondNs) {
    recording.settings.frequency_hz = static_cast<uint32_t>(kSecondNs / period_ns);
  }
  recording.start_realtime_ns = start_realtime_ns_;
  CaptureWriter writer(sink);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(recording));
  TWOFOLD_RETURN_IF_ERROR(WriteDefinitionsInParts(builder_.TakeNew(), writer));
  const bool has_times = first_ns_.has_value();
  uint64_t end_ns = 0;
  uint32_t number = 0;
  for (int64_t second = first; second <= last; ++second) {
    Interval interval;
    interval.number = number++;
    interval.start_ns = end_ns;
    const uint64_t all_ns = duration_ns_ > 0 ? duration_ns_ : samples_ * period_ns;
    end_ns += has_times ? kSecondNs : all_ns;
    interval.start_realtime_ns = start_realtime_ns_;
    interval.end_ns = end_ns;
    CpuRows& cpu = interval.cpu.emplace();
    cpu.period_ns = period_ns;
    if (const auto rows = rows_.find(second); rows != rows_.end()) {
      for (const auto& [key, samples] : rows->second) {
        const auto& [thread, kernel_stack, user_stack] = key;
        cpu.rows.push_back(CpuRow{.thread = ThreadId(thread),
                                  .kernel_stack = StackId(kernel_stack),
                                  .user_stack = StackId(user_stack),
                                  .samples = samples});
      }
    }
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(interval));
  }
  return writer.Finish(End{
      .reason = EndReason::kDuration, .end_ns = end_ns, .intervals = number, .command_status = -1});
}

}  // namespace twofold
