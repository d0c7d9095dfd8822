// What `twofold diff` reaches where costs are ratios, such as cycles per instruction, by
// simulation: both numbers of each function are sampled, and each has its noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzer/diff/distributions.h"
#include "analyzer/diff/multiple_tests.h"
#include "tests/analyzer/diff_simulator.h"

namespace twofold::testing {
namespace {

constexpr size_t kTarget = 20;  // the function that scenarios change

using Pair = DiffSimulator::Pair;

Plan Calm(double samples_per_second) {
  return {.pieces_per_second = samples_per_second, .has_ratio = true};
}

// Instructions and the ratio both drift.
Plan Mild(size_t seconds) {
  return {.weather = kMild,
          .seconds_before = seconds,
          .seconds_after = seconds,
          .has_ratio = true,
          .ratio_swing = 0.03};
}

TEST(DiffRatioSimulation, NothingChangedIndependent) {
  for (double samples : {500, 4000, 32000}) {
    char what[64];
    snprintf(what, sizeof(what), "ratio, independent, %.0f/s, flagged", samples);
    EXPECT_LE(FalseAlarms(what, Calm(samples)), 2);
  }
}

TEST(DiffRatioSimulation, NothingChangedDrift) {
  for (size_t n : {10, 30, 60}) {
    std::string what = "ratio, mild drift, n = " + std::to_string(n);
    EXPECT_LE(FalseAlarms(what.c_str(), Mild(n)), 4);
  }
  Plan hard = Mild(30);
  hard.weather = kHard;
  hard.ratio_swing = 0.05;
  EXPECT_LE(FalseAlarms("ratio, hard drift", hard), 8.5);
}

TEST(DiffRatioSimulation, LoadAndLengthMayDiffer) {
  Plan plan = Mild(30);
  plan.load_after = 2;
  EXPECT_LE(FalseAlarms("ratio, load doubled", plan), 4);
  plan = Mild(10);
  plan.seconds_after = 120;
  EXPECT_LE(FalseAlarms("ratio, 10 s against 120 s", plan), 6);
}

struct Found {
  double target = 0;
  double others = 0;
  double estimate = 0;  // mean of the target's
};

Found FindTarget(const Plan& plan, const std::function<void(DiffSimulator&)>& prepare) {
  Found found;
  ForPairs(plan, prepare, [&](Pair& pair) {
    found.target += pair.changes[kTarget].flagged ? 1 : 0;
    found.others += AnyFlag(pair.changes, kTarget) ? 1 : 0;
    found.estimate += pair.changes[kTarget].estimate;
  });
  return {Percent(found.target), Percent(found.others), Percent(found.estimate) / 100};
}

TEST(DiffRatioSimulation, QuarterMoreIsFoundIn5000Samples) {
  for (double factor : {1.25, 1 / 1.25}) {
    Found found = FindTarget(Calm(8000), [&](DiffSimulator& simulator) {
      simulator.SetShare(kTarget, 0.021);
      simulator.SetFactor(kTarget, factor);
    });
    EXPECT_GE(Report("ratio +-25 % of 2 %, 8000/s, found", found.target), 95);
    EXPECT_LE(Report("... others flagged", found.others), 4);
    EXPECT_NEAR(found.estimate, factor - 1, 0.01);
  }
}

TEST(DiffRatioSimulation, QuarterMoreInFewSamplesStaysGrey) {
  double grey = 0;
  double large = 0;
  ForPairs(
      Calm(300),
      [](DiffSimulator& simulator) {
        simulator.SetShare(kTarget, 0.021);
        simulator.SetFactor(kTarget, 1.25);
      },
      [&](Pair& pair) {
        const Change& change = pair.changes[kTarget];
        grey += change.flagged ? 0 : 1;
        large += SmallestVisible(change, CountTested(pair.changes)) > 0.25 ? 1 : 0;
      });
  EXPECT_GE(Report("ratio +25 % of 2 %, 300/s, grey", Percent(grey)), 95);
  EXPECT_GE(Report("... smallest visible > 25 %", Percent(large)), 95);
}

// What is called more often has more of both numbers, and moves no ratio, not even that of others.
TEST(DiffRatioSimulation, MoreCallsAreNoChange) {
  Found found = FindTarget(Mild(30), [](DiffSimulator& simulator) {
    simulator.SetShare(kTarget, 0.2);
    simulator.SetCalls(kTarget, 3);
  });
  EXPECT_LE(Report("x 3 calls of 17 %, flagged", found.target), 4);
  EXPECT_LE(Report("... others flagged", found.others), 4);
}

// No shift is taken out: slower memory is a change of every function's ratio.
TEST(DiffRatioSimulation, ChangeOfAllIsOneOfEach) {
  double large = 0;
  double shifts = 0;
  ForPairs(
      Calm(8000),
      [](DiffSimulator& simulator) {
        for (size_t f = 0; f < 200; ++f) simulator.SetFactor(f, 1.3);
        simulator.SetShare(kTarget, 0.03);
      },
      [&](Pair& pair) {
        large += pair.changes[kTarget].flagged ? 1 : 0;
        shifts += std::expm1(pair.family.shift.theta);
      });
  EXPECT_GE(Report("all ratios +30 %: one of 3 % found", Percent(large)), 95);
  EXPECT_NEAR(Percent(shifts) / 100, 0.3, 0.01);
}

TEST(DiffRatioSimulation, IntervalsCover) {
  for (auto [name, plan] : {std::pair("calm", Calm(8000)), std::pair("few samples", Calm(1000)),
                            std::pair("mild", Mild(30))}) {
    double percent =
        Coverage((std::string("ratio, 95 % intervals cover, ") + name).c_str(), plan, kTarget);
    EXPECT_GE(percent, 94);
    EXPECT_LE(percent, 98);
  }
}

TEST(DiffRatioSimulation, RunsAsUnitsStandRunNoise) {
  Plan plan = Mild(10);
  plan.runs = 3;
  plan.run_noise = 0.02;
  EXPECT_LE(FalseAlarms("ratio, run noise of 2 %, 3 runs a side", plan), 6);
}

// Simpler methods fail where this one does not: the noise of sampling alone is not enough when the
// ratio drifts.
TEST(DiffRatioSimulation, SamplingNoiseAloneFailsUnderDrift) {
  Plan plan = Mild(30);
  plan.weather = kHard;
  plan.ratio_swing = 0.1;
  plan.pieces_per_second = 32000;
  double alarms = 0;
  ForPairs(plan, {}, [&](Pair& pair) {
    std::vector<double> p;
    for (const Change& change : pair.changes) {
      if (change.standing != Standing::kTested) continue;
      p.push_back(2 * StudentTail(std::abs(change.theta) / std::sqrt(change.floor), 1e6));
    }
    std::vector<bool> flags = FalseDiscoveryFlags(p, 0.025);
    alarms += std::any_of(flags.begin(), flags.end(), [](bool flag) { return flag; }) ? 1 : 0;
  });
  EXPECT_GT(Report("ratio, sampling noise alone, hard drift: flagged", Percent(alarms)), 70);
  // The limit of the method, for costs of time as well: swings that last as long as a good part of
  // the recording.
  EXPECT_LE(FalseAlarms("... with the noise between intervals, 30 s", plan), 20);
  plan.seconds_before = plan.seconds_after = 60;
  EXPECT_LE(FalseAlarms("... and 60 s", plan), 8.5);
}

}  // namespace
}  // namespace twofold::testing
