#include <gtest/gtest.h>

#include <bit>

#include "recorder/tracer.h"

namespace twofold {
namespace {

TEST(PlanMaps, DefaultBudgetHoldsTensOfThousandsOfStacks) {
  const MapSizes sizes = PlanMaps(64ULL << 20, true, true);
  EXPECT_GT(sizes.blocked_stacks, 25'000u);
  EXPECT_GT(sizes.cpu_stacks, 10'000u);
  EXPECT_GT(sizes.blocked_rows, sizes.blocked_stacks);
  EXPECT_GT(sizes.cpu_rows, sizes.cpu_stacks);
}

TEST(PlanMaps, SourceThatIsNotRecordedTakesNothing) {
  const MapSizes both = PlanMaps(64ULL << 20, true, true);
  const MapSizes cpu = PlanMaps(64ULL << 20, true, false);
  EXPECT_EQ(cpu.blocked_stacks, 1u);
  EXPECT_EQ(cpu.blocked_rows, 1u);
  EXPECT_GT(cpu.cpu_stacks, 2 * both.cpu_stacks);
  const MapSizes offcpu = PlanMaps(64ULL << 20, false, true);
  EXPECT_EQ(offcpu.cpu_stacks, 1u);
  EXPECT_GT(offcpu.blocked_stacks, both.blocked_stacks);
}

TEST(PlanMaps, ThreadTableIsAPowerOfTwo) {
  for (uint64_t mib = 8; mib <= 4096; mib *= 2) {
    EXPECT_TRUE(std::has_single_bit(PlanMaps(mib << 20, true, true).thread_slots)) << mib;
  }
}

TEST(PlanMaps, EntriesStayWithinTheBudget) {
  for (const uint64_t mib : {8, 64, 1000, 4096}) {
    const MapSizes sizes = PlanMaps(mib << 20, true, true);
    // Element sizes of the kernel, without the bucket heads: a lower bound that must hold with room
    // to spare.
    const uint64_t bytes = sizes.thread_slots * sizeof(twofold_thread) +
                           uint64_t(sizes.blocked_stacks + sizes.cpu_stacks) * (48 + 8 + 1024) +
                           sizes.blocked_rows * uint64_t(48 + 24 + 16) +
                           sizes.cpu_rows * uint64_t(48 + 24 + 8);
    EXPECT_LT(bytes, (mib << 20) * 98 / 100) << mib;
    EXPECT_GT(bytes, (mib << 20) * 85 / 100) << mib;
  }
}

}  // namespace
}  // namespace twofold
