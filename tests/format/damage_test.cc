// Every prefix, every flipped bit, every lost or moved block: an error or a labelled partial
// result, never a changed number.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "tests/format/capture_bytes.h"
#include "tests/format/faithful.h"
#include "tests/format/sample_capture.h"

namespace twofold::testing {
namespace {

using container::BlockType;

// What is wrong with how the reader takes a changed copy of `sample`; empty: nothing.
std::string TroubleWith(const Sample& sample, std::string changed) {
  CaptureBytes copy(std::move(changed));
  Result<Capture> read = copy.Read();
  if (!read) return read.error().what.empty() ? "an error without words" : "";
  if (!read->partial()) return "the change was not noticed";
  return BrokenPromise(sample.expected, *read);
}

TEST(DamagedCapture, EveryPrefixIsAnErrorOrLabelled) {
  Sample sample = MakeSample();
  for (size_t size = 0; size < sample.bytes.size(); ++size) {
    ASSERT_EQ(TroubleWith(sample, sample.bytes.substr(0, size)), "") << "cut to " << size;
  }
}

TEST(DamagedCapture, EveryFlippedBitIsAnErrorOrLabelled) {
  Sample sample = MakeSample();
  for (size_t byte = 0; byte < sample.bytes.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      CaptureBytes copy(sample.bytes);
      copy.FlipBit(byte, bit);
      ASSERT_EQ(TroubleWith(sample, copy.bytes()), "") << "byte " << byte << " bit " << bit;
    }
  }
}

// Of a capture of 64 KiB, one bit in every eighth byte; with TWOFOLD_EVERY_BIT=1 really every bit,
// which takes minutes.
TEST(DamagedCapture, FlippedBitsOfALargerCaptureAreErrorsOrLabelled) {
  Sample sample = MakeSample({.intervals = 6, .stacks_per_interval = 56, .frames_per_stack = 12});
  ASSERT_GE(sample.bytes.size(), 64U << 10);
  const char* every_bit = std::getenv("TWOFOLD_EVERY_BIT");
  const size_t step_bits = every_bit != nullptr && *every_bit == '1' ? 1 : 67;
  std::string trouble[2];
  auto flip_bits = [&](size_t part) {
    for (size_t bit = part * step_bits; bit < sample.bytes.size() * 8; bit += 2 * step_bits) {
      CaptureBytes copy(sample.bytes);
      copy.FlipBit(bit / 8, int(bit % 8));
      trouble[part] = TroubleWith(sample, copy.bytes());
      if (!trouble[part].empty()) {
        trouble[part] += " at bit " + std::to_string(bit);
        return;
      }
    }
  };
  std::thread other(flip_bits, 1);
  flip_bits(0);
  other.join();
  EXPECT_EQ(trouble[0], "");
  EXPECT_EQ(trouble[1], "");
}

TEST(DamagedCapture, EveryByteOverwrittenIsAnErrorOrLabelled) {
  Sample sample = MakeSample();
  for (char value : {'\0', '\xFF', '\xF2', '\n'}) {
    for (size_t byte = 0; byte < sample.bytes.size(); ++byte) {
      if (sample.bytes[byte] == value) continue;
      std::string changed = sample.bytes;
      changed[byte] = value;
      ASSERT_EQ(TroubleWith(sample, changed), "") << "byte " << byte;
    }
  }
}

TEST(DamagedCapture, EveryMissingByteIsAnErrorOrLabelled) {
  Sample sample = MakeSample();
  for (size_t byte = 0; byte < sample.bytes.size(); ++byte) {
    std::string changed = sample.bytes;
    changed.erase(byte, 1);
    ASSERT_EQ(TroubleWith(sample, changed), "") << "byte " << byte;
  }
}

TEST(DamagedCapture, EveryMissingOrRepeatedBlockIsAnErrorOrLabelled) {
  Sample sample = MakeSample({.intervals = 4});
  for (const BlockPlace& block : CaptureBytes(sample.bytes).Blocks()) {
    CaptureBytes without(sample.bytes);
    without.Erase(block);
    EXPECT_EQ(TroubleWith(sample, without.bytes()), "") << "without " << block.offset;
    CaptureBytes twice(sample.bytes);
    twice.Insert(block.end(), sample.bytes.substr(block.offset, block.end() - block.offset));
    EXPECT_EQ(TroubleWith(sample, twice.bytes()), "") << "twice " << block.offset;
  }
}

TEST(DamagedCapture, SwappedBlocksAreLabelled) {
  Sample sample = MakeSample({.intervals = 4});
  CaptureBytes whole(sample.bytes);
  std::vector<BlockPlace> blocks = whole.Blocks();
  for (size_t i = 1; i + 1 < blocks.size(); ++i) {
    std::string first = sample.bytes.substr(blocks[i].offset, blocks[i].end() - blocks[i].offset);
    CaptureBytes swapped(sample.bytes);
    swapped.Insert(blocks[i + 1].end(), first);
    swapped.Erase(blocks[i]);
    EXPECT_EQ(TroubleWith(sample, swapped.bytes()), "") << "block " << i;
  }
}

TEST(DamagedCapture, TruncatedTailKeepsEarlierIntervals) {
  Sample sample = MakeSample({.intervals = 3});
  CaptureBytes copy(sample.bytes);
  std::vector<BlockPlace> blocks = copy.Blocks();
  // Recording, then three times Definitions and Interval: cut into the last Interval.
  ASSERT_EQ(blocks.size(), 9U);
  copy.Truncate(blocks[6].offset + 40);
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  ASSERT_EQ(read->intervals.size(), 2U);
  EXPECT_EQ(read->intervals[0], sample.expected.intervals[0]);
  EXPECT_EQ(read->intervals[1], sample.expected.intervals[1]);
  EXPECT_FALSE(read->end.has_value());
  ASSERT_EQ(read->damages.size(), 2U) << DamageText(*read);
  EXPECT_EQ(read->damages[0].offset_bytes, blocks[6].offset);
  std::string whole_bytes = std::to_string(blocks[6].end() - blocks[6].offset);
  EXPECT_EQ(read->damages[0].what, "40 bytes cannot be used: the file ends within a block (40 of " +
                                       whole_bytes + " bytes are there)");
  EXPECT_EQ(read->damages[1].what,
            "the recording was cut short: there is no end after 2 intervals");
}

TEST(DamagedCapture, AfterEveryIntervalTheFileIsReadable) {
  Sample sample = MakeSample({.intervals = 3});
  std::vector<BlockPlace> blocks = CaptureBytes(sample.bytes).Blocks();
  for (size_t intervals = 0; intervals <= 3; ++intervals) {
    CaptureBytes copy(sample.bytes);
    copy.Truncate(blocks[2 * intervals].end());
    Result<Capture> read = copy.Read();
    ASSERT_TRUE(read.has_value()) << read.error().Message();
    EXPECT_EQ(read->intervals.size(), intervals);
    ASSERT_EQ(read->damages.size(), 1U) << DamageText(*read);
    EXPECT_EQ(read->damages[0].offset_bytes, copy.size());
  }
}

TEST(DamagedCapture, DamagedDefinitionsKeepTheNumbersOfTheirRows) {
  Sample sample = MakeSample({.intervals = 3});
  CaptureBytes copy(sample.bytes);
  BlockPlace second_definitions = copy.Blocks()[3];
  ASSERT_EQ(second_definitions.header.type, uint16_t(BlockType::kDefinitions));
  copy.FlipBit(second_definitions.offset + 50, 3);
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->intervals, sample.expected.intervals);
  EXPECT_EQ(BrokenPromise(sample.expected, *read), "");
  ASSERT_EQ(read->damages.size(), 1U) << DamageText(*read);
  EXPECT_EQ(read->damages[0].offset_bytes, second_definitions.offset);
  EXPECT_TRUE(HasDamage(*read, "a block's checksum is wrong"));
  // The second interval's thread and stacks were defined by the lost block.
  const BlockedRow& row = read->intervals[1].blocked->front();
  EXPECT_EQ(read->String(read->GetThread(row.thread).name), "[damaged]");
  const Frame& frame = read->GetFrame(read->GetStack(row.user_stack).frame);
  EXPECT_EQ(read->String(frame.symbol), "[damaged]");
  EXPECT_EQ(read->GetModule(frame.module).kind, ModuleKind::kSpecial);
  // So were its waker and its chain.
  const Chain& chain = read->GetChain(read->intervals[1].blocked->back().chain);
  EXPECT_EQ(chain.next, ChainId());
  const Waker& waker = read->GetWaker(chain.waker);
  EXPECT_EQ(read->String(read->GetThread(waker.thread).name), "[damaged]");
  EXPECT_EQ(read->String(read->GetFrame(read->GetStack(waker.kernel_stack).frame).symbol),
            "[damaged]");
  // The third interval's were not.
  EXPECT_EQ(read->GetThread(read->intervals[2].blocked->front().thread).tid, Tid(1002));
  const Chain& third = read->GetChain(read->intervals[2].exemplars[0].chain);
  EXPECT_EQ(read->GetThread(read->GetWaker(third.waker).thread).tid, Tid(1002));
  // Its chain ends where the lost block's begins.
  const Chain& interrupt = read->GetChain(third.next);
  EXPECT_NE(read->GetWaker(interrupt.waker).kind, WakerKind::kTask);
  EXPECT_EQ(interrupt.next, read->intervals[1].blocked->back().chain);
}

TEST(DamagedCapture, LastDefinitionsLostKeepTheLastInterval) {
  Sample sample = MakeSample({.intervals = 2});
  CaptureBytes copy(sample.bytes);
  BlockPlace last_definitions = copy.Blocks()[3];
  copy.FlipBit(last_definitions.end() - 1, 0);
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->intervals, sample.expected.intervals);
  EXPECT_EQ(BrokenPromise(sample.expected, *read), "");
}

TEST(DamagedCapture, WrongSizeInABlockHeaderLosesThatBlockAlone) {
  Sample sample = MakeSample({.intervals = 3});
  CaptureBytes copy(sample.bytes);
  BlockPlace interval = copy.Blocks()[4];
  copy.FlipBit(interval.offset + 9, 7);  // stored_bytes grows by 32768: beyond the file's end
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->intervals.size(), 2U);
  EXPECT_TRUE(
      HasDamage(*read, std::to_string(interval.end() - interval.offset) + " bytes cannot be used"))
      << DamageText(*read);
  EXPECT_TRUE(HasDamage(*read, "intervals 1 to 1 are missing"));
}

TEST(DamagedCapture, BytesBehindTheTrailerAreLabelled) {
  Sample sample = MakeSample();
  CaptureBytes copy(sample.bytes);
  copy.Append("some more");
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  ASSERT_EQ(read->damages.size(), 1U) << DamageText(*read);
  EXPECT_EQ(read->damages[0].offset_bytes, sample.bytes.size());
  EXPECT_EQ(read->damages[0].what, "9 bytes cannot be used: no block begins here");
}

TEST(DamagedCapture, TwoCapturesInOneFileGiveTheFirst) {
  Sample sample = MakeSample();
  EXPECT_EQ(TroubleWith(sample, sample.bytes + sample.bytes), "");
}

TEST(DamagedCapture, IndexThatDisagreesIsLabelled) {
  Sample sample = MakeSample();
  Sample other = MakeSample({.intervals = 2, .stacks_per_interval = 7});
  CaptureBytes copy(sample.bytes);
  BlockPlace index = copy.FirstBlock(BlockType::kIndex);
  CaptureBytes donor(other.bytes);
  BlockPlace other_index = donor.FirstBlock(BlockType::kIndex);
  ASSERT_EQ(index.header.sequence, other_index.header.sequence);
  copy.Erase(index);
  copy.Insert(index.offset,
              other.bytes.substr(other_index.offset, other_index.end() - other_index.offset));
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(BrokenPromise(sample.expected, *read), "");
  EXPECT_TRUE(HasDamage(*read, "the index does not list the blocks")) << DamageText(*read);
}

TEST(DamagedCapture, TrailerThatDisagreesIsLabelled) {
  Sample sample = MakeSample();
  uint64_t offset = sample.bytes.size() - sizeof(container::Trailer);
  uint64_t index_offset = CaptureBytes(sample.bytes).FirstBlock(BlockType::kIndex).offset;
  CaptureBytes wrong_index(sample.bytes);
  wrong_index.SetTrailer(offset,
                         {.index_offset = index_offset + 1, .file_bytes = sample.bytes.size()});
  Result<Capture> read = wrong_index.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "the trailer says that the index is at byte"));
  CaptureBytes wrong_size(sample.bytes);
  wrong_size.SetTrailer(offset,
                        {.index_offset = index_offset, .file_bytes = sample.bytes.size() + 1});
  read = wrong_size.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "the trailer says that the file has"));
}

}  // namespace
}  // namespace twofold::testing
