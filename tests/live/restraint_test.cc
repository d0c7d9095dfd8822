// What recording costs is kept below what is allowed, and what it does to the kernel below what any
// host can bear.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

double CostPercent(const Capture& capture, const Interval& interval) {
  const Cost& cost = interval.cost;
  return 100 * double(cost.bpf_ns + cost.user_ns + cost.system_ns) /
         double(interval.end_ns - interval.start_ns) / double(capture.recording.host.cpus_online);
}

// Walking every one of thousands of blocks a second costs more than is allowed: T rises within
// three seconds.
TEST(Restraint, RaisesTheQuantumWithinThreeSecondsUntilTheCostIsAllowed) {
  constexpr double kAllowed_percent = 1;
  const auto [capture, truth] =
      RecordCommand({"--exact", "--max-overhead", "1"}, {WorkloadPath("many_stacks"), "8", "200"});
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kCommandEnded);
  ASSERT_GE(capture.intervals.size(), 7u);
  EXPECT_EQ(capture.intervals.front().quantum_ns, 0u);
  double cost_percent = 0;
  size_t intervals = 0;
  for (size_t i = 0; i < capture.intervals.size(); ++i) {
    const Interval& interval = capture.intervals[i];
    std::printf("interval %zu: %.2f %% of the host, T %.1f ms\n", i, CostPercent(capture, interval),
                double(interval.quantum_ns) / 1e6);
    // The last one is short.
    if (i < 3 || i + 1 == capture.intervals.size()) continue;
    EXPECT_GT(interval.quantum_ns, 0u);
    cost_percent += CostPercent(capture, interval);
    ++intervals;
  }
  EXPECT_LE(cost_percent / double(intervals), kAllowed_percent);
}

TEST(Restraint, DetachesWithAWordWhenNoQuantumIsEnough) {
  const Workplace workplace;
  const std::string path = workplace.Path("capture.twofold");
  Program workload({WorkloadPath("handoffs"), "20"}, workplace.Path("out"), workplace.Path("err"));
  const Outcome outcome =
      RunToEnd(workplace, {RecorderPath(), "-o", path, "-d", "15", "-p",
                           std::to_string(workload.pid()), "--max-overhead", "0.1"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.errors.find("Stopped early"), std::string::npos) << outcome.errors;
  const Capture capture = LoadCapture(path);
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kOverhead);
  EXPECT_LT(WindowNs(capture), 6'000'000'000u);
  EXPECT_FALSE(capture.intervals.empty());
}

// Once everything was seen, programs only look up and add. What is new later is where a thread was
// when it lost its CPU: any instruction may be that, a stack and a row each.
TEST(Restraint, SteadyStateInsertsNothing) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{WorkloadPath("handoffs"), "6"},
        std::vector<std::string>{WorkloadPath("many_stacks"), "6", "200"}}) {
    SCOPED_TRACE(command.front());
    const auto [capture, truth] =
        RecordCommand({"--exact", "--wakers", "8", "--record", "offcpu"}, command);
    ASSERT_GE(capture.intervals.size(), 5u);
    uint64_t first = 0;
    uint64_t later = 0;
    uint64_t later_preemptions = 0;
    uint64_t later_blocks = 0;
    for (size_t i = 0; i < capture.intervals.size(); ++i) {
      const Interval& interval = capture.intervals[i];
      (i < 3 ? first : later) += interval.cost.map_inserts;
      if (i < 3) continue;
      for (const BlockedRow& row : *interval.blocked) later_blocks += row.count;
      for (const WaitingRow& row : *interval.waiting) {
        if (row.preempted) later_preemptions += row.count;
      }
    }
    std::printf("%llu inserts in three intervals; later %llu, with %llu blocks, %llu preemptions\n",
                static_cast<unsigned long long>(first), static_cast<unsigned long long>(later),
                static_cast<unsigned long long>(later_blocks),
                static_cast<unsigned long long>(later_preemptions));
    EXPECT_GT(later_blocks, 5'000u);
    EXPECT_LT(double(later), 0.002 * double(later_blocks) + 4 * double(later_preemptions));
  }
}

}  // namespace
}  // namespace twofold::live
