// Wakers, chains, waits, exemplars and estimates that lie behind right checksums.
#include <gtest/gtest.h>

#include "format/base/bytes.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/hostile_blocks.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using flatbuffers::FlatBufferBuilder;

const char kUndefined[] = "it refers to ids that are not defined";

TEST(HostileChains, WakersNameWhatIsDefined) {
  EXPECT_EQ(FaultOfDefinitions({.waker_threads = {2}}),
            "a waker's thread is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.waker_kernel_stacks = {2}}),
            "a waker's kernel stack is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.waker_user_stacks = {UINT32_MAX}}),
            "a waker's user stack is number 4294967295, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.waker_threads = {0}}), "a waker names no thread");
}

// Whoever was interrupted has nothing to do with the wake-up.
TEST(HostileChains, InterruptsNameNoThread) {
  for (uint8_t kind : {2, 3, 4}) {
    EXPECT_EQ(FaultOfDefinitions({.waker_kinds = {kind}}), "an interrupt names a thread");
    EXPECT_EQ(FaultOfDefinitions({.waker_kinds = {kind}, .waker_threads = {0}}), "");
  }
}

TEST(HostileChains, ChainsNameWhatIsDefined) {
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = {2}}),
            "a chain's waker is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = {0}}), "a chain names no waker");
  EXPECT_EQ(FaultOfInterval({.chains = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.exemplar_chains = {2}}), kUndefined);
}

// The next chain is always an earlier one, so there can be no cycle.
TEST(HostileChains, ChainsGoOnBeforeThemselves) {
  const std::string before_first = "a chain goes on before the first chain";
  EXPECT_EQ(FaultOfDefinitions({.next_distances = {1}}), before_first);
  // What "the chain after this one" comes to when a distance is negative.
  EXPECT_EQ(FaultOfDefinitions({.next_distances = {UINT32_MAX}}), before_first);
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = {1, 1}, .next_distances = {0, 2}}), before_first);
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = {1, 1}, .next_distances = {0, 1}}), "");
}

TEST(HostileChains, EndlessChainsAreRefused) {
  std::vector<uint32_t> wakers(64, 1);
  std::vector<uint32_t> distances(64, 1);
  distances[0] = 0;
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = wakers, .next_distances = distances}), "");
  wakers.push_back(1);
  distances.push_back(1);
  EXPECT_EQ(FaultOfDefinitions({.chain_wakers = wakers, .next_distances = distances}),
            "a chain has more than 64 wakers");
}

TEST(HostileChains, RefusedChainsLeaveNothingBehind) {
  std::vector<uint32_t> wakers(65, 1);
  std::vector<uint32_t> distances(65, 1);
  distances[0] = 0;
  CaptureBytes capture = NewCapture();
  // 64 chains are counted before the last one shows that the block lies.
  WriteDefinitions(capture, {.chain_wakers = wakers, .next_distances = distances});
  WriteDefinitions(capture, {.chain_wakers = {1, 1}, .next_distances = {0, 1}});
  WriteInterval(capture, {.chains = {2}});
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->definitions.wakers.size(), 1U) << DamageText(*read);
  ASSERT_EQ(read->definitions.chains.size(), 2U);
  EXPECT_EQ(read->GetChain(ChainId(2)).next, ChainId(1));
  EXPECT_EQ(read->intervals.size(), 1U);
}

TEST(HostileChains, IdsAreDefinedOnceAndWithoutGaps) {
  EXPECT_EQ(FaultOfDefinitions({.first_waker = 0}), "it defines an id 0");
  EXPECT_EQ(FaultOfDefinitions({.first_chain = 0}), "it defines an id 0");
  EXPECT_EQ(FaultOfDefinitions({.first_waker = 2}), kUndefined);
  EXPECT_EQ(FaultOfDefinitions({.first_chain = 2}), kUndefined);
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteDefinitions(capture, {.first = {2, 2, 2, 2, 2, 2}, .first_chain = 2});
  EXPECT_EQ(FaultOf(capture), "it defines ids for a second time");
}

TEST(HostileChains, HugeGapsBehindDamageAreRefused) {
  for (bool of_chains : {false, true}) {
    CaptureBytes capture = NewCapture();
    capture.WriteStored(2, AsBytes("damaged"), 7);
    capture.FlipBit(capture.size() - 1, 0);
    WriteDefinitions(capture, {.first_waker = of_chains ? 1U : 4'000'000'000U,
                               .first_chain = of_chains ? 4'000'000'000U : 1U});
    EXPECT_EQ(FaultOf(capture), "it refers to ids far beyond those that are defined");
  }
}

TEST(HostileChains, ColumnsOfDifferentLengthsAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.waker_threads = {}}), "its columns of wakers differ in length");
  EXPECT_EQ(FaultOfDefinitions({.waker_user_stacks = {0, 0}}),
            "its columns of wakers differ in length");
  EXPECT_EQ(FaultOfDefinitions({.next_distances = {}}), "its columns of chains differ in length");
  // A column that is there and empty is not one that is absent.
  const std::string blocked = "its columns of blocked rows differ in length";
  EXPECT_EQ(FaultOfInterval({.parts = {}}), blocked);
  EXPECT_EQ(FaultOfInterval({.chains = {0, 0}}), blocked);
  EXPECT_EQ(FaultOfInterval({.sampled_ns = {}}), blocked);
  EXPECT_EQ(FaultOfInterval({.kept = {1, 1}}), blocked);
  EXPECT_EQ(FaultOfInterval({.variances_us2 = {}}), blocked);
  EXPECT_EQ(FaultOfInterval({.count_variances = {1, 1}}), blocked);
  const std::string waiting = "its columns of waiting rows differ in length";
  EXPECT_EQ(FaultOfInterval({.waiting_threads = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.preempted = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_kernel_stacks = {1, 1}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_user_stacks = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_ns = {20, 20}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_sampled_ns = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waits = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_kept = {1, 1}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_variances_us2 = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_count_variances = {}}), waiting);
  EXPECT_EQ(FaultOfInterval({.buckets = {}}), "its columns of wait counts differ in length");
  EXPECT_EQ(FaultOfInterval({.counted_waits = {1, 1}}),
            "its columns of wait counts differ in length");
  const std::string counters = "its columns of counter rows differ in length";
  EXPECT_EQ(FaultOfInterval({.counter_threads = {1, 1}}), counters);
  EXPECT_EQ(FaultOfInterval({.counter_kernel_stacks = {}}), counters);
  EXPECT_EQ(FaultOfInterval({.counter_user_stacks = {1, 1}}), counters);
  EXPECT_EQ(FaultOfInterval({.cycles = {}}), counters);
  EXPECT_EQ(FaultOfInterval({.cycle_samples = {1, 1}}), counters);
  EXPECT_EQ(FaultOfInterval({.instructions = {}}), counters);
  EXPECT_EQ(FaultOfInterval({.instruction_samples = {1, 1}}), counters);
  const std::string exemplars = "its columns of exemplars differ in length";
  EXPECT_EQ(FaultOfInterval({.exemplar_kinds = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_threads = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_states = {1, 1}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_flags = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_starts_ns = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_ends_ns = {900, 900}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_cpus = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_kernel_stacks = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_user_stacks = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.exemplar_chains = {}}), exemplars);
  EXPECT_EQ(FaultOfInterval({.idle_ns = {}}), "its columns of CPU times differ in length");
  EXPECT_EQ(FaultOfInterval({.cpus = {0, 1}}), "its columns of CPU times differ in length");
}

TEST(HostileChains, RowsNameWhatIsDefined) {
  EXPECT_EQ(FaultOfInterval({.waiting_threads = {0}}), "a waiting row names no thread");
  EXPECT_EQ(FaultOfInterval({.waiting_threads = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.waiting_kernel_stacks = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.waiting_user_stacks = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.counter_threads = {0}}), "a counter row names no thread");
  EXPECT_EQ(FaultOfInterval({.counter_threads = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.counter_kernel_stacks = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.counter_user_stacks = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.counted_threads = {0}}), "a wait count names no thread");
  EXPECT_EQ(FaultOfInterval({.counted_threads = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.exemplar_threads = {0}}), "an exemplar names no thread");
  EXPECT_EQ(FaultOfInterval({.exemplar_threads = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.exemplar_kernel_stacks = {2}}), kUndefined);
  EXPECT_EQ(FaultOfInterval({.exemplar_user_stacks = {2}}), kUndefined);
}

TEST(HostileChains, SumsThatOverflowAreRefused) {
  const std::string blocked = "its blocked rows add up to more than 2^63";
  EXPECT_EQ(FaultOfInterval({.kept = {1ULL << 63}}), blocked);
  EXPECT_EQ(FaultOfInterval({.variances_us2 = {UINT64_MAX}}), blocked);
  EXPECT_EQ(FaultOfInterval({.variances_us2 = {INT64_MAX}}), "");
  EXPECT_EQ(FaultOfInterval({.count_variances = {UINT64_MAX}}), blocked);
  EXPECT_EQ(FaultOfInterval({.count_variances = {INT64_MAX}}), "");
  const std::string waiting = "its waiting rows add up to more than 2^63";
  EXPECT_EQ(FaultOfInterval({.waiting_ns = {1ULL << 63}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waits = {1ULL << 63}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_kept = {UINT64_MAX}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_variances_us2 = {1ULL << 63}}), waiting);
  EXPECT_EQ(FaultOfInterval({.waiting_count_variances = {1ULL << 63}}), waiting);
  EXPECT_EQ(FaultOfInterval({.counted_waits = {1ULL << 63}}),
            "its wait counts add up to more than 2^63");
  EXPECT_EQ(FaultOfInterval({.idle_ns = {1ULL << 63}}), "its CPU times add up to more than 2^63");
  EXPECT_EQ(FaultOfInterval({.cpus = {0, 1}, .idle_ns = {1ULL << 62, 1ULL << 62}}),
            "its CPU times add up to more than 2^63");
  const std::string counter_rows = "its counter rows add up to more than 2^63";
  EXPECT_EQ(FaultOfInterval({.cycles = {1ULL << 63}}), counter_rows);
  EXPECT_EQ(FaultOfInterval({.cycle_samples = {1ULL << 63}}), counter_rows);
  EXPECT_EQ(FaultOfInterval({.instructions = {UINT64_MAX}}), counter_rows);
  EXPECT_EQ(FaultOfInterval({.instruction_samples = {1ULL << 63}}), counter_rows);
  const std::string counters = "its counters add up to more than 2^63";
  EXPECT_EQ(FaultOfInterval({.cycles_counted = 1ULL << 63}), counters);
  EXPECT_EQ(FaultOfInterval({.cycles_counted = 1ULL << 62, .instructions_counted = 1ULL << 62}),
            counters);
  EXPECT_EQ(FaultOfInterval({.cycles_enabled_ns = 1ULL << 63}), counters);
  EXPECT_EQ(FaultOfInterval({.cycles_running_ns = 1ULL << 63}), counters);
  EXPECT_EQ(FaultOfInterval({.map_inserts = 1ULL << 63}), "its costs add up to more than 2^63");
}

TEST(HostileChains, VariancesOfSeveralIntervalsMayNotOverflowEither) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, {.variances_us2 = {INT64_MAX}});
  WriteInterval(capture, {.number = 1, .start_ns = 1000, .end_ns = 2000, .variances_us2 = {1}});
  EXPECT_EQ(FaultOf(capture), "its blocked rows add up to more than 2^63");
}

TEST(HostileChains, SampledTimeIsPartOfTheTime) {
  EXPECT_EQ(FaultOfInterval({.times_ns = {100}, .sampled_ns = {100}}), "");
  EXPECT_EQ(FaultOfInterval({.times_ns = {100}, .sampled_ns = {101}}),
            "a blocked row has more sampled time than time");
  EXPECT_EQ(FaultOfInterval({.waiting_ns = {10}, .waiting_sampled_ns = {11}}),
            "a waiting row has more sampled time than time");
}

TEST(HostileChains, TimesOutOfRangeAreRefused) {
  EXPECT_EQ(FaultOfInterval({.exemplar_starts_ns = {901}}), "an exemplar ends before it begins");
  EXPECT_EQ(FaultOfInterval({.exemplar_ends_ns = {(1ULL << 62) + 1}}),
            "an exemplar ends before it begins");
  EXPECT_EQ(FaultOfInterval({.quantum_ns = (1ULL << 62) + 1}), "its quantum is out of range");
  EXPECT_EQ(FaultOfInterval({.quantum_ns = 1ULL << 62}), "");
}

TEST(HostileChains, KindsOfNewerVersionsAreKeptAsOther) {
  CaptureBytes capture = NewCapture();
  // Of a kind that is not known nobody can tell whether it has a thread.
  WriteDefinitions(capture, {.waker_kinds = {5, 0},
                             .waker_threads = {0, 1},
                             .waker_kernel_stacks = {1, 0},
                             .waker_user_stacks = {0, 0}});
  WriteInterval(capture, {.parts = {0xFE},
                          .preempted = {7},
                          .buckets = {26},
                          .exemplar_kinds = {4},
                          .exemplar_states = {0},
                          .exemplar_flags = {0xFD}});
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->intervals.size(), 1U) << DamageText(*read);
  EXPECT_EQ(read->GetWaker(WakerId(1)).kind, WakerKind::kOther);
  EXPECT_EQ(read->GetWaker(WakerId(2)).kind, WakerKind::kOther);
  EXPECT_EQ(read->GetWaker(WakerId(2)).thread, ThreadId(1));
  const Interval& interval = read->intervals[0];
  EXPECT_EQ(interval.blocked->at(0).parts, kOpenAtEnd);
  EXPECT_TRUE(interval.waiting->at(0).preempted);
  EXPECT_EQ(interval.wait_counts->at(0).bucket, kWaitBuckets - 1);
  EXPECT_EQ(interval.exemplars[0].kind, ExemplarKind::kOther);
  EXPECT_EQ(interval.exemplars[0].state, BlockState::kOther);
  EXPECT_TRUE(interval.exemplars[0].preempted);
  EXPECT_FALSE(interval.exemplars[0].open);
}

TEST(HostileChains, AbsentColumnsAreZeros) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  FlatBufferBuilder builder;
  std::vector<uint32_t> ones = {1, 1};
  auto waiting = wire::CreateWaitingRows(builder, Column(builder, ones));
  auto wait_counts = wire::CreateWaitCounts(builder, Column(builder, ones));
  auto cpu_times = wire::CreateCpuTimes(builder, Column(builder, ones));
  auto kinds = Column(builder, std::vector<uint8_t>{3});
  auto threads = Column(builder, std::vector<uint32_t>{1});
  auto exemplars = wire::CreateExemplars(builder, kinds, threads);
  builder.Finish(wire::CreateInterval(builder, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, waiting, wait_counts,
                                      cpu_times, exemplars));
  capture.WriteBlock(BlockType::kInterval, builder);
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->intervals.size(), 1U) << DamageText(*read);
  const Interval& interval = read->intervals[0];
  EXPECT_EQ(interval.waiting, std::vector<WaitingRow>(2, {.thread = ThreadId(1)}));
  EXPECT_EQ(interval.wait_counts, std::vector<WaitCount>(2, {.thread = ThreadId(1)}));
  EXPECT_EQ(interval.cpu_times, std::vector<CpuTime>(2, {.cpu = 1}));
  EXPECT_EQ(interval.exemplars,
            (std::vector<Exemplar>{{.kind = ExemplarKind::kWaiting, .thread = ThreadId(1)}}));
}

TEST(HostileChains, RecordingWithoutBoundsIsAnError) {
  for (int field = 0; field < 3; ++field) {
    FlatBufferBuilder builder;
    auto host = wire::CreateHost(builder);
    wire::SettingsBuilder settings(builder);
    const uint64_t beyond = (1ULL << 62) + 1;
    if (field == 0) settings.add_quantum_ns(beyond);
    if (field == 1) settings.add_min_block_ns(beyond);
    if (field == 2) settings.add_max_block_ns(beyond);
    builder.Finish(wire::CreateRecording(builder, host, settings.Finish()));
    CaptureBytes capture;
    capture.WriteFileHeader();
    capture.WriteBlock(BlockType::kRecording, builder);
    Result<Capture> read = capture.Read();
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().what,
              "the capture's first block cannot be read: its quantum or its limits of blocks are "
              "out of range");
  }
}

}  // namespace
}  // namespace twofold::testing
