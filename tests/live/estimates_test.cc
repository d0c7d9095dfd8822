// Blocks that are kept by chance, or left out on purpose, and single ones that are kept as they
// were.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

struct Sums {
  double accounts_ns = 0;  // exact
  double rows_ns = 0;      // estimate
  double error_ns = 0;     // its standard error
  uint64_t samples = 0;
  uint64_t count = 0;
  double count_error = 0;
};

Sums SumsOf(const Capture& capture) {
  Sums sums;
  double variance_us2 = 0;
  double count_variance = 0;
  for (const Interval& interval : capture.intervals) {
    for (const Account& account : *interval.accounts) {
      for (const uint64_t blocked_ns : account.blocked_ns) sums.accounts_ns += double(blocked_ns);
    }
    for (const BlockedRow& row : *interval.blocked) {
      sums.rows_ns += double(row.time_ns);
      sums.samples += row.samples;
      sums.count += row.count;
      variance_us2 += double(row.variance_us2);
      count_variance += double(row.count_variance);
    }
  }
  sums.count_error = std::sqrt(count_variance);
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
  // A thousandth for its beginning and end.
  EXPECT_NEAR(double(sums.count), double(truth["switches"]),
              kErrors * sums.count_error + 0.001 * double(truth["switches"]));
  EXPECT_LT(sums.count_error, 0.1 * double(truth["switches"]));
}

// Threads that block for about as long as T, over and over: in nine of ten intervals and more the
// account, which is exact, lies within the 95 % interval that a thread's rows state.
TEST(Estimates, StatedErrorsCoverTheTruth) {
  struct Case {
    const char* quantum_us;
    const char* sleep_us;
  };
  for (const auto& [quantum_us, sleep_us] :
       {Case{"100", "60"}, Case{"1000", "400"}, Case{"10000", "4000"}}) {
    SCOPED_TRACE(std::string("T = ") + quantum_us + " us");
    const auto [capture, truth] =
        RecordCommand({"--record", "offcpu", "--interval", "0.3", "--max-overhead", "none",
                       "--quantum", quantum_us},
                      {WorkloadPath("short_sleeps"), "3.2", "10", sleep_us});
    double all = 0;
    double covered = 0;
    double rows_ns = 0;
    double accounts_ns = 0;
    double variance_ns2 = 0;
    const Sums sums = SumsOf(capture);
    for (const Interval& interval : capture.intervals) {
      std::map<ThreadId, double> blocked_ns;
      std::map<ThreadId, double> variances_ns2;
      for (const BlockedRow& row : *interval.blocked) {
        blocked_ns[row.thread] += double(row.time_ns);
        variances_ns2[row.thread] += 1e6 * double(row.variance_us2);
      }
      for (const Account& account : *interval.accounts) {
        double truth_ns = 0;
        for (const uint64_t ns : account.blocked_ns) truth_ns += double(ns);
        if (truth_ns < 50e6) continue;
        ++all;
        covered += std::fabs(blocked_ns[account.thread] - truth_ns) <=
                   1.96 * std::sqrt(variances_ns2[account.thread]);
        rows_ns += blocked_ns[account.thread];
        accounts_ns += truth_ns;
        variance_ns2 += variances_ns2[account.thread];
      }
    }
    std::printf("T = %s us: %.0f of %.0f covered, %+.3f %% +- %.3f %%\n", quantum_us, covered, all,
                100 * (rows_ns / accounts_ns - 1), 100 * std::sqrt(variance_ns2) / accounts_ns);
    const double sleeps = double(truth["sleeps"]);
    std::printf("%.0f sleeps, counted %.0f +- %.0f\n", sleeps, double(sums.count),
                sums.count_error);
    EXPECT_NEAR(double(sums.count), sleeps, 4 * sums.count_error + 0.001 * sleeps);
    EXPECT_GT(all, 60);
    // Of 100 at 95 %, fewer than 86 are covered once in 4,000 times.
    EXPECT_GE(covered, 0.86 * all);
    EXPECT_NEAR(rows_ns, accounts_ns, 4 * std::sqrt(variance_ns2));
  }
}

// Hundreds of threads that block for two milliseconds over and over would have a hundred thousand
// walks a second by T = 1 ms. Each CPU raises T for itself instead; sums and their errors stay
// right.
TEST(Estimates, WalksHaveABudgetWhateverTheNumberOfThreads) {
  constexpr double kMostPerCpu = 2000;  // blocks in a second, each with two walks
  const auto [capture, truth] = RecordCommand({"--record", "offcpu", "--max-overhead", "none"},
                                              {WorkloadPath("short_sleeps"), "5", "400", "2000"});
  const Sums sums = SumsOf(capture);
  const double sleeps = double(truth["sleeps"]);
  const double seconds = double(WindowNs(capture)) / 1e9;
  uint64_t largest_ns = 0;
  for (const Interval& interval : capture.intervals) {
    std::printf("T up to %.0f ms\n", double(interval.quantum_ns) / 1e6);
    largest_ns = std::max(largest_ns, interval.quantum_ns);
  }
  std::printf(
      "%.0f sleeps, counted %.0f +- %.0f by %.0f samples; time off by %+.2f %% +- %.2f %%\n",
      sleeps, double(sums.count), sums.count_error, double(sums.samples),
      100 * (sums.rows_ns / sums.accounts_ns - 1), 100 * sums.error_ns / sums.accounts_ns);
  ASSERT_GT(sleeps / seconds, 20'000);
  EXPECT_GT(largest_ns, 2'000'000u);
  EXPECT_LT(double(sums.samples) / seconds,
            kMostPerCpu * double(capture.recording.host.cpus_online));
  EXPECT_NEAR(sums.rows_ns, sums.accounts_ns, kErrors * sums.error_ns);
  EXPECT_LT(sums.error_ns, 0.1 * sums.accounts_ns);
  EXPECT_NEAR(double(sums.count), sleeps, kErrors * sums.count_error + 0.001 * sleeps);
}

TEST(Estimates, TStaysWhereWalksAreFewAndWhereItWasGiven) {
  const auto calm = RecordCommand({"--record", "offcpu", "--max-overhead", "none"},
                                  {WorkloadPath("short_sleeps"), "2", "1", "10000"});
  const auto given =
      RecordCommand({"--record", "offcpu", "--max-overhead", "none", "--quantum", "1000"},
                    {WorkloadPath("short_sleeps"), "2", "200", "2000"});
  for (const Interval& interval : calm.capture.intervals) {
    EXPECT_EQ(interval.quantum_ns, 1'000'000u);
  }
  for (const Interval& interval : given.capture.intervals) {
    EXPECT_EQ(interval.quantum_ns, 1'000'000u);
  }
}

TEST(Estimates, ExactMeansEveryBlock) {
  const auto [capture, truth] =
      RecordCommand({"--exact"}, {WorkloadPath("many_stacks"), "3", "500"});
  const Sums sums = SumsOf(capture);
  EXPECT_EQ(sums.error_ns, 0);
  EXPECT_NEAR(sums.rows_ns, sums.accounts_ns, 0.001 * double(truth["wall_ns"]));
}

struct Share {
  double part = 0;
  double error = 0;  // standard error, as the rows state it
  double of_blocks = 0;
};

// Which part of a thread's blocked time, and of its blocks, has a function on its stack.
Share ShareOf(const Capture& capture, const std::string& function, const std::string& thread) {
  double time_ns = 0;
  double all_ns = 0;
  double variance_us2 = 0;
  double all_variance_us2 = 0;
  double blocks = 0;
  double all_blocks = 0;
  for (const Interval& interval : capture.intervals) {
    for (const BlockedRow& row : *interval.blocked) {
      if (capture.String(capture.GetThread(row.thread).name) != thread) continue;
      all_ns += double(row.time_ns);
      all_variance_us2 += double(row.variance_us2);
      all_blocks += double(row.count);
      if (!StackHas(capture, row.user_stack, function)) continue;
      time_ns += double(row.time_ns);
      variance_us2 += double(row.variance_us2);
      blocks += double(row.count);
    }
  }
  Share share;
  share.part = time_ns / all_ns;
  share.of_blocks = blocks / all_blocks;
  // Of a quotient whose two sides have the rows of the function in common.
  const double rest_us2 = all_variance_us2 - variance_us2;
  share.error = 1000 *
                std::sqrt((1 - share.part) * (1 - share.part) * variance_us2 +
                          share.part * share.part * rest_us2) /
                all_ns;
  return share;
}

// Two recorders look at the same thread, which blocks as often as a CPU allows: one keeps every
// block, the other one in some hundreds.
TEST(Estimates, SharesOfManySwitchesLieWithinTheirStatedErrorOfExact) {
  const Workplace workplace;
  Program workload({WorkloadPath("handoffs"), "14"}, workplace.Path("out"), workplace.Path("err"));
  const auto record = [&](const std::string& name, const std::vector<std::string>& options) {
    std::vector<std::string> words = {
        RecorderPath(), "-o", workplace.Path(name),           "-d",
        "10",           "-p", std::to_string(workload.pid()), "--max-overhead",
        "none"};
    words.insert(words.end(), options.begin(), options.end());
    return std::make_unique<Program>(words, workplace.Path(name + ".out"),
                                     workplace.Path(name + ".err"));
  };
  const auto exactly = record("exact", {"--exact"});
  const auto by_chance = record("chance", {});
  ASSERT_EQ(exactly->Wait(), 0) << ReadWhole(workplace.Path("exact.err"));
  ASSERT_EQ(by_chance->Wait(), 0) << ReadWhole(workplace.Path("chance.err"));
  ASSERT_EQ(workload.Wait(), 0);
  const Truth truth(ReadWhole(workplace.Path("out")));
  const Capture exact = LoadCapture(workplace.Path("exact"));
  const Capture chance = LoadCapture(workplace.Path("chance"));
  std::printf("%.0f switches a second\n",
              double(truth["switches"]) * 1e9 / double(truth["wall_ns"]));

  const Sums exact_sums = SumsOf(exact);
  const Sums chance_sums = SumsOf(chance);
  EXPECT_GT(exact_sums.samples, 100'000u);
  EXPECT_LT(chance_sums.samples, exact_sums.samples / 20);
  // Totals are exact, whatever was kept.
  EXPECT_NEAR(exact_sums.rows_ns, exact_sums.accounts_ns, 0.001 * 2 * double(WindowNs(exact)));
  EXPECT_EQ(exact_sums.error_ns, 0);
  EXPECT_NEAR(chance_sums.rows_ns, chance_sums.accounts_ns, kErrors * chance_sums.error_ns);
  for (const auto& [function, by_construction] :
       {std::pair{"wait_for_one", 1 / 8.}, {"wait_for_two", 2 / 8.}, {"wait_for_five", 5 / 8.}}) {
    SCOPED_TRACE(function);
    const Share of_all = ShareOf(exact, function, "handoffs");
    const Share of_some = ShareOf(chance, function, "handoffs");
    std::printf("%s: exact %.4f, by chance %.4f +- %.4f\n", function, of_all.part, of_some.part,
                of_some.error);
    // How long each of them takes is the machine's affair, how many they are is not.
    EXPECT_NEAR(of_all.of_blocks, by_construction, 0.005);
    EXPECT_NEAR(of_all.part, by_construction, 0.03);
    EXPECT_NEAR(of_some.part, of_all.part, kErrors * of_some.error);
    EXPECT_LT(of_some.error, 0.02);
  }
}

TEST(Estimates, BlocksOfOtherLengthsThanAskedForHaveNoRow) {
  const auto [longer, truth] =
      RecordCommand({"--exact", "--min-block", "20000"}, {WorkloadPath("many_stacks"), "2", "50"});
  // A busy machine may keep one of them asleep for longer, once in a while.
  const uint64_t blocks = BlockCount(longer, {.function = "block_once"});
  EXPECT_GE(BlockedNs(longer, {.function = "block_once"}), blocks * 20'000'000);
  EXPECT_LT(blocks, truth["switches"] / 100);
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
  // One for each block, one for each time that it was preempted, one at its birth. Where the
  // wake-up reached no tracer, nobody knows when the wait began; where no event of a block did,
  // nothing tells of it (about one in ten thousand on a virtual machine that hides threads).
  EXPECT_GE(double(waits + LossCountOf(capture, LossCause::kWakeupMissed)),
            0.999 * double(truth["switches"]));
}

// The first is what people choose, the second the default; all of them beat with samples at equal
// distances, so that a function had all of the time or none.
TEST(Estimates, SamplesFollowNoPeriodOfTheWorkload) {
  struct Case {
    const char* frequency_hz;
    const char* period_ns;
  };
  for (const auto& [frequency_hz, period_ns] :
       {Case{"100", "10000000"}, Case{"99", "10101010"}, Case{"99", "3367003"},
        Case{"49", "20408163"}, Case{"999", "1001001"}}) {
    SCOPED_TRACE(std::string(frequency_hz) + " Hz, " + period_ns + " ns");
    const auto [capture, truth] = RecordCommand({"--record", "cpu", "--frequency", frequency_hz},
                                                {WorkloadPath("lockstep"), "3", period_ns});
    const double third_ns = double(truth["third_ns"]);
    const double all_ns = third_ns + double(truth["rest_ns"]);
    const double seen_third_ns = double(CpuNs(capture, {.function = "burn_third"}));
    const double seen_ns = seen_third_ns + double(CpuNs(capture, {.function = "burn_rest"}));
    const double samples = all_ns / 1e9 * std::stod(frequency_hz);
    // As if each sample had been taken at a time of its own.
    const double share = third_ns / all_ns;
    EXPECT_NEAR(seen_third_ns / seen_ns, share, kErrors * std::sqrt(share * (1 - share) / samples));
    EXPECT_NEAR(seen_ns / all_ns, 1, kErrors / std::sqrt(samples));
  }
}

}  // namespace
}  // namespace twofold::live
