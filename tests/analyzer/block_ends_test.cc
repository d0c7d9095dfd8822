// How parts of blocks that intervals' ends cut off get what ended the block.
#include "analyzer/data/block_ends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::ElementsAre;

constexpr uint8_t kThrough = kBegunBefore | kOpenAtEnd;

BlockedRow Part(uint32_t thread, uint8_t parts, uint32_t chain = 0) {
  BlockedRow row;
  row.thread = ThreadId(thread);
  row.parts = parts;
  row.chain = ChainId(chain);
  row.time_ns = 1;
  return row;
}

// Intervals 0, 1, 2 ... with these rows, of threads 1 to 3.
Capture CaptureOf(const std::vector<std::vector<BlockedRow>>& intervals) {
  Capture capture;
  capture.definitions.threads.resize(3);
  for (const std::vector<BlockedRow>& rows : intervals) {
    Interval interval;
    interval.number = uint32_t(capture.intervals.size());
    interval.blocked = rows;
    capture.intervals.push_back(interval);
  }
  return capture;
}

// "7": ended by chain 7; "-": not known; "open": still blocked.
std::vector<std::string> Ends(const Capture& capture) {
  std::vector<std::string> texts;
  for (const BlockEnd& end : FindBlockEnds(capture)) {
    std::string chain = end.chain.value == 0 ? "-" : std::to_string(end.chain.value);
    texts.push_back(end.still_blocked ? "open" : chain);
  }
  return texts;
}

TEST(BlockEnds, APartGetsTheWakerOfItsEndAcrossThreeIntervals) {
  EXPECT_THAT(Ends(CaptureOf({{Part(1, 0, 5), Part(1, kOpenAtEnd)},
                              {Part(1, kThrough)},
                              {Part(1, kBegunBefore, 7), Part(1, 0, 6)}})),
              ElementsAre("5", "7", "7", "7", "6"));
}

TEST(BlockEnds, ThreadsDoNotMix) {
  EXPECT_THAT(
      Ends(CaptureOf({{Part(1, kOpenAtEnd), Part(2, kOpenAtEnd), Part(3, kOpenAtEnd)},
                      {Part(3, kBegunBefore, 3), Part(1, kBegunBefore, 1), Part(2, 0, 2)}})),
      ElementsAre("1", "-", "3", "3", "1", "2"));
}

TEST(BlockEnds, OneBlockAfterTheOtherInNeighbouringIntervals) {
  // The second interval ends one block and begins another, which ends in the third.
  EXPECT_THAT(Ends(CaptureOf({{Part(1, kOpenAtEnd)},
                              {Part(1, kOpenAtEnd), Part(1, kBegunBefore, 4)},
                              {Part(1, kBegunBefore, 9)}})),
              ElementsAre("4", "9", "4", "9"));
}

TEST(BlockEnds, ABlockThatNeverEndedIsStillBlocked) {
  EXPECT_THAT(Ends(CaptureOf({{Part(1, kOpenAtEnd)}, {Part(1, kThrough)}})),
              ElementsAre("open", "open"));
}

TEST(BlockEnds, AnUnknownWakerIsNotStillBlocked) {
  EXPECT_THAT(Ends(CaptureOf({{Part(1, kOpenAtEnd)}, {Part(1, kBegunBefore, 0)}})),
              ElementsAre("-", "-"));
}

TEST(BlockEnds, AMissingContinuationIsUnknown) {
  // The next interval does not tell of the block, or was lost itself.
  EXPECT_THAT(Ends(CaptureOf({{Part(1, kOpenAtEnd)}, {Part(2, 0, 2)}, {Part(1, kBegunBefore, 1)}})),
              ElementsAre("-", "2", "1"));
  Capture gap = CaptureOf({{Part(1, kOpenAtEnd)}, {Part(1, kBegunBefore, 1)}});
  gap.intervals[1].number = 2;
  EXPECT_THAT(Ends(gap), ElementsAre("-", "1"));
}

TEST(BlockEnds, IntervalsWithoutBlockedTimeBreakABlock) {
  Capture capture = CaptureOf({{Part(1, kOpenAtEnd)}, {}, {Part(1, kBegunBefore, 1)}});
  capture.intervals[1].blocked.reset();
  EXPECT_THAT(Ends(capture), ElementsAre("-", "1"));
}

TEST(BlockEnds, TheTableShowsThem) {
  CaptureMaker maker;
  ThreadId sleeper = maker.AddThread("sleeper", 1);
  ThreadId waker = maker.AddThread("waker", 2);
  auto part = [&](uint8_t parts, ChainId chain) {
    maker.AddBlocked({.thread = sleeper,
                      .state = BlockState::kInterruptible,
                      .time_ns = 1000,
                      .parts = parts,
                      .chain = chain});
    maker.EndInterval();
  };
  part(kOpenAtEnd, ChainId());
  part(kThrough, ChainId());
  part(kBegunBefore, maker.Chain({maker.Task(waker, StackId(), StackId())}));
  part(kOpenAtEnd, ChainId());
  std::string path = WriteTemporary("parts.twofold", maker.Finish());
  RunResult result = RunTwofold(
      {"sql", "--csv", path,
       "SELECT begun_before, open_at_end, still_blocked, chain_id FROM blocked ORDER BY 1, 2, 3"});
  EXPECT_EQ(result.output,
            "begun_before,open_at_end,still_blocked,chain_id\r\n"
            "0,1,0,1\r\n"
            "0,1,1,\r\n"
            "1,0,0,1\r\n"
            "1,1,0,1\r\n")
      << result.words;
}

}  // namespace
}  // namespace twofold::testing
