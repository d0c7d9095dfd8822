// The worst files that fit into a megabyte: each must be read within 10 seconds and 512 MiB.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "format/base/bytes.h"
#include "format/zstd_frame.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/hostile_blocks.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using flatbuffers::FlatBufferBuilder;

struct Usage {
  double seconds = 0;
  double peak_mib = 0;
  bool ended_well = false;
};

// Reads in a process of its own, whose peak memory tells what reading took.
Usage MeasureRead(const CaptureBytes& capture) {
  auto start = std::chrono::steady_clock::now();
  pid_t child = fork();
  if (child == 0) {
    Result<Capture> read = capture.Read();
    bool labelled = !read.has_value() || read->partial();
    _exit(labelled ? 0 : 1);
  }
  int status = 0;
  struct rusage usage = {};
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  return {elapsed.count(), double(usage.ru_maxrss) / 1024,
          WIFEXITED(status) && WEXITSTATUS(status) == 0};
}

void ExpectHarmless(const CaptureBytes& capture) {
  ASSERT_LE(capture.size(), 1'000'000U);
  ASSERT_GE(capture.size(), 300'000U) << "the file could be worse";
  Usage usage = MeasureRead(capture);
  ::testing::Test::RecordProperty("seconds", std::to_string(usage.seconds));
  ::testing::Test::RecordProperty("peak_mib", std::to_string(usage.peak_mib));
  std::printf("    %.2f s, %.0f MiB\n", usage.seconds, usage.peak_mib);
  EXPECT_TRUE(usage.ended_well);
  EXPECT_LT(usage.seconds, 10);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(usage.peak_mib, 512);
#endif
}

// Repeats a block until the file has a megabyte.
template <typename Write>
CaptureBytes Megabyte(Write write) {
  CaptureBytes capture = NewCapture();
  while (true) {
    size_t before = capture.size();
    write(capture);
    if (capture.size() <= 1'000'000) continue;
    capture.Truncate(before);
    return capture;
  }
}

// Numbers that do not compress: 64 kB of them let a block unpack to 64 MB before its ratio is
// refused.
template <typename T>
void MakeIncompressible(std::vector<T>& values, size_t count) {
  uint32_t random = 1;
  for (size_t i = 0; i < count; ++i) values[i] = (random = random * 1664525 + 1013904223) >> 8;
}

TEST(HostileMegabyte, OfEmptyStrings) {
  uint32_t first = 1;
  std::vector<uint8_t> frame;
  uint32_t unpacked_bytes = 0;
  ExpectHarmless(Megabyte([&](CaptureBytes& capture) {
    constexpr uint32_t kCount = 250'000;
    // Long before the hundredth block the budgets are used up; from there on they are all the same.
    if (first < 100 * kCount) {
      FlatBufferBuilder builder;
      auto lengths = Column(builder, std::vector<uint32_t>(kCount));
      auto strings = wire::CreateStrings(builder, 0, lengths);
      builder.Finish(wire::CreateDefinitions(builder, first, 1, 1, 1, 1, 1, strings));
      unpacked_bytes = builder.GetSize();
      frame.clear();
      std::span<const uint8_t> unpacked(builder.GetBufferPointer(), unpacked_bytes);
      ASSERT_TRUE(ZstdPacker().AppendFrame(unpacked, frame).has_value());
    }
    capture.WriteStored(2, frame, unpacked_bytes);
    first += kCount;
  }));
}

// As much as the budget has room for, in one block: the unpacked bytes and the rows stand side by
// side in memory.
TEST(HostileMegabyte, OfOneHugeBlock) {
  CaptureBytes capture = NewCapture();
  {
    constexpr size_t kRows = 4'000'000;
    std::vector<uint32_t> symbols(kRows);
    std::vector<uint64_t> offsets(kRows);
    MakeIncompressible(offsets, 200'000);
    FlatBufferBuilder builder;
    auto modules = Column(builder, symbols);
    auto frames = wire::CreateFrames(builder, modules, modules, Column(builder, offsets));
    builder.Finish(wire::CreateDefinitions(builder, 1, 1, 1, 1, 1, 1, 0, 0, frames));
    capture.WriteBlock(BlockType::kDefinitions, builder);
  }
  ExpectHarmless(capture);
}

TEST(HostileMegabyte, OfRowsWithoutEnd) {
  uint32_t number = 0;
  ExpectHarmless(Megabyte([&](CaptureBytes& next) {
    constexpr size_t kRows = 100'000;
    if (number == 0) WriteDefinitions(next, {});
    std::vector<uint32_t> ones(kRows, 1);
    std::vector<uint64_t> values(kRows, 1);
    MakeIncompressible(values, 1'000);
    std::vector<uint64_t> ones_ns(kRows, 1);
    WriteInterval(next, {.number = number,
                         .start_ns = number,
                         .end_ns = number + 1,
                         .threads = ones,
                         .kernel_stacks = ones,
                         .user_stacks = ones,
                         .samples = values,
                         .period_ns = 1,
                         .blocked_threads = ones,
                         .states = std::vector<uint8_t>(kRows, 1),
                         .blocked_stacks = ones,
                         .times_ns = values,
                         .counts = values,
                         .parts = std::vector<uint8_t>(kRows, 1),
                         .chains = ones,
                         .sampled_ns = ones_ns,
                         .kept = values,
                         .variances_us2 = ones_ns});
    number += 1;
  }));
}

// Rows of which a file gives the threads alone take far more room in memory than in it.
TEST(HostileMegabyte, OfAbsentColumns) {
  uint32_t number = 0;
  ExpectHarmless(Megabyte([&](CaptureBytes& next) {
    constexpr size_t kRows = 2'000'000;
    if (number == 0) WriteDefinitions(next, {});
    std::vector<uint32_t> kinds(kRows);
    MakeIncompressible(kinds, 10'000);
    FlatBufferBuilder builder;
    auto threads = Column(builder, std::vector<uint32_t>(kRows, 1));
    auto cpus = Column(builder, kinds);
    auto waiting = wire::CreateWaitingRows(builder, threads);
    auto wait_counts = wire::CreateWaitCounts(builder, threads);
    auto cpu_times = wire::CreateCpuTimes(builder, cpus);
    auto counters = wire::CreateCounterRows(builder, threads);
    auto execs = wire::CreateExecRows(builder, threads);
    // Every allocation names the one thread that there is.
    auto bytes = Column(builder, std::vector<uint8_t>(kRows, 1));
    auto allocations = wire::CreateAllocationRows(builder, bytes, threads);
    auto outstanding = wire::CreateOutstandingRows(builder, bytes, threads);
    auto retransmits = wire::CreateRetransmitRows(builder, bytes, threads);
    auto events = wire::CreateRetransmitEvents(builder, cpus);
    builder.Finish(wire::CreateInterval(builder, number, number, number + 1, 0, 0, 0, 0, 0, 0, 0,
                                        waiting, wait_counts, cpu_times, 0, counters, allocations,
                                        outstanding, retransmits, events, execs));
    next.WriteBlock(BlockType::kInterval, builder);
    number += 1;
  }));
}

// Chains refer to chains before them; each is as long as there may be, and there is no room for
// more.
TEST(HostileMegabyte, OfChains) {
  uint32_t first = 1;
  ExpectHarmless(Megabyte([&](CaptureBytes& next) {
    constexpr uint32_t kCount = 200'000;
    std::vector<uint32_t> distances(kCount, 1);
    for (uint32_t i = 0; i < kCount; i += 64) distances[i] = 0;
    std::vector<uint32_t> wakers(kCount);
    MakeIncompressible(wakers, 10'000);
    for (uint32_t& waker : wakers) waker = 1 + waker % kCount;
    FlatBufferBuilder builder;
    auto ones = Column(builder, std::vector<uint32_t>(kCount));
    auto kinds = Column(builder, std::vector<uint8_t>(kCount, 4));
    auto table = wire::CreateWakers(builder, kinds, ones, ones, ones);
    auto chains = wire::CreateChains(builder, Column(builder, wakers), Column(builder, distances));
    builder.Finish(wire::CreateDefinitions(builder, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, first,
                                           first, table, chains));
    next.WriteBlock(BlockType::kDefinitions, builder);
    first += kCount;
  }));
}

TEST(HostileMegabyte, OfGapsBehindDamage) {
  CaptureBytes capture = NewCapture();
  capture.WriteStored(2, AsBytes("damaged"), 7);
  capture.FlipBit(capture.size() - 1, 0);
  uint32_t first = 1;
  while (capture.size() < 900'000) {
    first += 100'000;
    WriteDefinitions(capture, {.first = {first, first, first, first, first, first},
                               .first_waker = first,
                               .first_chain = first});
    first += 1;
  }
  ExpectHarmless(capture);
}

TEST(HostileMegabyte, OfFalseBlockBeginnings) {
  CaptureBytes capture = NewCapture();
  container::BlockHeader header;
  header.type = 3;
  while (capture.size() < 999'000) {
    // Each claims nearly all that is left.
    header.stored_bytes = uint32_t(999'000 - capture.size());
    capture.Append(std::string(AsText(BytesOf(header))));
  }
  ExpectHarmless(capture);
}

// The search for the next block gives up when it has cost too much, even short of a good block.
TEST(HostileMegabyte, OfFalseBlockBeginningsIsNotSearchedForEver) {
  CaptureBytes good = NewCapture();
  WriteDefinitions(good, {});
  BlockPlace definitions = good.Blocks()[1];
  CaptureBytes capture = NewCapture();
  uint64_t first_false = capture.size();
  container::BlockHeader header;
  while (capture.size() < 999'000) {
    header.stored_bytes = uint32_t(999'000 - capture.size());
    capture.Append(std::string(AsText(BytesOf(header))));
  }
  capture.Append(good.bytes().substr(definitions.offset));
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->definitions.empty());
  EXPECT_EQ(read->damages[0].offset_bytes, first_false);
  EXPECT_TRUE(HasDamage(*read, std::to_string(capture.size() - first_false) +
                                   " bytes cannot be used: a block's checksum is wrong"));
}

TEST(HostileMegabyte, OfDamages) {
  CaptureBytes capture = Megabyte([](CaptureBytes& next) { next.WriteStored(3, {}, 0); });
  ExpectHarmless(capture);
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->damages.size(), 101U);
  EXPECT_TRUE(HasDamage(*read, "more damages up to here"));
}

TEST(HostileMegabyte, OfSmallBombs) {
  std::vector<uint8_t> frame;
  std::vector<uint8_t> zeros(1U << 20);
  ASSERT_TRUE(ZstdPacker().AppendFrame(zeros, frame).has_value());
  ExpectHarmless(Megabyte([&](CaptureBytes& next) { next.WriteStored(3, frame, 1U << 20); }));
}

TEST(HostileMegabyte, OfIndexes) {
  FlatBufferBuilder builder;
  constexpr size_t kRows = 58'000;
  builder.Finish(wire::CreateIndex(builder, Column(builder, std::vector<uint16_t>(kRows, 1)),
                                   Column(builder, std::vector<uint64_t>(kRows)),
                                   Column(builder, std::vector<uint64_t>(kRows))));
  ExpectHarmless(
      Megabyte([&](CaptureBytes& next) { next.WriteBlock(BlockType::kIndex, builder); }));
}

}  // namespace
}  // namespace twofold::testing
