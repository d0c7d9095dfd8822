// Writes a synthetic capture with many distinct stacks, the same on every run, to measure the
// analyzer with:
//
//   many_stacks 1000000 > many.twofold && time twofold fold --view offcpu many.twofold >
//   many.folded
//
// Its shape is that of a busy host: 1,000 threads of 50 processes, 20,000 symbols, user stacks of
// 10 to 60 frames that share callers, 300 kernel stacks of 8 to 14 frames, 10 intervals. Every user
// stack is seen in one row, under one kernel stack.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "format/base/output_file.h"
#include "format/capture_writer.h"
#include "format/definitions_builder.h"

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1000000000;

// The same numbers on every machine (a linear congruential generator; the high bits are good).
class Numbers {
 public:
  uint32_t Below(uint32_t limit) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return uint32_t((state_ >> 33) % limit);
  }

 private:
  uint64_t state_ = 1;
};

struct Node {
  StackId id;
  uint32_t depth;
};

Result<void> Write(uint32_t stacks) {
  constexpr uint32_t kIntervals = 10;
  Result<OutputFile> output = OutputFile::Create("-");
  if (!output) return std::move(output).error();
  DefinitionsBuilder builder;
  CaptureWriter writer(*output);
  Numbers numbers;

  Recording recording;
  recording.host.hostname = "synthetic";
  recording.host.kernel_release = "6.1.0";
  recording.host.machine = "x86_64";
  recording.host.cpus_online = 64;
  recording.settings.recorder_version = "0";
  recording.settings.sources = {"offcpu"};
  recording.settings.interval_ns = kSecondNs;
  recording.settings.scope = "system";
  recording.start_realtime_ns = 1700000000 * int64_t(kSecondNs);
  TWOFOLD_RETURN_IF_ERROR(writer.Start(recording));

  std::vector<ThreadId> threads;
  for (uint32_t p = 0; p < 50; ++p) {
    Process process;
    process.pid = Pid(1000 + p * 100);
    process.name = builder.InternString("service-" + std::to_string(p));
    ProcessId id = builder.AddProcess(process);
    for (uint32_t t = 0; t < 20; ++t) {
      Thread thread;
      thread.process = id;
      thread.tid = Tid(1000 + p * 100 + t);
      thread.name = builder.InternString("worker-" + std::to_string(t));
      threads.push_back(builder.AddThread(thread));
    }
  }
  auto make_frames = [&](ModuleKind kind, const char* path, const char* prefix, uint32_t count) {
    ModuleId module = builder.InternModule({kind, builder.InternString(path), StringId()});
    std::vector<FrameId> frames;
    for (uint32_t i = 0; i < count; ++i) {
      std::string symbol = prefix + std::to_string(i * 7919 % count);
      frames.push_back(builder.InternFrame({module, builder.InternString(symbol), i * 16}));
    }
    return frames;
  };
  std::vector<FrameId> functions =
      make_frames(ModuleKind::kUserFile, "/usr/bin/service", "service_component_function_", 20000);
  std::vector<FrameId> kernel_functions =
      make_frames(ModuleKind::kKernel, "", "kernel_function_", 500);

  std::vector<StackId> kernel_stacks;
  for (uint32_t i = 0; i < 300; ++i) {
    StackId node;
    uint32_t depth = 8 + numbers.Below(7);
    for (uint32_t d = 0; d < depth; ++d) {
      uint32_t choices = d < 4 ? 2 : 60;
      uint32_t index = (d * 37 + numbers.Below(choices)) % 500;
      node = builder.InternStackNode(node, kernel_functions[index]);
    }
    kernel_stacks.push_back(node);
  }

  // A new stack keeps the outer part of an older one and goes its own way from there.
  std::vector<std::vector<StackId>> recent(4096);
  uint32_t made = 0;
  uint64_t start_ns = 0;
  for (uint32_t number = 0; number < kIntervals; ++number) {
    Interval interval;
    interval.number = number;
    interval.start_ns = start_ns;
    interval.end_ns = start_ns += kSecondNs;
    interval.start_realtime_ns = recording.start_realtime_ns + int64_t(interval.start_ns);
    interval.blocked.emplace();
    uint64_t until = uint64_t(stacks) * (number + 1) / kIntervals;
    while (made < until) {
      std::vector<StackId> path = recent[numbers.Below(4096)];
      uint32_t keep = path.empty() ? 0 : numbers.Below(uint32_t(path.size())) + 1;
      if (keep < 8 && path.size() >= 8) keep = 8;
      if (keep > 58) keep = 50;
      path.resize(keep);
      uint32_t before = builder.stack_count();
      uint32_t wanted = keep < 10 ? 10 : keep + 1 + numbers.Below(2);
      while (path.size() < wanted || builder.stack_count() == before) {
        // Few ways near the root, many further up.
        uint32_t depth = uint32_t(path.size());
        uint32_t choices = depth < 4 ? 3 : depth < 10 ? 30 : 2000;
        FrameId frame = functions[(depth * 211 + numbers.Below(choices)) % functions.size()];
        path.push_back(builder.InternStackNode(path.empty() ? StackId() : path.back(), frame));
      }
      BlockedRow row;
      row.thread = threads[numbers.Below(uint32_t(threads.size()))];
      row.state = numbers.Below(4) == 0 ? BlockState::kUninterruptible : BlockState::kInterruptible;
      row.user_stack = path.back();
      row.kernel_stack = kernel_stacks[numbers.Below(300)];
      row.time_ns = 1000 + numbers.Below(2000000);
      row.count = 1 + numbers.Below(20);
      interval.blocked->push_back(row);
      recent[numbers.Below(4096)] = std::move(path);
      ++made;
    }
    TWOFOLD_RETURN_IF_ERROR(writer.WriteDefinitions(builder.TakeNew()));
    TWOFOLD_RETURN_IF_ERROR(writer.WriteInterval(interval));
  }
  TWOFOLD_RETURN_IF_ERROR(writer.Finish({EndReason::kDuration, start_ns, kIntervals, -1}));
  return output->Commit();
}

}  // namespace
}  // namespace twofold

int main(int argc, char** argv) {
  long stacks = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (stacks < 10 || stacks > 100000000) {
    fprintf(stderr, "usage: many_stacks NUMBER > FILE\n");
    return 2;
  }
  twofold::Result<void> written = twofold::Write(uint32_t(stacks));
  if (!written) fprintf(stderr, "many_stacks: %s\n", written.error().Message().c_str());
  return written ? 0 : 1;
}
