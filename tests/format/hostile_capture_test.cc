// Captures made to harm: right checksums around contents that lie. Each must end quickly, within
// bounds, with an error or a labelled partial result.
#include <gtest/gtest.h>
#include <zstd.h>

#include "format/base/bytes.h"
#include "format/zstd_frame.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/hostile_blocks.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using flatbuffers::FlatBufferBuilder;

TEST(HostileCapture, BlocksOfTheseTestsAreGoodUntilTheyLie) {
  EXPECT_EQ(FaultOfDefinitions({}), "");
  EXPECT_EQ(FaultOfInterval({}), "");
}

TEST(HostileCapture, IdsOutOfRangeAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.module_paths = {2}}),
            "a module's path is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.frame_modules = {7}}),
            "a frame's module is number 7, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.frame_symbols = {UINT32_MAX}}),
            "a frame's symbol is number 4294967295, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.frame_files = {2}}),
            "a frame's source file is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.stack_frames = {2}}),
            "a stack's frame is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.stack_frames = {0}}), "a stack names no frame");
  EXPECT_EQ(FaultOfDefinitions({.process_names = {2}}),
            "a process's name is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.thread_processes = {2}}),
            "a thread's process is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.thread_processes = {0}}), "a thread names no process");
  EXPECT_EQ(FaultOfDefinitions({.thread_cgroups = {2}}),
            "a thread's cgroup is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfDefinitions({.ended_processes = {2}}),
            "an ended process is number 2, but only 1 are defined");
  EXPECT_EQ(FaultOfInterval({.threads = {2}}), "it refers to ids that are not defined");
  EXPECT_EQ(FaultOfInterval({.threads = {0}}), "a CPU row names no thread");
  EXPECT_EQ(FaultOfInterval({.kernel_stacks = {2}}), "it refers to ids that are not defined");
  EXPECT_EQ(FaultOfInterval({.blocked_stacks = {UINT32_MAX}}),
            "it refers to ids that are not defined");
}

TEST(HostileCapture, ExitStatusesOutOfRangeAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.exit_statuses = {512}}), "");
  EXPECT_EQ(FaultOfDefinitions({.exit_statuses = {513}}),
            "a process's exit status is out of range");
  EXPECT_EQ(FaultOfDefinitions({.exit_statuses = {UINT32_MAX}}),
            "a process's exit status is out of range");
}

TEST(HostileCapture, ParentsLieBeforeTheirChildren) {
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = {1}}),
            "the parent of a stack lies before the first stack");
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = {UINT32_MAX}}),
            "the parent of a stack lies before the first stack");
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = {0, 2}, .stack_frames = {1, 1}}),
            "the parent of a stack lies before the first stack");
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = {0, 1}, .stack_frames = {1, 1}}), "");
}

TEST(HostileCapture, EndlessStacksAreRefused) {
  std::vector<uint32_t> distances(1024, 1);
  distances[0] = 0;
  std::vector<uint32_t> frames(1024, 1);
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = distances, .stack_frames = frames}), "");
  distances.push_back(1);
  frames.push_back(1);
  EXPECT_EQ(FaultOfDefinitions({.parent_distances = distances, .stack_frames = frames}),
            "a stack has more than 1024 frames");
}

TEST(HostileCapture, RefusedDefinitionsLeaveNothingBehind) {
  std::vector<uint32_t> chain(1024, 1);
  chain[0] = 0;
  std::vector<uint32_t> roots(1024);
  std::vector<uint32_t> frames(1024, 1);
  CaptureBytes capture = NewCapture();
  // The deepest stack there may be is counted before the thread shows that the block lies.
  WriteDefinitions(capture,
                   {.parent_distances = chain, .stack_frames = frames, .thread_processes = {9}});
  WriteDefinitions(capture, {.parent_distances = roots, .stack_frames = frames});
  WriteDefinitions(capture, {.first = {2, 2, 2, 1025, 2, 2},
                             .parent_distances = {1},
                             .first_waker = 2,
                             .first_chain = 2});
  WriteInterval(capture, {});
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->definitions.stacks.size(), 1025U) << DamageText(*read);
  EXPECT_EQ(read->definitions.stacks[1024].parent, StackId(1024));
  EXPECT_EQ(read->definitions.strings, (std::vector<std::string>{"name", "name"}));
  EXPECT_EQ(read->intervals.size(), 1U);
}

TEST(HostileCapture, ColumnsOfDifferentLengthsAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.frame_symbols = {1, 1}}),
            "its columns of frames differ in length");
  EXPECT_EQ(FaultOfDefinitions({.frame_files = {}}), "its columns of frames differ in length");
  EXPECT_EQ(FaultOfDefinitions({.frame_lines = {1, 1}}), "its columns of frames differ in length");
  EXPECT_EQ(FaultOfDefinitions({.frames_inlined = {1, 1}}),
            "its columns of frames differ in length");
  EXPECT_EQ(FaultOfDefinitions({.stack_frames = {}}), "its columns of stacks differ in length");
  EXPECT_EQ(FaultOfDefinitions({.process_starts = {}}),
            "its columns of processes differ in length");
  EXPECT_EQ(FaultOfDefinitions({.thread_cgroups = {1, 1}}),
            "its columns of threads differ in length");
  EXPECT_EQ(FaultOfDefinitions({.process_ends = {1, 2}}),
            "its columns of process ends differ in length");
  EXPECT_EQ(FaultOfDefinitions({.exit_statuses = {1, 2}}),
            "its columns of process ends differ in length");
  EXPECT_EQ(FaultOfInterval({.samples = {1, 2}}), "its columns of CPU rows differ in length");
  EXPECT_EQ(FaultOfInterval({.states = {}}), "its columns of blocked rows differ in length");
  EXPECT_EQ(FaultOfInterval({.lost_ns = {}}), "its columns of losses differ in length");
  EXPECT_EQ(FaultOfInterval({.existed_ns = {}}), "its columns of accounts differ in length");
  EXPECT_EQ(FaultOfInterval({.other_ns = {1, 2}}), "its columns of accounts differ in length");
}

TEST(HostileCapture, StringsThatDoNotFitTheirBytesAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.text_lengths = {5}}), "its strings are longer than their bytes");
  EXPECT_EQ(FaultOfDefinitions({.text_lengths = {3}}), "its strings are shorter than their bytes");
  EXPECT_EQ(FaultOfDefinitions({.text_lengths = {4, UINT32_MAX}}),
            "its strings are longer than their bytes");
  EXPECT_EQ(FaultOfDefinitions({.text_lengths = {2, 2}}), "");
}

TEST(HostileCapture, StringsThatAreNotUtf8AreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.text = "na\xC0\xAF"}), "one of its strings is not UTF-8");
  // Cutting a character in two makes two bad strings of a good one.
  EXPECT_EQ(FaultOfDefinitions({.text = "na\xC3\xB6", .text_lengths = {3, 1}}),
            "one of its strings is not UTF-8");
}

TEST(HostileCapture, SumsThatOverflowAreRefused) {
  const std::string blocked = "its blocked rows add up to more than 2^63";
  const std::string cpu = "its CPU rows add up to more than 2^63";
  EXPECT_EQ(FaultOfInterval({.times_ns = {UINT64_MAX}}), blocked);
  EXPECT_EQ(FaultOfInterval({.times_ns = {INT64_MAX}}), "");
  EXPECT_EQ(FaultOfInterval({.counts = {1ULL << 63}}), blocked);
  EXPECT_EQ(FaultOfInterval({.samples = {1ULL << 40}, .period_ns = 1ULL << 40}), cpu);
  EXPECT_EQ(FaultOfInterval({.samples = {UINT64_MAX}, .period_ns = 0}), cpu);
  EXPECT_EQ(FaultOfInterval({.period_ns = UINT64_MAX}), "its sampling period is out of range");
  EXPECT_EQ(FaultOfInterval({.lost_ns = {UINT64_MAX}}), "its losses add up to more than 2^63");
  EXPECT_EQ(FaultOfInterval({.other_ns = {UINT64_MAX}}), "its accounts add up to more than 2^63");
  EXPECT_EQ(FaultOfInterval({.bpf_ns = UINT64_MAX}), "its costs add up to more than 2^63");
}

TEST(HostileCapture, SumsOverSeveralIntervalsMayNotOverflowEither) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteInterval(capture, {.times_ns = {INT64_MAX}});
  WriteInterval(
      capture, {.number = 1, .start_ns = 1000, .end_ns = 2000, .times_ns = {1}, .sampled_ns = {1}});
  EXPECT_EQ(FaultOf(capture), "its blocked rows add up to more than 2^63");
}

TEST(HostileCapture, TimesThatRunBackwardsAreRefused) {
  EXPECT_EQ(FaultOfInterval({.start_ns = 1001}), "interval 0 ends before it begins");
  EXPECT_EQ(FaultOfInterval({.end_ns = UINT64_MAX}), "interval 0 ends before it begins");
  EXPECT_EQ(FaultOfDefinitions({.process_starts = {INT64_MIN}}),
            "a process's start is out of range");
  CaptureBytes overlapping = NewCapture();
  WriteDefinitions(overlapping, {});
  WriteInterval(overlapping, {});
  WriteInterval(overlapping, {.number = 1, .start_ns = 999});
  EXPECT_EQ(FaultOf(overlapping), "interval 1 begins before the one before it ended");
  CaptureBytes repeated = NewCapture();
  WriteDefinitions(repeated, {});
  WriteInterval(repeated, {});
  WriteInterval(repeated, {.start_ns = 1000, .end_ns = 2000});
  EXPECT_EQ(FaultOf(repeated), "interval 0 comes after interval 0");
}

TEST(HostileCapture, IdsDefinedTwiceAreRefused) {
  CaptureBytes capture = NewCapture();
  WriteDefinitions(capture, {});
  WriteDefinitions(capture, {});
  EXPECT_EQ(FaultOf(capture), "it defines ids for a second time");
}

TEST(HostileCapture, GapsWithoutDamageAreRefused) {
  EXPECT_EQ(FaultOfDefinitions({.first = {2, 1, 1, 1, 1, 1}}),
            "it refers to ids that are not defined");
  EXPECT_EQ(FaultOfDefinitions({.first = {0, 1, 1, 1, 1, 1}}), "it defines an id 0");
}

TEST(HostileCapture, HugeGapsBehindDamageAreRefused) {
  CaptureBytes capture = NewCapture();
  capture.WriteStored(2, AsBytes("damaged"), 7);
  capture.FlipBit(capture.size() - 1, 0);
  WriteDefinitions(capture, {.first = {4'000'000'000, 1, 1, 1, 1, 1}});
  EXPECT_EQ(FaultOf(capture), "it refers to ids far beyond those that are defined");
  WriteDefinitions(capture, {.first = {UINT32_MAX, 1, 1, 1, 1, 1}});
  Result<Capture> read = capture.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->definitions.strings.empty());
}

TEST(HostileCapture, BytesThatAreNoFlatBufferAreRefused) {
  for (auto type :
       {BlockType::kDefinitions, BlockType::kInterval, BlockType::kEnd, BlockType::kIndex}) {
    for (const std::string& payload :
         {std::string(), std::string("abcd"), std::string(64, '\0'), std::string(64, '\xFF')}) {
      CaptureBytes capture = NewCapture();
      capture.WriteBlock(type, AsBytes(payload));
      EXPECT_EQ(FaultOf(capture), "its FlatBuffer is malformed") << int(type);
    }
  }
}

TEST(HostileCapture, RecordingThatLiesIsAnError) {
  auto error_of = [](const FlatBufferBuilder& builder) {
    CaptureBytes capture;
    capture.WriteFileHeader();
    capture.WriteBlock(BlockType::kRecording, builder);
    Result<Capture> read = capture.Read();
    return read ? std::string() : read.error().what;
  };
  FlatBufferBuilder bare;
  bare.Finish(wire::CreateRecording(bare));
  EXPECT_EQ(error_of(bare),
            "the capture's first block cannot be read: it lacks the host or the settings");

  FlatBufferBuilder bad_text;
  auto host = wire::CreateHost(bad_text, bad_text.CreateString("\xFF"));
  bad_text.Finish(wire::CreateRecording(bad_text, host, wire::CreateSettings(bad_text)));
  EXPECT_EQ(error_of(bad_text),
            "the capture's first block cannot be read: one of its strings is not UTF-8");

  // One string shared by all elements of a list would multiply it.
  FlatBufferBuilder shared;
  auto text = shared.CreateString(std::string(1000, 'x'));
  std::vector<flatbuffers::Offset<flatbuffers::String>> many(100'000, text);
  auto settings = wire::CreateSettings(shared, 0, shared.CreateVector(many));
  shared.Finish(wire::CreateRecording(shared, wire::CreateHost(shared), settings));
  EXPECT_EQ(error_of(shared),
            "the capture's first block cannot be read: it names too many sources");

  FlatBufferBuilder huge;
  auto huge_host = wire::CreateHost(huge, huge.CreateString(std::string(2 << 20, 'x')));
  huge.Finish(wire::CreateRecording(huge, huge_host, wire::CreateSettings(huge)));
  EXPECT_EQ(error_of(huge), "the capture's first block cannot be read: it is too large");
}

TEST(HostileCapture, FramesThatDisagreeWithTheirHeaderAreRefused) {
  std::vector<uint8_t> frame;
  ASSERT_TRUE(ZstdPacker().AppendFrame(AsBytes(std::string(1000, 'x')), frame).has_value());
  auto fault_of = [](std::span<const uint8_t> payload, uint32_t unpacked_bytes) {
    CaptureBytes capture = NewCapture();
    capture.WriteStored(3, payload, unpacked_bytes);
    return FaultOf(capture);
  };
  const std::string wrong_size = "its zstd frame does not have the size that its header gives";
  EXPECT_EQ(fault_of(frame, 999), wrong_size);
  EXPECT_EQ(fault_of(frame, 1001), wrong_size);
  EXPECT_EQ(fault_of(std::span(frame).first(frame.size() - 1), 1000),
            "its zstd frame is incomplete or longer than its header gives");
  std::vector<uint8_t> longer = frame;
  longer.push_back(0);
  EXPECT_EQ(fault_of(longer, 1000), "other bytes follow its zstd frame");
  EXPECT_EQ(fault_of(AsBytes("no frame at all"), 1000), "its payload is not a zstd frame");
  EXPECT_EQ(fault_of({}, 0), "its payload is not a zstd frame");
}

TEST(HostileCapture, WindowsAboveEightMegabytesAreRefused) {
  std::vector<uint8_t> frame(1 << 20);
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  ZSTD_CCtx_setPledgedSrcSize(context, 20 << 20);
  std::vector<uint8_t> content(20 << 20);
  ZSTD_inBuffer in = {content.data(), content.size(), 0};
  ZSTD_outBuffer out = {frame.data(), frame.size(), 0};
  ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  frame.resize(out.pos);
  CaptureBytes capture = NewCapture();
  capture.WriteStored(3, frame, 20 << 20);
  ReadLimits generous;
  generous.max_ratio = 1 << 30;
  Result<Capture> read = capture.Read(generous);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "requires too much memory")) << DamageText(*read);
}

TEST(HostileCapture, BombsAreRefusedBeforeTheyAreUnpacked) {
  std::vector<uint8_t> bomb;
  std::vector<uint8_t> zeros(100U << 20);
  ASSERT_TRUE(ZstdPacker().AppendFrame(zeros, bomb).has_value());
  CaptureBytes capture = NewCapture();
  capture.WriteStored(3, bomb, 100U << 20);
  EXPECT_EQ(FaultOf(capture), "it unpacks to more than 1024 times its size");
  ReadLimits limits;
  limits.max_block_bytes = 1000;
  Result<Capture> read = capture.Read(limits);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "it unpacks to more than 1000 bytes"));
}

TEST(HostileCapture, EveryBitOfEveryFlatBufferMayLie) {
  CaptureBytes whole = NewCapture();
  WriteDefinitions(whole, {});
  WriteInterval(whole, {});
  Result<Capture> original = whole.Read();
  ASSERT_TRUE(original.has_value());
  // Rewrites each block with one bit of its FlatBuffer flipped and everything around it right.
  for (const BlockPlace& block : whole.Blocks()) {
    std::vector<uint8_t> unpacked(block.header.unpacked_bytes);
    ASSERT_FALSE(ZstdUnpacker().Unpack(
        whole.span().subspan(block.offset + 32, block.header.stored_bytes), unpacked));
    for (size_t bit = 0; bit < unpacked.size() * 8; ++bit) {
      unpacked[bit / 8] ^= 1 << bit % 8;
      CaptureBytes changed;
      changed.WriteFileHeader();
      for (const BlockPlace& other : whole.Blocks()) {
        if (other.offset == block.offset) {
          changed.WriteBlock(static_cast<BlockType>(other.header.type), unpacked);
        } else {
          changed.WriteStored(other.header.type,
                              whole.span().subspan(other.offset + 32, other.header.stored_bytes),
                              other.header.unpacked_bytes);
        }
      }
      Result<Capture> read = changed.Read();  // must come back; a sanitizer sees the rest
      EXPECT_TRUE(!read.has_value() || read->partial());
      unpacked[bit / 8] ^= 1 << bit % 8;
    }
  }
}

}  // namespace
}  // namespace twofold::testing
