#include "recorder/cost/restraint.h"

#include <gtest/gtest.h>

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
using Verdict = Restraint::Verdict;

// A host on which the cost has a part that T cannot change, and one that goes as 1/T.
struct Host {
  double fixed_ns = 0;
  double walks_ns_at_1ms = 0;
  uint64_t CostNs(uint64_t quantum_ns) const {
    return uint64_t(fixed_ns + walks_ns_at_1ms * 1e6 / double(quantum_ns ? quantum_ns : 10'000));
  }
};

// All programs are those that T can turn down.
Restraint::Spent Scheduler(uint64_t programs_ns, uint64_t recorder_ns = 0) {
  return {.scheduler_ns = programs_ns, .programs_ns = programs_ns, .recorder_ns = recorder_ns};
}

TEST(Restraint, KeepsTheQuantumWhileTheCostIsAllowed) {
  Restraint restraint(100, 4, 1'000'000);  // 1 % of 4 CPUs: 40 ms a second
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(restraint.Judge(Scheduler(30'000'000, 9'000'000), kSecondNs), Verdict::kKeep);
  }
  EXPECT_EQ(restraint.quantum_ns(), 1'000'000u);
}

TEST(Restraint, ObeysWithinThreeSecondsByRaisingTheQuantum) {
  for (const double walks_ns : {45e6, 80e6, 400e6, 3e9}) {
    for (const uint64_t first_ns : {uint64_t(0), uint64_t(1'000'000)}) {
      const Host host{.fixed_ns = 5e6, .walks_ns_at_1ms = walks_ns};
      Restraint restraint(100, 4, first_ns);
      int seconds_over = 0;
      for (int second = 0; second < 20; ++second) {
        const uint64_t cost_ns = host.CostNs(restraint.quantum_ns());
        seconds_over += cost_ns > 40'000'000;
        EXPECT_NE(restraint.Judge(Scheduler(cost_ns), kSecondNs), Verdict::kStop);
      }
      EXPECT_LE(seconds_over, 3) << walks_ns << " ns of walks, T " << first_ns;
    }
  }
}

TEST(Restraint, StopsWithinThreeSecondsWhenNoQuantumIsEnough) {
  for (const double fixed_ns : {44e6, 60e6, 90e6, 200e6, 2e9}) {
    const Host host{.fixed_ns = fixed_ns, .walks_ns_at_1ms = 5e6};
    Restraint restraint(100, 4, 1'000'000);
    int seconds = 1;
    while (restraint.Judge(Scheduler(host.CostNs(restraint.quantum_ns())), kSecondNs) !=
           Verdict::kStop) {
      ASSERT_LT(++seconds, 10);
    }
    EXPECT_LE(seconds, 3) << fixed_ns;
  }
}

TEST(Restraint, CostOfSamplesLeavesTheQuantumAlone) {
  Restraint restraint(100, 4, 1'000'000);
  const Restraint::Spent spent{.scheduler_ns = 3'000'000, .programs_ns = 60'000'000};
  EXPECT_EQ(restraint.Judge(spent, kSecondNs), Verdict::kKeep);
  EXPECT_EQ(restraint.Judge(spent, kSecondNs), Verdict::kStop);
  EXPECT_EQ(restraint.quantum_ns(), 1'000'000u);
}

TEST(Restraint, RaisesTheQuantumWhereThatMakesRoomForSamples) {
  Restraint restraint(100, 4, 1'000'000);
  const Restraint::Spent spent{.scheduler_ns = 10'000'000, .programs_ns = 45'000'000};
  EXPECT_EQ(restraint.Judge(spent, kSecondNs), Verdict::kChangeQuantum);
  EXPECT_GT(restraint.quantum_ns(), 1'000'000u);
}

TEST(Restraint, TakesNoMoreWalksAwayThanItMust) {
  Restraint restraint(100, 4, 1'000'000);
  ASSERT_EQ(restraint.Judge(Scheduler(150'000'000), kSecondNs), Verdict::kChangeQuantum);
  ASSERT_EQ(restraint.quantum_ns(), 30'000'000u);
  ASSERT_EQ(restraint.Judge(Scheduler(45'000'000), kSecondNs), Verdict::kChangeQuantum);
  EXPECT_EQ(restraint.quantum_ns(), 300'000'000u);
  EXPECT_EQ(restraint.Judge(Scheduler(20'000'000), kSecondNs), Verdict::kKeep);
}

TEST(Restraint, LowersTheQuantumAgainButNotBelowTheFirst) {
  Restraint restraint(100, 4, 1'000'000);
  ASSERT_EQ(restraint.Judge(Scheduler(50'000'000), kSecondNs), Verdict::kChangeQuantum);
  ASSERT_GT(restraint.quantum_ns(), 1'000'000u);
  for (int second = 0; second < 30; ++second) restraint.Judge(Scheduler(1'000'000), kSecondNs);
  EXPECT_EQ(restraint.quantum_ns(), 1'000'000u);
}

TEST(Restraint, BurstOfTheRecordersOwnWorkChangesNothing) {
  Restraint restraint(100, 4, 1'000'000);
  for (int second = 0; second < 5; ++second) {
    EXPECT_EQ(restraint.Judge(Scheduler(10'000'000, 500'000'000), kSecondNs), Verdict::kKeep);
  }
  EXPECT_EQ(restraint.Judge(Scheduler(10'000'000, 1'000'000), kSecondNs), Verdict::kKeep);
  EXPECT_EQ(restraint.quantum_ns(), 1'000'000u);
}

TEST(Restraint, StopsWhenTheRecordersOwnWorkDoesNotEnd) {
  Restraint restraint(100, 4, 1'000'000);
  int seconds = 1;
  while (restraint.Judge(Scheduler(10'000'000, 500'000'000), kSecondNs) != Verdict::kStop) {
    ASSERT_LT(++seconds, 20);
  }
  EXPECT_EQ(seconds, 10);
}

TEST(Restraint, WithoutALimitNothingIsTooMuch) {
  Restraint restraint(0, 1, 0);
  for (int second = 0; second < 10; ++second) {
    EXPECT_EQ(restraint.Judge(Scheduler(900'000'000), kSecondNs), Verdict::kKeep);
  }
}

}  // namespace
}  // namespace twofold
