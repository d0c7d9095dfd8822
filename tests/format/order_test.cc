// Blocks that are missing, repeated or in the wrong place, where nothing but their order tells.
#include <gtest/gtest.h>

#include "format/base/bytes.h"
#include "format/zstd_frame.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/hostile_blocks.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using flatbuffers::FlatBufferBuilder;

constexpr uint16_t kUnknownType = 77;

void WriteEnd(CaptureBytes& capture, uint64_t end_ns, uint32_t intervals, int32_t status = -1) {
  FlatBufferBuilder builder;
  builder.Finish(wire::CreateEnd(builder, 1, end_ns, intervals, status));
  capture.WriteBlock(BlockType::kEnd, builder);
}

Capture ReadWithDamage(const CaptureBytes& capture) {
  Result<Capture> read = capture.Read();
  if (read) return std::move(*read);
  ADD_FAILURE() << read.error().Message();
  return {};
}

TEST(BlockOrder, MissingBlocksAreCounted) {
  CaptureBytes capture = NewCapture();
  for (int i = 0; i < 4; ++i) capture.WriteStored(kUnknownType, AsBytes("something"), 1);
  std::vector<BlockPlace> blocks = capture.Blocks();
  capture.Erase(blocks[3]);
  capture.Erase(blocks[2]);
  Capture read = ReadWithDamage(capture);
  ASSERT_FALSE(read.damages.empty());
  EXPECT_EQ(read.damages[0].offset_bytes, blocks[2].offset);
  EXPECT_EQ(read.damages[0].what, "2 blocks before this one are missing");
}

TEST(BlockOrder, RepeatedBlocksAreLeftOut) {
  CaptureBytes capture = NewCapture();
  capture.WriteStored(kUnknownType, AsBytes("something"), 1);
  BlockPlace block = capture.Blocks()[1];
  capture.Append(capture.bytes().substr(block.offset));
  Capture read = ReadWithDamage(capture);
  ASSERT_FALSE(read.damages.empty());
  EXPECT_EQ(read.damages[0].offset_bytes, block.end());
  EXPECT_EQ(read.damages[0].what, "block 1 is there twice or in the wrong place, and left out");
}

TEST(BlockOrder, SequenceNumbersOfABorrowedRecordingAreNoticed) {
  CaptureBytes capture = NewCapture();
  BlockPlace block = capture.Blocks()[0];
  block.header.sequence = 9;
  capture.SetBlockHeader(block.offset, block.header);
  EXPECT_TRUE(HasDamage(ReadWithDamage(capture), "has the sequence number 9 instead of 0"));
}

TEST(BlockOrder, LastSequenceNumberOfAllIsRefused) {
  CaptureBytes capture = NewCapture();
  capture.WriteStored(kUnknownType, AsBytes("something"), 1);
  BlockPlace block = capture.Blocks()[1];
  block.header.sequence = UINT64_MAX;
  capture.SetBlockHeader(block.offset, block.header);
  EXPECT_TRUE(HasDamage(ReadWithDamage(capture), "sequence number is out of range"));
}

TEST(BlockOrder, NothingComesAfterTheEnd) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteEnd(capture, 5000, 0);
  WriteInterval(capture, {});
  Capture read = ReadWithDamage(capture);
  EXPECT_TRUE(HasDamage(read, "it comes after the end")) << DamageText(read);
  EXPECT_TRUE(read.intervals.empty());
}

TEST(BlockOrder, ThereIsOneRecordingOneEndOneIndex) {
  CaptureBytes capture = NewCapture();
  capture.WriteRecording();
  EXPECT_TRUE(HasDamage(ReadWithDamage(capture), "a capture has one recording only"));
  WriteEnd(capture, 1, 0);
  WriteEnd(capture, 1, 0);
  EXPECT_TRUE(HasDamage(ReadWithDamage(capture), "it comes after the end"));
  FlatBufferBuilder index;
  index.Finish(wire::CreateIndex(index));
  capture.WriteBlock(BlockType::kIndex, index);
  capture.WriteBlock(BlockType::kIndex, index);
  EXPECT_TRUE(HasDamage(ReadWithDamage(capture), "a capture has one index only"));
}

TEST(BlockOrder, RecordingComesFirst) {
  CaptureBytes capture;
  capture.WriteFileHeader();
  WriteDefinitions(capture, {});
  Result<Capture> read = capture.Read();
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().what, "the capture does not begin with its recording's settings");
}

TEST(BlockOrder, EndThatCountsOtherIntervalsIsNoticed) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, {});
  CaptureBytes more = capture;
  WriteEnd(more, 5000, 3);
  Capture read = ReadWithDamage(more);
  EXPECT_TRUE(HasDamage(read, "the recording had 3 intervals, of which 1 can be read"));
  EXPECT_EQ(read.end->intervals, 3U);
  CaptureBytes fewer = capture;
  WriteEnd(fewer, 5000, 0);
  read = ReadWithDamage(fewer);
  EXPECT_TRUE(HasDamage(read, "it counts 0 intervals after 1 were written"));
  EXPECT_FALSE(read.end.has_value());
}

TEST(BlockOrder, EndThatCannotBeIsRefused) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, {});
  CaptureBytes early = capture;
  WriteEnd(early, 999, 1);
  EXPECT_TRUE(HasDamage(ReadWithDamage(early), "the window ends before its last interval does"));
  for (int32_t status : {-2, 256, INT32_MIN}) {
    CaptureBytes strange = capture;
    WriteEnd(strange, 1000, 1, status);
    EXPECT_TRUE(HasDamage(ReadWithDamage(strange), "exit status is out of range")) << status;
  }
}

TEST(BlockOrder, IntervalsMaySkipTimeButNotNumbers) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, {});
  WriteInterval(capture, {.number = 4, .start_ns = 70'000, .end_ns = 80'000});
  Capture read = ReadWithDamage(capture);
  EXPECT_EQ(read.intervals.size(), 2U);
  EXPECT_TRUE(HasDamage(read, "intervals 1 to 3 are missing"));
}

TEST(ReadLimits, BoundMemoryAndWork) {
  std::vector<uint8_t> frame;
  ASSERT_TRUE(ZstdPacker().AppendFrame(std::vector<uint8_t>(1U << 20), frame).has_value());
  CaptureBytes capture = NewCapture();
  for (int i = 0; i < 5; ++i) capture.WriteStored(3, frame, 1U << 20);
  ReadLimits limits;
  limits.max_total_bytes = 3U << 20;
  Result<Capture> read = capture.Read(limits);
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->damages[1].what.substr(read->damages[1].what.find("out: ")),
            "out: its FlatBuffer is malformed");
  EXPECT_TRUE(HasDamage(*read, "the capture unpacks to more than one of its size may"));
  limits.max_total_bytes = (1U << 20) - 1;
  read = capture.Read(limits);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "it would take more memory than a capture of this size may"));
  EXPECT_FALSE(HasDamage(*read, "malformed"));
}

TEST(ReadLimits, GrowWithTheFileUpToTheirTotal) {
  ReadLimits limits;
  EXPECT_EQ(limits.MemoryBytes(0), 64ULL << 20);
  EXPECT_EQ(limits.MemoryBytes(1'000'000), (64ULL << 20) + 96'000'000);
  EXPECT_EQ(limits.MemoryBytes(UINT64_MAX), limits.max_total_bytes);
  EXPECT_EQ(limits.UnpackedBytes(1'000'000), (64ULL << 20) + 256'000'000);
}

}  // namespace
}  // namespace twofold::testing
