#include "tests/live/memory_harness.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace twofold::live {
namespace {

// Of threads, kinds and stacks.
using Place = std::tuple<ThreadId, AllocationKind, StackId, StackId>;

template <typename Row>
Place PlaceOf(const Row& row) {
  return {row.thread, row.kind, row.kernel_stack, row.user_stack};
}

std::map<Place, Memory> MemoryByPlace(const Capture& capture) {
  std::map<Place, Memory> sums;
  for (const Interval& interval : capture.intervals) {
    for (const AllocationRow& row : interval.allocations.value_or(std::vector<AllocationRow>())) {
      Memory& sum = sums[PlaceOf(row)];
      sum.allocated_bytes += row.allocated_bytes;
      sum.allocated_count += row.allocated_count;
      sum.samples += row.samples;
      sum.freed_bytes += row.freed_bytes;
      sum.freed_count += row.freed_count;
      sum.untracked_bytes += row.untracked_bytes;
      sum.untracked_count += row.untracked_count;
    }
    for (const OutstandingRow& row : interval.outstanding.value_or(std::vector<OutstandingRow>())) {
      Memory& sum = sums[PlaceOf(row)];
      sum.outstanding_bytes += row.bytes;
      sum.outstanding_count += row.count;
      sum.outstanding_samples += row.samples;
      sum.variance_bytes2 += row.variance_bytes2;
      if (row.age == 0) sum.young_count += row.count;
    }
  }
  return sums;
}

}  // namespace

Memory MemoryOf(const Capture& capture, const std::string& function,
                std::optional<AllocationKind> wanted_kind) {
  Memory all;
  for (const auto& [place, sum] : MemoryByPlace(capture)) {
    const auto& [thread, kind, kernel_stack, user_stack] = place;
    if (wanted_kind && kind != *wanted_kind) continue;
    if (!function.empty() && !StackHas(capture, user_stack, function) &&
        !StackHas(capture, kernel_stack, function)) {
      continue;
    }
    all.allocated_bytes += sum.allocated_bytes;
    all.allocated_count += sum.allocated_count;
    all.samples += sum.samples;
    all.freed_bytes += sum.freed_bytes;
    all.freed_count += sum.freed_count;
    all.untracked_bytes += sum.untracked_bytes;
    all.untracked_count += sum.untracked_count;
    all.outstanding_bytes += sum.outstanding_bytes;
    all.outstanding_count += sum.outstanding_count;
    all.outstanding_samples += sum.outstanding_samples;
    all.variance_bytes2 += sum.variance_bytes2;
    all.young_count += sum.young_count;
  }
  return all;
}

void ExpectAllAccountedFor(const Capture& capture) {
  for (const auto& [place, sum] : MemoryByPlace(capture)) {
    EXPECT_EQ(sum.allocated_bytes - sum.freed_bytes - sum.untracked_bytes, sum.outstanding_bytes);
    EXPECT_EQ(sum.allocated_count - sum.freed_count - sum.untracked_count, sum.outstanding_count);
  }
  for (size_t i = 0; i < capture.intervals.size(); ++i) {
    EXPECT_TRUE(capture.intervals[i].allocations.has_value());
    EXPECT_EQ(capture.intervals[i].outstanding.has_value(), i + 1 == capture.intervals.size());
  }
}

MemoryRun::MemoryRun(const std::vector<std::string>& workload,
                     const std::vector<std::string>& options, const std::string& preload) {
  std::vector<std::string> words = {"env"};
  if (!preload.empty()) words.push_back("LD_PRELOAD=" + preload);
  words.insert(words.end(), workload.begin(), workload.end());
  workload_ = std::make_unique<Program>(words, Output(), workplace_.Path("err"));
  const std::string number = std::to_string(pid());
  EXPECT_TRUE(Eventually([&] {  // it waits for the signal to begin
    const std::string wanted = std::to_string(SYS_rt_sigtimedwait) + " ";
    return ReadWhole("/proc/" + number + "/syscall").rfind(wanted, 0) == 0;
  })) << ReadWhole(workplace_.Path("err"));
  std::vector<std::string> all = {"-p", number};
  if (std::find(options.begin(), options.end(), "--record") == options.end()) {
    all.insert(all.end(), {"--record", "memleak"});
  }
  all.insert(all.end(), options.begin(), options.end());
  recorder_ = std::make_unique<Recorder>(all);
}

std::string MemoryRun::Output() const { return workplace_.Path("out"); }

Truth MemoryRun::LetItRun() {
  End(SIGUSR1);
  const auto has_ended = [&] { return ReadWhole(Output()).find('\n') != std::string::npos; };
  // Millions of allocations, each with probes: some machines need half a minute.
  bool ended = false;
  for (int patience = 0; patience < 6 && !ended; ++patience) ended = Eventually(has_ended);
  EXPECT_TRUE(ended) << ReadWhole(workplace_.Path("err"));
  return Truth(ReadWhole(Output()));
}

}  // namespace twofold::live
