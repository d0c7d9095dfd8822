#include "recorder/tracer/map_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "bpf/abi/accounts_abi.h"
#include "bpf/abi/faults_abi.h"
#include "bpf/abi/irq_abi.h"
#include "bpf/abi/map_sets_abi.h"
#include "bpf/abi/memory_abi.h"
#include "bpf/abi/tcp_abi.h"
#include "bpf/abi/threads_abi.h"
#include "recorder/cli/options.h"
#include "recorder/sources/sources.h"

namespace twofold {
namespace {

struct PlannedSources {
  bool cpu = false;
  bool offcpu = false;
  bool cpi = false;
  bool memory = false;
  bool tcp = false;
  bool exec = false;
  bool irq = false;
  bool faults = false;
};

struct Needs {
  std::vector<MapNeed> maps;
  bool has_events = false;
};

Needs NeedsOf(const PlannedSources& planned) {
  Options options;
  const std::pair<bool, const char*> names[] = {{planned.cpu, "cpu"}, {planned.offcpu, "offcpu"},
                                                {planned.cpi, "cpi"}, {planned.memory, "memleak"},
                                                {planned.tcp, "tcp"}, {planned.exec, "exec"},
                                                {planned.irq, "irq"}, {planned.faults, "faults"}};
  for (const auto& [is_planned, name] : names) {
    if (is_planned) options.sources.emplace_back(name);
  }
  Sources sources(options);
  sources.Choose();
  Needs needs;
  for (const TracedSource* source : sources.traced()) {
    if (!source->is_recorded()) continue;
    const std::vector<MapNeed> maps = source->Maps();
    needs.maps.insert(needs.maps.end(), maps.begin(), maps.end());
    needs.has_events = needs.has_events || source->HasEvents();
  }
  return needs;
}

MapSizes PlanMaps(uint64_t memory_bytes, const PlannedSources& planned) {
  const Needs needs = NeedsOf(planned);
  return PlanMaps(memory_bytes, needs.maps, needs.has_events);
}

uint32_t Entries(const MapSizes& sizes, twofold_map_set set) {
  const Needs all = NeedsOf({.cpu = true,
                             .offcpu = true,
                             .cpi = true,
                             .memory = true,
                             .tcp = true,
                             .exec = true,
                             .irq = true,
                             .faults = true});
  for (const MapNeed& need : all.maps) {
    if (need.set == set) return sizes.EntriesOf(need.name);
  }
  ADD_FAILURE() << "no source has map " << set;
  return 0;
}

uint32_t LiveEntries(const MapSizes& sizes) { return sizes.EntriesOf("live_allocations"); }

TEST(PlanMaps, DefaultBudgetHoldsThousandsOfStacksAtATime) {
  const MapSizes sizes = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true});
  EXPECT_GT(Entries(sizes, TWOFOLD_SET_OFFCPU_STACKS), 15'000u);
  EXPECT_GT(Entries(sizes, TWOFOLD_SET_CPU_STACKS), 5'000u);
  EXPECT_GT(Entries(sizes, TWOFOLD_SET_OFFCPU_ROWS), Entries(sizes, TWOFOLD_SET_OFFCPU_STACKS));
  EXPECT_GT(Entries(sizes, TWOFOLD_SET_CPU_ROWS), Entries(sizes, TWOFOLD_SET_CPU_STACKS));
}

TEST(PlanMaps, SourceThatIsNotRecordedTakesNothing) {
  const MapSizes both = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true});
  const MapSizes cpu = PlanMaps(64ULL << 20, {.cpu = true});
  for (const twofold_map_set set : {TWOFOLD_SET_OFFCPU_STACKS, TWOFOLD_SET_OFFCPU_ROWS,
                                    TWOFOLD_SET_WAKERS, TWOFOLD_SET_CHAINS}) {
    EXPECT_EQ(Entries(cpu, set), 1u);
  }
  EXPECT_GT(Entries(cpu, TWOFOLD_SET_CPU_STACKS), 2 * Entries(both, TWOFOLD_SET_CPU_STACKS));
  const MapSizes offcpu = PlanMaps(64ULL << 20, {.offcpu = true});
  EXPECT_EQ(Entries(offcpu, TWOFOLD_SET_CPU_STACKS), 1u);
  EXPECT_GT(Entries(offcpu, TWOFOLD_SET_OFFCPU_STACKS), Entries(both, TWOFOLD_SET_OFFCPU_STACKS));
  EXPECT_EQ(Entries(both, TWOFOLD_SET_CPI_STACKS), 1u);
  const MapSizes all = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true, .cpi = true});
  EXPECT_EQ(Entries(all, TWOFOLD_SET_CPI_STACKS), Entries(all, TWOFOLD_SET_CPU_STACKS));
  EXPECT_LT(Entries(all, TWOFOLD_SET_CPI_ROWS), Entries(all, TWOFOLD_SET_CPU_ROWS));
}

// Of each thread that was there at the interval's end come three accounts: as it was then, where it
// exits, and a whole one; each has a header of 8 bytes (kernel/bpf/ringbuf.c).
TEST(PlanMaps, DefaultBudgetHoldsTheAccountsOfThousandsOfThreads) {
  const MapSizes sizes = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true});
  EXPECT_GT(sizes.ended_account_bytes,
            8'000 * (2 * (TWOFOLD_SHORT_ACCOUNT_BYTES + 8) + sizeof(twofold_account) + 8));
}

TEST(PlanMaps, EventsAreWithinTheBudget) {
  const MapSizes without = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true});
  const MapSizes with = PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true, .exec = true});
  EXPECT_EQ(without.event_bytes, 4096u);
  EXPECT_EQ(with.event_bytes, 1u << 20);
  EXPECT_LT(Entries(with, TWOFOLD_SET_OFFCPU_STACKS), Entries(without, TWOFOLD_SET_OFFCPU_STACKS));
}

TEST(PlanMaps, TableOfOutstandingAllocationsHasTheLargestPart) {
  EXPECT_EQ(LiveEntries(PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true})), 1u);
  const MapSizes alone = PlanMaps(64ULL << 20, {.memory = true});
  EXPECT_GT(LiveEntries(alone), 150'000u);
  EXPECT_GT(Entries(alone, TWOFOLD_SET_MEMORY_STACKS), 10'000u);
  EXPECT_GT(Entries(alone, TWOFOLD_SET_MEMORY_ROWS), Entries(alone, TWOFOLD_SET_MEMORY_STACKS));
  EXPECT_GT(LiveEntries(PlanMaps(64ULL << 20, {.cpu = true, .offcpu = true, .memory = true})),
            40'000u);
}

TEST(PlanMaps, ThreadTableIsAPowerOfTwo) {
  for (uint64_t mib = 8; mib <= 4096; mib *= 2) {
    EXPECT_TRUE(
        std::has_single_bit(PlanMaps(mib << 20, {.cpu = true, .offcpu = true}).thread_slots))
        << mib;
  }
}

// When a map is full a fresh one takes its place, and for a moment both exist.
TEST(PlanMaps, EntriesStayWithinTheBudgetWithTheLargestMapTwice) {
  const uint64_t entry_bytes[TWOFOLD_SETS] = {
      48 + 8 + 1024,
      48 + 32 + 80,
      48 + 8 + 88,
      48 + 8 + 72,
      48 + 8 + 1024,
      48 + 24 + 16,
      48 + 8 + 1024,
      48 + 24 + 64,
      48 + 8 + 1024,
      48 + sizeof(twofold_allocation_key) + sizeof(twofold_allocation_value),
      48 + 8 + 1024,
      48 + sizeof(twofold_retransmit_key) + sizeof(twofold_retransmit_value),
      48 + sizeof(twofold_irq_key) + sizeof(twofold_irq_sums),
      48 + 8 + 1024,
      48 + sizeof(twofold_fault_key) + sizeof(twofold_fault_sums)};
  for (const uint64_t mib : {8, 64, 1000, 4096}) {
    for (int sources = 1; sources < 256; ++sources) {
      const MapSizes sizes = PlanMaps(mib << 20, {.cpu = (sources & 1) != 0,
                                                  .offcpu = (sources & 2) != 0,
                                                  .cpi = (sources & 4) != 0,
                                                  .memory = (sources & 8) != 0,
                                                  .tcp = (sources & 16) != 0,
                                                  .exec = (sources & 32) != 0,
                                                  .irq = (sources & 64) != 0,
                                                  .faults = (sources & 128) != 0});
      // Element sizes of the kernel, without the bucket heads: a lower bound that must hold with
      // room to spare.
      uint64_t bytes =
          sizes.thread_slots * sizeof(twofold_thread) + sizes.ended_account_bytes +
          sizes.event_bytes +
          uint64_t(LiveEntries(sizes)) * (48 + sizeof(twofold_live_key) + sizeof(twofold_live));
      uint64_t largest_bytes = 0;
      for (size_t set = 0; set < TWOFOLD_SETS; ++set) {
        bytes += Entries(sizes, twofold_map_set(set)) * entry_bytes[set];
        largest_bytes =
            std::max(largest_bytes, Entries(sizes, twofold_map_set(set)) * entry_bytes[set]);
      }
      EXPECT_LT(bytes + largest_bytes, (mib << 20) * 98 / 100) << mib;
      // Executed programs alone need no map of these; of interrupts alone, whose rows are small,
      // the bucket heads are a larger part.
      if (sources == 32 || (sources & ~32) == 64) continue;
      EXPECT_GT(bytes + largest_bytes, (mib << 20) * 80 / 100) << mib;
    }
  }
}

}  // namespace
}  // namespace twofold
