// Self-restraint by simulated costs: every step, taking back, and what is never done.
#include "recorder/cost/restraint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace twofold {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kMs = 1'000'000;

// 1 % of 4 CPUs: 40 ms in a second.
constexpr uint32_t kLimitPermyriad = 100;
constexpr uint32_t kCpus = 4;
constexpr double kAllowedMs = 40;

std::vector<Lever> AllLevers(uint64_t quantum_ns = kMs) {
  return {
      {.detail = DetailKind::kSampleRate, .full = 99, .least = 25, .at_switches = false},
      {.detail = DetailKind::kQuantum, .full = quantum_ns, .least = Restraint::kLargestQuantumNs},
      {.detail = DetailKind::kWaitStacks, .full = 1, .least = 0},
      {.detail = DetailKind::kWakers, .full = 8, .least = 0},
      {.detail = DetailKind::kShortUserStacks, .full = 0, .least = 10 * kMs},
      {.detail = DetailKind::kStacks, .full = 1, .least = 0}};
}

// A host whose costs follow from what is given up, in ms in a second.
struct Host {
  double fixed_ms = 0;   // whatever is given up
  double walks_ms = 0;   // at T = 1 ms, and as 1/T
  double waits_ms = 0;   // until stacks of waits are given up
  double wakers_ms = 0;  // and so on
  double users_ms = 0;
  double stacks_ms = 0;
  double samples_ms = 0;  // at 99 Hz, in proportion to the rate
  double recorder_ms = 0;
  std::map<DetailKind, uint64_t> now = {
      {DetailKind::kQuantum, kMs},       {DetailKind::kWaitStacks, 1},  {DetailKind::kWakers, 8},
      {DetailKind::kShortUserStacks, 0}, {DetailKind::kSampleRate, 99}, {DetailKind::kStacks, 1}};

  Restraint::Spent Spend() {
    const double quantum_ns = double(std::max<uint64_t>(now[DetailKind::kQuantum], 10'000));
    double scheduler_ms = fixed_ms;
    if (now[DetailKind::kStacks] != 0) {
      scheduler_ms += walks_ms * double(kMs) / quantum_ns + stacks_ms;
      if (now[DetailKind::kWaitStacks] != 0) scheduler_ms += waits_ms;
      if (now[DetailKind::kWakers] != 0) scheduler_ms += wakers_ms;
      if (now[DetailKind::kShortUserStacks] == 0) scheduler_ms += users_ms;
    }
    const double all_ms = scheduler_ms + samples_ms * double(now[DetailKind::kSampleRate]) / 99;
    return {.scheduler_ns = uint64_t(scheduler_ms * double(kMs)),
            .programs_ns = uint64_t(all_ms * double(kMs)),
            .recorder_ns = uint64_t(recorder_ms * double(kMs))};
  }
  double SpentMs() { return double(Spend().AllNs()) / double(kMs); }

  // A second passes.
  std::vector<Restraint::Step> Judge(Restraint& restraint) {
    std::vector<Restraint::Step> steps = restraint.Judge(Spend(), kSecondNs);
    for (const Restraint::Step& step : steps) {
      if (step.detail == DetailKind::kLimit) continue;
      EXPECT_EQ(now.at(step.detail), step.from);
      now[step.detail] = step.to;
    }
    return steps;
  }
};

Restraint Make(uint64_t quantum_ns = kMs) {
  return Restraint(kLimitPermyriad, kCpus, AllLevers(quantum_ns));
}

// The details that were given up in so many seconds, in order; each once.
std::vector<DetailKind> GivenUp(Host& host, Restraint& restraint, int seconds) {
  std::vector<DetailKind> details;
  for (int second = 0; second < seconds; ++second) {
    for (const Restraint::Step& step : host.Judge(restraint)) {
      EXPECT_FALSE(step.taken_back);
      if (std::find(details.begin(), details.end(), step.detail) == details.end()) {
        details.push_back(step.detail);
      }
    }
  }
  return details;
}

TEST(Restraint, GivesNothingUpWhileTheCostIsAllowed) {
  Restraint restraint = Make();
  Host host{.walks_ms = 30, .recorder_ms = 9};
  for (int second = 0; second < 30; ++second) EXPECT_THAT(host.Judge(restraint), IsEmpty());
  EXPECT_EQ(restraint.given_up(), 0u);
}

TEST(Restraint, KeepsToTheLimitWithinThreeSecondsByRaisingTheQuantum) {
  for (const double walks_ms : {60.0, 200.0, 900.0}) {
    for (const uint64_t first_ns : {uint64_t{0}, kMs}) {
      Restraint restraint = Make(first_ns);
      Host host{.fixed_ms = 20, .walks_ms = walks_ms};
      host.now[DetailKind::kQuantum] = first_ns;
      EXPECT_THAT(GivenUp(host, restraint, 3), ElementsAre(DetailKind::kQuantum));
      EXPECT_LE(host.SpentMs(), kAllowedMs);
    }
  }
}

TEST(Restraint, StepTellsFromAndToAndTheCostThatLedToIt) {
  Restraint restraint = Make();
  Host host{.walks_ms = 60};
  EXPECT_THAT(
      host.Judge(restraint),
      ElementsAre(Restraint::Step{
          .detail = DetailKind::kQuantum, .from = kMs, .to = 30 * kMs, .cost_permyriad = 150}));
}

TEST(Restraint, GivesUpInOrderAndNoMoreThanItMust) {
  const std::vector<DetailKind> all = {DetailKind::kQuantum, DetailKind::kWaitStacks,
                                       DetailKind::kWakers, DetailKind::kShortUserStacks,
                                       DetailKind::kStacks};
  // What is left over after each is a little above the limit, until enough is given up.
  for (size_t enough = 1; enough <= all.size(); ++enough) {
    Restraint restraint = Make();
    Host host{.fixed_ms = 19};
    host.walks_ms = enough == 1 ? 28 : 1;
    host.waits_ms = enough == 2 ? 28 : 1;
    host.wakers_ms = enough == 3 ? 28 : 1;
    host.users_ms = enough == 4 ? 28 : 1;
    host.stacks_ms = enough == 5 ? 28 : 1;
    EXPECT_EQ(GivenUp(host, restraint, 10),
              std::vector<DetailKind>(all.begin(), all.begin() + long(enough)));
    EXPECT_LE(host.SpentMs(), kAllowedMs);
    EXPECT_FALSE(restraint.is_missed());
  }
}

TEST(Restraint, FarAboveTheLimitGivesUpAllWithinThreeSeconds) {
  Restraint restraint = Make();
  Host host{.fixed_ms = 20, .walks_ms = 300, .waits_ms = 60, .wakers_ms = 60, .stacks_ms = 200};
  GivenUp(host, restraint, 3);
  EXPECT_LE(host.SpentMs(), kAllowedMs);
}

TEST(Restraint, SamplesAreLoweredWhereTheyAreTheCost) {
  Restraint restraint = Make();
  Host host{.fixed_ms = 3, .samples_ms = 60};
  EXPECT_THAT(GivenUp(host, restraint, 5), ElementsAre(DetailKind::kSampleRate));
  EXPECT_EQ(host.now[DetailKind::kSampleRate], 25u);
  EXPECT_EQ(host.now[DetailKind::kQuantum], kMs);
}

TEST(Restraint, WalksMakeRoomForSamples) {
  Restraint restraint = Make();
  Host host{.walks_ms = 10, .samples_ms = 35};
  EXPECT_THAT(GivenUp(host, restraint, 5), ElementsAre(DetailKind::kQuantum));
}

TEST(Restraint, MissesTheLimitOnlyWithNothingLeftAndSaysWhenThatIsOver) {
  Restraint restraint = Make();
  Host host{.fixed_ms = 100};
  std::vector<Restraint::Step> last;
  for (int second = 0; second < 10; ++second) {
    const std::vector<Restraint::Step> steps = host.Judge(restraint);
    if (!steps.empty()) last = steps;
  }
  EXPECT_TRUE(restraint.is_missed());
  EXPECT_THAT(last, ElementsAre(Restraint::Step{
                        .detail = DetailKind::kLimit, .from = 0, .to = 1, .cost_permyriad = 250}));
  // Nothing is said twice.
  for (int second = 0; second < 100; ++second) EXPECT_THAT(host.Judge(restraint), IsEmpty());
  host.fixed_ms = 30;
  for (int second = 0; second < 4; ++second) EXPECT_THAT(host.Judge(restraint), IsEmpty());
  EXPECT_THAT(host.Judge(restraint), ElementsAre(Restraint::Step{.detail = DetailKind::kLimit,
                                                                 .from = 1,
                                                                 .to = 0,
                                                                 .taken_back = true,
                                                                 .cost_permyriad = 75}));
  EXPECT_FALSE(restraint.is_missed());
}

TEST(Restraint, TakesBackOneByOneInReverseWhenThereIsRoom) {
  Restraint restraint = Make();
  Host host{.fixed_ms = 100, .samples_ms = 10};
  for (int second = 0; second < 10; ++second) host.Judge(restraint);
  ASSERT_EQ(restraint.given_up(), 6u);
  host.fixed_ms = 1;
  host.samples_ms = 1;
  std::vector<DetailKind> back;
  for (int second = 0; second < 60; ++second) {
    const std::vector<Restraint::Step> steps = host.Judge(restraint);
    EXPECT_LE(steps.size(), back.empty() ? 2u : 1u);
    for (const Restraint::Step& step : steps) {
      EXPECT_TRUE(step.taken_back);
      if (back.empty() || back.back() != step.detail) back.push_back(step.detail);
    }
  }
  EXPECT_THAT(back, ElementsAre(DetailKind::kLimit, DetailKind::kStacks, DetailKind::kSampleRate,
                                DetailKind::kShortUserStacks, DetailKind::kWakers,
                                DetailKind::kWaitStacks, DetailKind::kQuantum));
  EXPECT_EQ(restraint.given_up(), 0u);
  EXPECT_EQ(host.now[DetailKind::kQuantum], kMs);
}

// What was too much costs nothing when it is given up, so there is room at once.
TEST(Restraint, DoesNotSwing) {
  Restraint restraint = Make();
  Host host{.fixed_ms = 5, .stacks_ms = 60};
  constexpr int kSeconds = 600;
  int swings = 0;
  int seconds_above = 0;
  for (int second = 0; second < kSeconds; ++second) {
    seconds_above += host.SpentMs() > kAllowedMs;
    for (const Restraint::Step& step : host.Judge(restraint)) {
      swings += step.detail == DetailKind::kStacks && step.taken_back;
    }
  }
  // 2 s, 4 s, 8 s ... 64 s.
  EXPECT_LE(swings, 16);
  EXPECT_GE(swings, 3);
  EXPECT_LT(seconds_above, 30);
}

TEST(Restraint, BurstOfTheRecordersOwnWorkChangesNothing) {
  Restraint restraint = Make();
  Host host{.walks_ms = 10, .recorder_ms = 500};
  for (int second = 0; second < 8; ++second) EXPECT_THAT(host.Judge(restraint), IsEmpty());
  host.recorder_ms = 1;
  EXPECT_THAT(host.Judge(restraint), IsEmpty());
}

TEST(Restraint, RecordersOwnWorkThatDoesNotEndIsGivenLessToDo) {
  Restraint restraint = Make();
  Host host{.walks_ms = 1, .recorder_ms = 60};
  EXPECT_THAT(GivenUp(host, restraint, 9), IsEmpty());
  EXPECT_EQ(GivenUp(host, restraint, 10).front(), DetailKind::kQuantum);
}

TEST(Restraint, WithoutALimitNothingIsTooMuch) {
  Restraint restraint(0, 1, AllLevers());
  Host host{.fixed_ms = 900};
  for (int second = 0; second < 30; ++second) EXPECT_THAT(host.Judge(restraint), IsEmpty());
}

TEST(Restraint, WithoutLeversTheLimitIsMissedAndThatIsTold) {
  Restraint restraint(kLimitPermyriad, kCpus, {});
  Host host{.fixed_ms = 100};
  EXPECT_THAT(GivenUp(host, restraint, 5), ElementsAre(DetailKind::kLimit));
  EXPECT_EQ(restraint.given_up(), 0u);
}

}  // namespace
}  // namespace twofold
