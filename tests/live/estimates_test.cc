// Blocks that are kept by chance, or left out on purpose, and single ones that are kept as they
// were.

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

struct Sums {
  double accounts_ns = 0;  // exact
  double rows_ns = 0;      // estimate
  double error_ns = 0;     // its standard error
  uint64_t samples = 0;
  uint64_t count = 0;
};

Sums SumsOf(const Capture& capture) {
  Sums sums;
  double variance_us2 = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      for (const uint64_t blocked_ns : account.blocked_ns) sums.accounts_ns += double(blocked_ns);
    }
    for (const BlockedRow& row : *interval.blocked) {
      sums.rows_ns += double(row.time_ns);
      sums.samples += row.samples;
      sums.count += row.count;
      variance_us2 += double(row.variance_us2);
    }
  }
  sums.error_ns = 1000 * std::sqrt(variance_us2);
  return sums;
}

// Five standard errors: once in two million runs.
constexpr double kErrors = 5;

TEST(Estimates, ShortBlocksAddUpWithinTheirStatedError) {
  const auto [capture, truth] =
      RecordCommand({"--max-overhead", "none"}, {WorkloadPath("many_stacks"), "6", "500"});
  const Sums sums = SumsOf(capture);
  ASSERT_GT(truth["switches"], 5'000u);
  EXPECT_LT(sums.samples, truth["switches"] / 2);  // most were left out
  EXPECT_NEAR(sums.rows_ns, sums.accounts_ns, kErrors * sums.error_ns);
  EXPECT_LT(sums.error_ns, 0.05 * sums.accounts_ns);
  EXPECT_NEAR(double(sums.count), double(truth["switches"]), 0.2 * double(truth["switches"]));
}

TEST(Estimates, ExactMeansEveryBlock) {
  const auto [capture, truth] =
      RecordCommand({"--exact"}, {WorkloadPath("many_stacks"), "3", "500"});
  const Sums sums = SumsOf(capture);
  EXPECT_EQ(sums.error_ns, 0);
  EXPECT_NEAR(sums.rows_ns, sums.accounts_ns, 0.001 * double(truth["wall_ns"]));
}

TEST(Estimates, BlocksOfOtherLengthsThanAskedForHaveNoRow) {
  const auto [longer, truth] =
      RecordCommand({"--exact", "--min-block", "20000"}, {WorkloadPath("many_stacks"), "2", "50"});
  EXPECT_EQ(BlockedNs(longer, {.function = "block_once"}), 0u);
  EXPECT_GT(SumsOf(longer).accounts_ns, 0.3 * double(truth["wall_ns"]));
  const auto [shorter, truth_too] = RecordCommand({"--exact", "--max-block", "20000"},
                                                  {WorkloadPath("blocked_whole_window"), "2"});
  EXPECT_EQ(BlockedNs(shorter, {.function = "wait_on_pipe"}), 0u);
}

TEST(Estimates, LongestBlocksAreKeptOneByOne) {
  const auto [capture, truth] = RecordCommand({}, {WorkloadPath("relay"), "2"});
  uint64_t of_timer = 0;
  for (const Interval& interval : capture.intervals) {
    uint64_t kept[4] = {};
    for (const Exemplar& exemplar : interval.exemplars) {
      ASSERT_LE(size_t(exemplar.kind), 3u);
      EXPECT_LE(++kept[size_t(exemplar.kind)], 16u);
      EXPECT_LE(exemplar.start_ns, exemplar.end_ns);
      const std::string name = capture.String(capture.GetThread(exemplar.thread).name);
      if (exemplar.kind != ExemplarKind::kInterruptible || name != "relay_1" || exemplar.open)
        continue;
      // It waits for a timer of 20 ms, and for nothing else until the end.
      ++of_timer;
      EXPECT_LT(exemplar.end_ns - exemplar.start_ns, 200'000'000u);
    }
  }
  EXPECT_GT(of_timer, 0u);
}

// The smallest budget holds about 2,000 stacks; 20,000 come by. Maps are changed for fresh ones
// again and again, and between two changes some rows find no room.
TEST(Estimates, ChangeOfFullMapsLosesAndDoublesNothing) {
  const auto [capture, truth] = RecordCommand({"--exact", "--memory", "8", "--record", "offcpu"},
                                              {WorkloadPath("many_stacks"), "6", "20000"});
  uint64_t inserts = 0;
  uint64_t parts = 0;
  uint64_t seen_ns = 0;
  uint64_t off_cpu_ns = 0;
  uint64_t waits = 0;
  for (const Interval& interval : capture.intervals) {
    for (const WaitCount& count : *interval.wait_counts) waits += count.count;
    inserts += interval.cost.map_inserts;
    for (const Loss& loss : interval.losses) {
      if (loss.time_ns > 0) parts += loss.count;
      seen_ns += loss.time_ns;
    }
    for (const BlockedRow& row : *interval.blocked) {
      parts += row.count;
      seen_ns += row.time_ns;
    }
    for (const WaitingRow& row : *interval.waiting) {
      parts += row.count;
      seen_ns += row.time_ns;
    }
    for (const Account& account : *interval.accounts) {
      off_cpu_ns += account.existed_ns - account.on_cpu_ns;
    }
  }
  EXPECT_GT(inserts, 30'000u);
  EXPECT_NEAR(double(seen_ns), double(off_cpu_ns), 0.002 * double(truth["wall_ns"]));
  EXPECT_NEAR(double(parts), double(truth["switches"] + waits), 0.001 * double(truth["switches"]));
}

TEST(Estimates, EveryWaitForACpuIsInTheHistogram) {
  const auto [capture, truth] = RecordCommand({}, {WorkloadPath("many_stacks"), "3", "50"});
  uint64_t waits = 0;
  for (const Interval& interval : capture.intervals) {
    for (const WaitCount& count : *interval.wait_counts) waits += count.count;
  }
  // One for each block, one for each time that it was preempted, one at its birth; a few switches
  // of this kernel reach no tracer.
  EXPECT_GT(double(waits), 0.998 * double(truth["switches"]));
}

}  // namespace
}  // namespace twofold::live
