#include "recorder/sources/memory/memory_restraint.h"

#include <gtest/gtest.h>

namespace twofold {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint32_t kCpus = 2;

// Of a second in which one per cent of two CPUs, 20 ms, is allowed.
constexpr Restraint::Spent kSpent = {
    .scheduler_ns = 0, .programs_ns = 105'000'000, .recorder_ns = 1'000'000};
constexpr MemoryRestraint::Spent kKeepingIsDear = {.programs_ns = 100'000'000,
                                                   .allocations_kept = 50'000};
constexpr MemoryRestraint::Spent kLookingIsDear = {.programs_ns = 100'000'000,
                                                   .allocations_kept = 100};

TEST(MemoryRestraint, RaisesTheSampleWhereKeepingIsWhatCosts) {
  MemoryRestraint restraint(16384, 100, false, true);
  const Restraint::Spent others = restraint.Judge(kSpent, kKeepingIsDear, kSecondNs, kCpus);
  EXPECT_EQ(restraint.sample_bytes(), 131'072u);
  EXPECT_EQ(others.programs_ns, 5'000'000u);
  for (int i = 0; i < 5; ++i) {
    static_cast<void>(restraint.Judge(kSpent, kKeepingIsDear, kSecondNs, kCpus));
  }
  EXPECT_EQ(restraint.sample_bytes(), MemoryRestraint::kLargestSampleBytes);
}

TEST(MemoryRestraint, LeavesTheSampleWhereItHasNoInfluence) {
  MemoryRestraint restraint(16384, 100, false, true);
  const Restraint::Spent others = restraint.Judge(kSpent, kLookingIsDear, kSecondNs, kCpus);
  EXPECT_EQ(restraint.sample_bytes(), 16384u);
  EXPECT_EQ(others.programs_ns, 5'000'000u) << "looking at allocations was asked for";
}

TEST(MemoryRestraint, LimitOfTheUsersHoldsForAllocatorsToo) {
  MemoryRestraint restraint(1, 100, true, true);
  EXPECT_EQ(restraint.Judge(kSpent, kKeepingIsDear, kSecondNs, kCpus).programs_ns, 5'000'000u)
      << "a larger sample is tried first";
  EXPECT_EQ(restraint.sample_bytes(), 4096u);
  EXPECT_EQ(restraint.Judge(kSpent, kLookingIsDear, kSecondNs, kCpus).programs_ns, 105'000'000u);
}

TEST(MemoryRestraint, SampleOfTheUsersStaysWithoutALimitOfTheUsers) {
  MemoryRestraint restraint(1, 100, false, false);
  const Restraint::Spent others = restraint.Judge(kSpent, kKeepingIsDear, kSecondNs, kCpus);
  EXPECT_EQ(restraint.sample_bytes(), 1u);
  EXPECT_EQ(others.programs_ns, 5'000'000u);
}

TEST(MemoryRestraint, WithoutALimitNothingChanges) {
  MemoryRestraint restraint(16384, 0, true, true);
  EXPECT_EQ(restraint.Judge(kSpent, kKeepingIsDear, kSecondNs, kCpus).programs_ns, 105'000'000u);
  EXPECT_EQ(restraint.sample_bytes(), 16384u);
}

}  // namespace
}  // namespace twofold
