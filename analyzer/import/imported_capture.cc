#include "analyzer/import/imported_capture.h"

#include <algorithm>

#include "analyzer/data/definitions_writer.h"
#include "format/base/version.h"
#include "format/capture_writer.h"
#include "format/container.h"

namespace twofold {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kMinPeriodNs = 1000;  // nothing samples faster; then it is a unit of time
// Longer gaps than that between two samples are no recording.
constexpr uint64_t kTooMany = container::kMaxSum;
constexpr int64_t kMaxSeconds = 40 * 24 * 3600;

// Sources are shown in a list with commas.
std::string SourceWord(std::string event) {
  std::replace(event.begin(), event.end(), ',', ';');
  return event;
}

}  // namespace

uint32_t ImportedCapture::ImageOf(const ImportedThread& thread) {
  const auto named = [&](std::string_view name) {
    const auto [entry, is_new] =
        image_of_name_.try_emplace({thread.pid, std::string(name)}, uint32_t(images_.size()));
    if (is_new) images_.push_back({thread.pid, std::string(name), std::string(thread.name)});
    return entry->second;
  };
  if (!thread.process.empty()) return named(thread.process);
  // Threads without a pid belong to a process of their own name.
  if (thread.pid == 0) return named(thread.name);
  const auto [current, is_new] = image_of_pid_.try_emplace(thread.pid, uint32_t(images_.size()));
  if (is_new) images_.push_back({thread.pid, {}, std::string(thread.name)});
  if (thread.tid != thread.pid) return current->second;
  Image& image = images_[current->second];
  if (image.name.empty()) {
    image.name = thread.name;
    image_of_name_.try_emplace({thread.pid, image.name}, current->second);
  } else if (image.name != thread.name) {
    current->second = named(thread.name);
  }
  return current->second;
}

ThreadId ImportedCapture::ThreadOf(const ImportedThread& thread) {
  const uint32_t image = ImageOf(thread);
  const auto [entry, is_new] = thread_of_.try_emplace({image, thread.tid, std::string(thread.name)},
                                                      uint32_t(threads_.size() + 1));
  if (is_new) threads_.push_back({image, thread.tid, std::string(thread.name)});
  return ThreadId(entry->second);
}

// Threads get the ids that ThreadOf gave them.
void ImportedCapture::DefineThreads() {
  std::vector<ProcessId> processes;
  for (const Image& image : images_) {
    const std::string& name = image.name.empty() ? image.first_thread : image.name;
    processes.push_back(
        builder_.AddProcess(Process{.pid = Pid(image.pid), .name = builder_.InternString(name)}));
  }
  for (const NamedThread& thread : threads_) {
    builder_.AddThread(Thread{.process = processes[thread.image],
                              .tid = Tid(thread.tid),
                              .name = builder_.InternString(thread.name)});
  }
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
                          std::span<const ImportedFrame> root_first, uint64_t samples,
                          uint64_t weight) {
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
    if (!first_ns_) first_ns_ = *time_ns;
    const int64_t since_ns = *time_ns - *first_ns_;
    second = (since_ns - (since_ns < 0 ? kSecondNs - 1 : 0)) / kSecondNs;
  }
  Amount& row = rows_[second][{ThreadOf(thread).value, kernel_stack.value, user_stack.value}];
  // Sums that no capture can hold are refused when it is written.
  const auto add = [](uint64_t number, uint64_t& part, uint64_t& all) {
    number = std::min(number, kTooMany - std::min(kTooMany, all));
    part += number;
    all += number;
  };
  add(samples, row.samples, all_.samples);
  add(weight, row.weight, all_.weight);
}

// `before`: what lies in earlier rows. Shares of a time are rounded so that their sum is exact.
CpuRows ImportedCapture::RowsOf(int64_t second, const ImportedValues& values,
                                Amount& before) const {
  using Wide = unsigned __int128;
  CpuRows cpu;
  cpu.period_ns = values.period_ns > 0 ? values.period_ns : values.event.empty() ? 1 : 0;
  const auto rows = rows_.find(second);
  if (rows == rows_.end()) return cpu;
  const auto share = [&](uint64_t weight) {
    return uint64_t(static_cast<Wide>(weight) * values.total_ns /
                    std::max<uint64_t>(all_.weight, 1));
  };
  for (const auto& [key, amount] : rows->second) {
    const auto& [thread, kernel_stack, user_stack] = key;
    uint64_t samples = values.period_ns > 0 ? amount.samples : amount.weight;
    if (values.total_ns > 0) {
      samples = share(before.weight + amount.weight) - share(before.weight);
      before.weight += amount.weight;
    }
    cpu.rows.push_back(CpuRow{.thread = ThreadId(thread),
                              .kernel_stack = StackId(kernel_stack),
                              .user_stack = StackId(user_stack),
                              .samples = samples});
  }
  return cpu;
}

Result<void> ImportedCapture::Write(const ImportedValues& values, const std::string& what,
                                    ByteSink& sink) {
  const uint64_t period_ns = values.period_ns;
  if (all_.samples > container::kMaxSum / std::max<uint64_t>(period_ns, 1) ||
      all_.samples >= kTooMany || all_.weight >= kTooMany) {
    return Error{"the samples stand for more time than a capture can hold", what,
                 "Check --unit and --frequency"};
  }
  DefineThreads();
  const int64_t first = rows_.empty() ? 0 : rows_.begin()->first;
  const int64_t last = rows_.empty() ? 0 : rows_.rbegin()->first;
  if (last - first > kMaxSeconds) {
    return Error{"the samples' times lie more than 40 days apart", what,
                 "Import recordings one by one"};
  }
  Recording recording;
  recording.settings.recorder_version = std::string("import ") + kVersion;
  recording.settings.sources = {values.event.empty() ? "cpu"
                                                     : "events:" + SourceWord(values.event)};
  recording.settings.scope = "system";
  recording.settings.interval_ns = kSecondNs;
  if (period_ns >= kMinPeriodNs && period_ns <= kSecondNs) {
    recording.settings.frequency_hz = uint32_t(kSecondNs / period_ns);
  }
  recording.start_realtime_ns = start_realtime_ns_;
  CaptureWriter writer(sink);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(recording));
  TWOFOLD_RETURN_IF_ERROR(WriteDefinitionsInParts(builder_.TakeNew(), writer));
  const bool has_times = first_ns_.has_value();
  uint64_t all_ns = duration_ns_;
  if (all_ns == 0 && period_ns > 0) all_ns = all_.samples * period_ns;
  if (all_ns == 0) all_ns = values.total_ns;
  if (all_ns == 0 && values.event.empty()) all_ns = all_.weight;
  all_ns = std::min<uint64_t>(all_ns, container::kMaxTimeNs);
  uint64_t end_ns = 0;
  uint32_t number = 0;
  Amount before;
  for (int64_t second = first; second <= last; ++second) {
    Interval interval;
    interval.number = number++;
    interval.start_ns = end_ns;
    end_ns += has_times ? kSecondNs : all_ns;
    interval.start_realtime_ns = start_realtime_ns_;
    interval.end_ns = end_ns;
    interval.cpu = RowsOf(second, values, before);
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(interval));
  }
  return writer.Finish(End{
      .reason = EndReason::kDuration, .end_ns = end_ns, .intervals = number, .command_status = -1});
}

}  // namespace twofold
