// What recording costs is kept below what is allowed, and what it does to the kernel below what any
// host can bear.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <tuple>
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

// The workload, recorded for a while with a limit that no recording keeps to. `options` are more of
// the recorder's.
Outcome RecordStorm(const Workplace& workplace, const std::string& seconds,
                    const std::vector<std::string>& options) {
  Program workload({WorkloadPath("handoffs"), "30"}, workplace.Path("out"), workplace.Path("err"));
  std::vector<std::string> words = {RecorderPath(), "-o", workplace.Path("capture.twofold"), "-d",
                                    seconds,        "-p", std::to_string(workload.pid())};
  words.insert(words.end(), options.begin(), options.end());
  return RunToEnd(workplace, words);
}

std::vector<DetailStep> StepsOf(const Capture& capture) {
  std::vector<DetailStep> steps;
  for (const Interval& interval : capture.intervals) {
    steps.insert(steps.end(), interval.detail_steps.begin(), interval.detail_steps.end());
  }
  return steps;
}

uint64_t AccountedNs(const Interval& interval, bool waiting) {
  uint64_t time_ns = 0;
  for (const Account& account : *interval.accounts) {
    if (waiting) {
      time_ns += account.woken_ns + account.preempted_ns;
    } else {
      for (const uint64_t blocked_ns : account.blocked_ns) time_ns += blocked_ns;
    }
  }
  return time_ns;
}

TEST(Restraint, StormGoesOnToItsEndWithLessDetailAndExactTimes) {
  const Workplace workplace;
  const Outcome outcome = RecordStorm(workplace, "8", {"--max-overhead", "0.1"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_NE(outcome.errors.find("Above the limit"), std::string::npos) << outcome.errors;
  EXPECT_NE(outcome.errors.find("Less detail"), std::string::npos) << outcome.errors;
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kDuration);
  EXPECT_GE(WindowNs(capture), 7'999'000'000u);
  EXPECT_LT(WindowNs(capture), 8'500'000'000u);

  std::set<DetailKind> given_up;
  uint64_t before_ns = 0;
  for (const DetailStep& step : StepsOf(capture)) {
    std::printf("%.2f s: %d from %llu to %llu, %.2f %%\n", double(step.time_ns) / 1e9,
                int(step.detail), static_cast<unsigned long long>(step.from),
                static_cast<unsigned long long>(step.to), double(step.cost_permyriad) / 100);
    EXPECT_GE(step.time_ns, before_ns);
    EXPECT_FALSE(step.taken_back);
    EXPECT_NE(step.from, step.to);
    EXPECT_GT(step.cost_permyriad, 10u);
    before_ns = step.time_ns;
    given_up.insert(step.detail);
  }
  for (const DetailKind detail :
       {DetailKind::kQuantum, DetailKind::kWaitStacks, DetailKind::kWakers,
        DetailKind::kShortUserStacks, DetailKind::kStacks, DetailKind::kLimit}) {
    EXPECT_TRUE(given_up.contains(detail)) << int(detail);
  }

  // Until the end every thread's times add up, and the last rows are those times under one frame.
  for (const Interval& interval : capture.intervals) {
    ASSERT_TRUE(interval.accounts.has_value());
    for (const Account& account : *interval.accounts) {
      EXPECT_NEAR(double(account.SumNs()), double(account.existed_ns),
                  0.001 * double(account.existed_ns) + 1e6);
    }
  }
  ASSERT_GE(capture.intervals.size(), 8u);
  const Interval& late = capture.intervals[6];
  uint64_t blocked_ns = 0;
  for (const BlockedRow& row : *late.blocked) {
    blocked_ns += row.time_ns;
    EXPECT_EQ(StackNames(capture, row.kernel_stack),
              std::vector<std::string>{"[stack not taken: --max-overhead]"});
  }
  EXPECT_EQ(blocked_ns, AccountedNs(late, false));
  uint64_t waiting_ns = 0;
  for (const WaitingRow& row : *late.waiting) waiting_ns += row.time_ns;
  EXPECT_EQ(waiting_ns, AccountedNs(late, true));
  // One CPU: while one of the two threads runs, the other one is off it.
  uint64_t on_cpu_ns = 0;
  for (const Account& account : *late.accounts) on_cpu_ns += account.on_cpu_ns;
  EXPECT_GE(double(blocked_ns + waiting_ns), 0.95 * double(on_cpu_ns));
}

TEST(Restraint, OnlyOrStopEndsARecordingAndSaysSoEvenWhenQuiet) {
  const Workplace workplace;
  const Outcome outcome =
      RecordStorm(workplace, "25", {"--max-overhead", "0.1", "--or-stop", "--quiet"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.errors.find("Stopped early, as --or-stop asks: recording took"), 0u)
      << outcome.errors;
  EXPECT_EQ(std::count(outcome.errors.begin(), outcome.errors.end(), '\n'), 1) << outcome.errors;
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kOverhead);
  EXPECT_LT(WindowNs(capture), 12'000'000'000u);
  EXPECT_FALSE(capture.intervals.empty());
}

// A function's share of the CPU samples is what it was before, whatever an interval's rate.
TEST(Restraint, SamplesAtALowerRateHaveTheSameShares) {
  const auto [capture, truth] =
      RecordCommand({"--record", "cpu", "-F", "8000", "--max-overhead", "0.5"},
                    {WorkloadPath("burn_shares"), "8"});
  std::set<uint64_t> periods_ns;
  double sampled_ns = 0;
  double variance_ns2 = 0;
  for (const Interval& interval : capture.intervals) {
    periods_ns.insert(interval.cpu->period_ns);
    for (const CpuRow& row : interval.cpu->rows) {
      const double period_ns = double(interval.cpu->period_ns);
      sampled_ns += double(row.samples) * period_ns;
      variance_ns2 += double(row.samples) * period_ns * period_ns;
    }
  }
  std::printf("%zu rates\n", periods_ns.size());
  EXPECT_GE(periods_ns.size(), 2u);
  EXPECT_EQ(*periods_ns.begin(), 125'000u);
  // The last rates are low, and so are their samples' numbers.
  const double error_ns = 4 * std::sqrt(variance_ns2);
  const double quarter_ns = double(CpuNs(capture, {.function = "burn_a_quarter"}));
  EXPECT_NEAR(quarter_ns, sampled_ns / 4, 0.02 * sampled_ns + error_ns);
  EXPECT_NEAR(sampled_ns, 8e9, 0.05 * 8e9 + error_ns);  // CPU time that it burns
}

// What starting up takes is told, and is in no interval's cost.
TEST(Restraint, StartingUpIsToldApart) {
  const auto [capture, truth] =
      RecordCommand({"--record", "cpu"}, {WorkloadPath("burn_shares"), "2"});
  ASSERT_FALSE(capture.intervals.empty());
  const Cost& first = capture.intervals.front().cost;
  EXPECT_GT(first.startup_ns, 20'000'000u);
  EXPECT_LT(first.startup_ns, 3'000'000'000u);
  EXPECT_LT(first.user_ns + first.system_ns, first.startup_ns);
}

// 20 busy threads on each CPU, and each interval is read when it has ended.
TEST(Restraint, IntervalsEndInTimeOnAHostThatIsFull) {
  const Workplace workplace;
  std::vector<std::unique_ptr<Program>> loops;
  std::string pids;
  for (int i = 0; i < 40; ++i) {
    loops.push_back(std::make_unique<Program>(
        std::vector<std::string>{WorkloadPath("burn_shares"), "60"},
        workplace.Path("out" + std::to_string(i)), workplace.Path("err" + std::to_string(i))));
    pids += (i == 0 ? "" : ",") + std::to_string(loops.back()->pid());
  }
  const std::string path = workplace.Path("capture.twofold");
  const Outcome outcome = RunToEnd(workplace, {RecorderPath(), "-o", path, "-d", "6", "-p", pids});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  const Capture capture = LoadCapture(path);
  EXPECT_LT(WindowNs(capture), 6'100'000'000u);
  ASSERT_GE(capture.intervals.size(), 6u);
  for (const Interval& interval : capture.intervals) {
    std::printf("interval %u: %.2f ms late\n", interval.number, double(interval.late_ns) / 1e6);
    EXPECT_LT(interval.late_ns, 50'000'000u);
  }
}

// What a command is started with is not the recorder's own.
TEST(Restraint, ACommandRunsLikeAnyOther) {
  const Workplace workplace;
  const Outcome outcome =
      RunToEnd(workplace, {RecorderPath(), "--quiet", "-o", workplace.Path("capture.twofold"), "--",
                           "/bin/sh", "-c", "sleep 1; nice; grep policy /proc/self/sched"});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  std::string output = outcome.output;
  output.erase(std::remove(output.begin(), output.end(), ' '), output.end());
  EXPECT_EQ(output, "0\npolicy:0\n");
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
    uint64_t later_rows = 0;  // that no interval had before
    std::set<std::tuple<uint32_t, int, uint32_t, uint32_t, int, uint32_t>> rows;
    for (size_t i = 0; i < capture.intervals.size(); ++i) {
      const Interval& interval = capture.intervals[i];
      (i < 3 ? first : later) += interval.cost.map_inserts;
      const uint64_t rows_before = rows.size();
      for (const BlockedRow& row : *interval.blocked) {
        rows.emplace(row.thread.value, int(row.state), row.kernel_stack.value, row.user_stack.value,
                     row.parts, row.chain.value);
      }
      for (const WaitingRow& row : *interval.waiting) {
        rows.emplace(row.thread.value, -1 - int(row.preempted), row.kernel_stack.value,
                     row.user_stack.value, 0, 0);
      }
      if (i < 3) continue;
      later_rows += rows.size() - rows_before;
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
    // Each insert is for something new: a row, with its stacks, its waker and its chain. An
    // interrupt that wakes may come anywhere, so wakers may be new, too.
    EXPECT_LE(double(later), 0.002 * double(later_blocks) + 4 * double(later_rows));
    EXPECT_LT(double(later), 0.01 * double(later_blocks) + 4 * double(later_preemptions));
  }
}

}  // namespace
}  // namespace twofold::live
