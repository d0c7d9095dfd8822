// The statistics of `twofold diff` on cases that can be computed by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "analyzer/diff/distributions.h"
#include "analyzer/diff/family.h"
#include "analyzer/diff/gate.h"
#include "analyzer/diff/multiple_tests.h"
#include "analyzer/diff/name_folding.h"

namespace twofold {
namespace {

SideIntervals Seconds(size_t n) { return MakeSide(std::vector<double>(n, 1), {n}); }

// `mean` samples a second, and a wave of one tenth of it with `half_turns` half turns.
Weights Wave(size_t n, double mean, double half_turns) {
  Weights weights;
  for (size_t t = 0; t < n; ++t) {
    double angle = std::numbers::pi * half_turns * (double(t) + 0.5) / double(n);
    weights.of_interval.push_back(mean * (1 + 0.1 * std::cos(angle)));
  }
  weights.count = mean * double(n);
  weights.squares = weights.count;
  return weights;
}

TEST(DiffStatistics, StudentsTAsInTables) {
  EXPECT_NEAR(StudentTail(2.228139, 10), 0.025, 1e-7);
  EXPECT_NEAR(StudentQuantile(0.975, 3), 3.182446, 1e-6);
  EXPECT_NEAR(StudentQuantile(0.975, 1e9), 1.959966, 1e-5);
  EXPECT_EQ(StudentTail(std::numeric_limits<double>::infinity(), 3), 0);
}

TEST(DiffStatistics, InverseTrigammaUndoesTrigamma) {
  for (double x : {0.01, 0.5, 1.0, 3.7, 40.0, 1e4}) {
    EXPECT_NEAR(InverseTrigamma(Trigamma(x)) / x, 1, 1e-6) << x;
  }
  EXPECT_NEAR(Trigamma(1), std::numbers::pi * std::numbers::pi / 6, 1e-12);
  EXPECT_NEAR(Digamma(1), -0.5772156649, 1e-9);
}

TEST(DiffStatistics, SwingsThatAWaveHasAreInItsCosine) {
  // n = 8 has 3 cosines. The wave is 0.1 times the third one: its coefficient is sqrt(2/8) x 0.1
  // x 4.
  SideIntervals side = Seconds(8);
  Weights weights = Wave(8, 1000, 3);
  Change change = MeasureChange(side, weights, side, weights);
  ASSERT_EQ(change.standing, Standing::kTested);
  EXPECT_NEAR(change.before.variance, 0.2 * 0.2 / (3 * 8), 1e-12);
  EXPECT_EQ(change.before.freedom, 3);
  EXPECT_NEAR(change.variance, 2 * change.before.variance, 1e-12);
  EXPECT_NEAR(change.freedom, 6, 1e-9);  // Welch: two alike add up
  EXPECT_NEAR(change.floor, 2 / 8000.0, 1e-12);
  EXPECT_NEAR(change.theta, 0, 1e-12);
}

TEST(DiffStatistics, NeighboursThatAreAlikeRaiseTheVariance) {
  // Half a turn: r = (7 cos(pi/8) - 1) / 8 = 0.683 > 2 / sqrt(16), so r' = 0.95.
  SideIntervals side = Seconds(8);
  Weights weights = Wave(8, 1000, 1);
  Change change = MeasureChange(side, weights, side, weights);
  double spread = 0.04 / 7;
  EXPECT_NEAR(change.before.variance, spread / 8 * 1.95 / 0.05, 1e-10);
}

TEST(DiffStatistics, CostsAreRatiosOfSums) {
  SideIntervals before = MakeSide({1, 3, 1, 3, 1, 3, 1, 3}, {8});
  SideIntervals after = MakeSide(std::vector<double>(8, 4), {8});
  Weights weights{.of_interval = {10, 30, 10, 30, 10, 30, 10, 30}, .count = 160, .squares = 160};
  Change change = MeasureChange(before, weights, after, weights);
  EXPECT_DOUBLE_EQ(change.before.rate, 10);
  EXPECT_DOUBLE_EQ(change.after.rate, 5);
  EXPECT_NEAR(change.theta, std::log(0.5), 1e-12);
  // The function follows its load exactly: no swing at all.
  EXPECT_NEAR(change.before.variance, 0, 1e-12);
}

TEST(DiffStatistics, EffectiveSamplesOfUnequalBlocks) {
  SideIntervals side = Seconds(8);
  Weights weights{.of_interval = {100, 1, 1, 1, 1, 1, 1, 1}, .count = 8, .squares = 10007};
  Change change = MeasureChange(side, weights, side, weights);
  EXPECT_NEAR(change.before.effective, 107.0 * 107.0 / 10007, 1e-9);
  EXPECT_EQ(change.standing, Standing::kFewSamples);  // one giant block says nothing
}

TEST(DiffStatistics, StandingByIntervalsAndSamples) {
  SideIntervals eight = Seconds(8);
  SideIntervals seven = Seconds(7);
  SideIntervals none = MakeSide({}, {});
  Weights nothing{.of_interval = std::vector<double>(8, 0)};
  EXPECT_EQ(MeasureChange(eight, Wave(8, 5, 3), eight, nothing).standing, Standing::kGone);
  EXPECT_EQ(MeasureChange(eight, nothing, eight, Wave(8, 5, 3)).standing, Standing::kNew);
  EXPECT_EQ(MeasureChange(eight, Wave(8, 1, 3), eight, Wave(8, 1, 3)).standing,
            Standing::kFewSamples);
  EXPECT_EQ(MeasureChange(eight, Wave(8, 5, 3), seven, Wave(7, 5, 3)).standing,
            Standing::kFewIntervals);
  EXPECT_EQ(MeasureChange(eight, Wave(8, 5, 3), none, {}).standing, Standing::kEmptySide);
}

TEST(DiffStatistics, FewIntervalsGetAnIntervalAndNoFlag) {
  SideIntervals side = Seconds(5);
  std::vector<Change> changes = {MeasureChange(side, Wave(5, 1000, 3), side, Wave(5, 3000, 3))};
  JudgeSelf(changes, side, side, {});
  EXPECT_FALSE(changes[0].flagged);
  EXPECT_LT(changes[0].low, changes[0].high);
}

TEST(DiffStatistics, BenjaminiHochbergByHand) {
  // Bounds at 5 % of four: 0.0125, 0.025, 0.0375, 0.05. The third passes and takes the second
  // along.
  std::vector<bool> flags = FalseDiscoveryFlags({0.9, 0.001, 0.03, 0.036}, 0.05);
  EXPECT_EQ(flags, (std::vector<bool>{false, true, true, true}));
  EXPECT_EQ(FalseDiscoveryFlags({0.03, 0.9}, 0.05), (std::vector<bool>{false, false}));
  EXPECT_TRUE(FalseDiscoveryFlags({}, 0.05).empty());
}

TEST(DiffStatistics, HolmByHand) {
  // Bounds at 5 %: 0.0167, 0.025, 0.05. The second fails, and the third with it.
  EXPECT_EQ(FamilyWiseFlags({0.01, 0.03, 0.04}, 0.05), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(FamilyWiseFlags({0.01, 0.02, 0.04}, 0.05), (std::vector<bool>{true, true, true}));
}

TEST(DiffStatistics, TheShiftThatAllShareIsNoChange) {
  SideIntervals side = Seconds(32);
  std::vector<Change> changes;
  for (int f = 0; f < 20; ++f) {
    double wave = 3 + f % 5;
    double factor = f == 0 ? 2.4 : 1.2;
    changes.push_back(
        MeasureChange(side, Wave(32, 500, wave), side, Wave(32, 500 * factor, wave + 1)));
  }
  Family family = JudgeSelf(changes, side, side, {});
  EXPECT_NEAR(family.shift.theta, std::log(1.2), 0.01);
  EXPECT_TRUE(changes[0].flagged);
  EXPECT_NEAR(changes[0].estimate, 1, 0.02);
  for (int f = 1; f < 20; ++f) EXPECT_FALSE(changes[size_t(f)].flagged) << f;
}

TEST(DiffStatistics, OneOrTwoFunctionsHaveNoShift) {
  SideIntervals side = Seconds(32);
  std::vector<Change> changes = {MeasureChange(side, Wave(32, 500, 5), side, Wave(32, 800, 5))};
  Family family = JudgeSelf(changes, side, side, {});
  EXPECT_EQ(family.shift.theta, 0);
  EXPECT_NEAR(changes[0].estimate, 0.6, 1e-9);
  EXPECT_TRUE(changes[0].flagged);
}

TEST(DiffStatistics, OneOfThreeFunctionsDoesNotMakeTheShift) {
  SideIntervals side = Seconds(32);
  std::vector<Change> changes = {MeasureChange(side, Wave(32, 900, 5), side, Wave(32, 1800, 5)),
                                 MeasureChange(side, Wave(32, 500, 3), side, Wave(32, 500, 3)),
                                 MeasureChange(side, Wave(32, 400, 7), side, Wave(32, 400, 7))};
  Family family = JudgeSelf(changes, side, side, {});
  EXPECT_NEAR(family.shift.theta, 0, 1e-9);
  EXPECT_TRUE(changes[0].flagged);
  EXPECT_FALSE(changes[1].flagged);
}

TEST(DiffStatistics, SmallestVisibleShrinksWithLength) {
  Change change;
  change.variance = 0.01;
  change.freedom = 1e6;
  // t(1 - 0.0125) + t(0.95) = 2.2414 + 1.6449
  EXPECT_NEAR(SmallestVisible(change, 1), std::exp(0.38863) - 1, 1e-3);
  double factor = LengthFactor(change, 1, 0.2);
  change.variance = (0.01 - 5e-5) / factor + 5e-5;
  EXPECT_NEAR(SmallestVisible(change, 1), 0.2, 1e-6);
  EXPECT_TRUE(std::isinf(LengthFactor(change, 1, 0.001)));
}

TEST(DiffStatistics, ProvedNeedsMoreThanFlagged) {
  Change change;
  change.standing = Standing::kTested;
  change.theta = std::log(1.08);
  change.variance = 1e-4;
  change.freedom = 1e6;
  EXPECT_TRUE(ProvedLarger({change}, 0.05)[0]);
  change.variance = 1e-3;  // 1.08 is 2.4 errors from 1, less than one from 1.05
  EXPECT_FALSE(ProvedLarger({change}, 0.05)[0]);
}

TEST(DiffNames, WhatCompilersNumberIsFolded) {
  auto user = [](const char* text) { return FoldName(text, FrameKind::kUser, {}); };
  EXPECT_EQ(user("parse.isra.0"), "parse");
  EXPECT_EQ(user("parse.constprop.12.cold"), "parse");
  EXPECT_EQ(user("parse.part.0.isra.1"), "parse");
  EXPECT_EQ(user("parse.llvm.12345678901"), "parse");
  EXPECT_EQ(user("std::sort<int*>.isra.0"), "std::sort<int*>");
  EXPECT_EQ(user("main::{lambda(int)#3}::operator()"), "main::{lambda(int)}::operator()");
  EXPECT_EQ(user("run::{closure#2}"), "run::{closure}");
  EXPECT_EQ(user("main::$_12::operator()"), "main::$_::operator()");
  EXPECT_EQ(user("core.loop"), "core.loop");
  EXPECT_EQ(user("partial.2"), "partial.2");
  EXPECT_EQ(user("a#3"), "a#3");
  EXPECT_EQ(user("[libc.so.6+0x8f2b0]"), "[libc.so.6]");
  EXPECT_EQ(FoldName("[libc.so.6+0x8f2b0]", FrameKind::kUser, {"libc.so.6"}),
            "[libc.so.6+0x8f2b0]");
  EXPECT_EQ(FoldName("kworker/3:1-events", FrameKind::kRoot, {}), "kworker");
  EXPECT_EQ(FoldName("[not sampled]", FrameKind::kSpecial, {}), "[not sampled]");
}

TEST(DiffGate, Conditions) {
  EXPECT_DOUBLE_EQ(ParseGate("regression > 5 %")->threshold, 0.05);
  EXPECT_DOUBLE_EQ(ParseGate("regression>2.5%")->threshold, 0.025);
  EXPECT_TRUE(ParseGate("regression > 5 % proved")->proved);
  for (const char* wrong : {"", "regression", "regression > 5", "regression > x %",
                            "regression < 5 %", "regression > -5 %", "regression > 5 % maybe"}) {
    EXPECT_FALSE(ParseGate(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace twofold
