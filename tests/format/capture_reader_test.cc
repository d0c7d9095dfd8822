// Versions, features, kinds that are not known yet, and files that are no captures.
#include "format/capture_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "format/base/bytes.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/faithful.h"
#include "tests/format/sample_capture.h"
#include "tests/format/scratch_folder.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using ::testing::HasSubstr;

// The message of a file that is not read as a capture.
std::string MessageFor(std::string bytes) {
  Result<Capture> read = CaptureBytes(std::move(bytes)).Read();
  if (!read) return read.error().Message();
  ADD_FAILURE() << "this was read as a capture";
  return "";
}

TEST(CaptureReader, NewerMajorVersionIsNamed) {
  CaptureBytes copy(MakeSample().bytes);
  copy.SetFileHeader({.major_version = 2, .minor_version = 7});
  EXPECT_EQ(MessageFor(copy.bytes()),
            "test.twofold: the capture has container version 2.7, this program reads version 1. "
            "Open it with a newer twofold.");
}

TEST(CaptureReader, NewerMinorVersionIsRead) {
  Sample sample = MakeSample();
  CaptureBytes copy(sample.bytes);
  copy.SetFileHeader({.minor_version = 9});
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(DamageText(*read), "");
  EXPECT_EQ(read->intervals, sample.expected.intervals);
}

TEST(CaptureReader, VersionZeroNeverWas) {
  CaptureBytes copy(MakeSample().bytes);
  copy.SetFileHeader({.major_version = 0});
  EXPECT_THAT(MessageFor(copy.bytes()), HasSubstr("container version 0, which never was"));
}

TEST(CaptureReader, UnknownRequiredFeaturesAreNamed) {
  CaptureBytes copy(MakeSample().bytes);
  copy.SetFileHeader({.required_features = 1ULL << 63 | 1ULL << 5});
  EXPECT_EQ(MessageFor(copy.bytes()),
            "test.twofold: the capture needs features that this program does not know (number 5, "
            "63). Open it with a newer twofold.");
}

TEST(CaptureReader, LaterFieldsOfTheFileHeaderAreSkipped) {
  CaptureBytes copy;
  copy.WriteFileHeader();
  copy.Append("12345678");
  container::FileHeader header;
  header.header_bytes = 40;
  header.checksum = container::Checksum(header, copy.span().subspan(sizeof(header)));
  std::string bytes(AsText(BytesOf(header)));
  CaptureBytes longer(bytes + "12345678");
  longer.WriteRecording();
  Result<Capture> read = longer.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
}

TEST(CaptureReader, UnknownBlockTypesAreSkipped) {
  Sample sample = MakeSample();
  CaptureBytes original(sample.bytes);
  // The same blocks again, with one of type 77 after each but the index.
  CaptureBytes copy;
  copy.WriteFileHeader();
  for (const BlockPlace& block : original.Blocks()) {
    if (block.header.type == uint16_t(BlockType::kIndex)) break;
    copy.WriteStored(block.header.type,
                     original.span().subspan(block.offset + 32, block.header.stored_bytes),
                     block.header.unpacked_bytes);
    copy.WriteStored(77, AsBytes("not even a zstd frame"), 4);
  }
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(BrokenPromise(sample.expected, *read), "");
  EXPECT_EQ(read->intervals, sample.expected.intervals);
  EXPECT_EQ(read->end, sample.expected.end);
  EXPECT_EQ(DamageText(*read), "at byte " + std::to_string(copy.size()) +
                                   ": the index is missing\nat byte " +
                                   std::to_string(copy.size()) + ": the trailer is missing\n");
}

TEST(CaptureReader, DamagedBlocksOfUnknownTypeAreLabelled) {
  CaptureBytes copy;
  copy.WriteFileHeader();
  copy.WriteRecording();
  uint64_t offset = copy.size();
  copy.WriteStored(77, AsBytes("payload"), 4);
  copy.FlipBit(copy.size() - 1, 0);
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value());
  ASSERT_FALSE(read->damages.empty());
  EXPECT_EQ(read->damages[0].offset_bytes, offset);
  EXPECT_EQ(read->damages[0].what, "39 bytes cannot be used: a block's checksum is wrong");
}

TEST(CaptureReader, UnknownBlockFlagsLeaveTheBlockOut) {
  Sample sample = MakeSample();
  CaptureBytes copy(sample.bytes);
  BlockPlace interval = copy.FirstBlock(BlockType::kInterval);
  interval.header.flags = 4;
  copy.SetBlockHeader(interval.offset, interval.header);
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(HasDamage(*read, "it has flags that this program does not know"));
  EXPECT_EQ(read->intervals.size(), 1U);
  EXPECT_EQ(BrokenPromise(sample.expected, *read), "");
}

TEST(CaptureReader, KindsOfNewerVersionsAreKeptAsOther) {
  CaptureBytes copy;
  copy.WriteFileHeader();
  copy.WriteRecording();
  {
    flatbuffers::FlatBufferBuilder builder;
    auto modules = wire::CreateModules(builder, builder.CreateVector<uint8_t>({200}),
                                       builder.CreateVector<uint32_t>({0}),
                                       builder.CreateVector<uint32_t>({0}));
    auto processes = wire::CreateProcesses(
        builder, builder.CreateVector<uint32_t>({5}), builder.CreateVector<uint32_t>({1}),
        builder.CreateVector<int64_t>({-1}), builder.CreateVector<int64_t>({-1}),
        builder.CreateVector<uint32_t>({0}), builder.CreateVector<uint32_t>({0}),
        builder.CreateVector<uint32_t>({0}));
    auto threads = wire::CreateThreads(
        builder, builder.CreateVector<uint32_t>({1}), builder.CreateVector<uint32_t>({5}),
        builder.CreateVector<int64_t>({0}), builder.CreateVector<uint32_t>({0}));
    builder.Finish(
        wire::CreateDefinitions(builder, 1, 1, 1, 1, 1, 1, 0, modules, 0, 0, processes, threads));
    copy.WriteBlock(BlockType::kDefinitions, builder);
  }
  {
    flatbuffers::FlatBufferBuilder builder;
    auto blocked = wire::CreateBlockedRows(
        builder, builder.CreateVector<uint32_t>({1, 1}), builder.CreateVector<uint8_t>({0, 99}),
        builder.CreateVector<uint32_t>({0, 0}), builder.CreateVector<uint32_t>({0, 0}),
        builder.CreateVector<uint64_t>({11, 12}), builder.CreateVector<uint64_t>({1, 2}));
    auto losses = wire::CreateLosses(
        builder, builder.CreateVector<uint16_t>({9999}), builder.CreateVector<uint8_t>({88}),
        builder.CreateVector<uint64_t>({6}), builder.CreateVector<uint64_t>({7}));
    builder.Finish(wire::CreateInterval(builder, 0, 0, 100, 0, 0, blocked, losses));
    copy.WriteBlock(BlockType::kInterval, builder);
  }
  {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(wire::CreateEnd(builder, 55, 100, 1, -1));
    copy.WriteBlock(BlockType::kEnd, builder);
  }
  Result<Capture> read = copy.Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  ASSERT_EQ(read->damages.size(), 2U) << DamageText(*read);  // index and trailer
  EXPECT_EQ(read->definitions.modules[0].kind, ModuleKind::kOther);
  ASSERT_EQ(read->intervals.size(), 1U);
  EXPECT_EQ(read->intervals[0].blocked->at(0).state, BlockState::kOther);
  EXPECT_EQ(read->intervals[0].blocked->at(1).state, BlockState::kOther);
  EXPECT_EQ(read->intervals[0].blocked->at(1).time_ns, 12U);
  EXPECT_EQ(read->intervals[0].losses,
            (std::vector<Loss>{{LossCause::kUnknown, LossSource::kRecorder, 6, 7}}));
  EXPECT_EQ(read->end->reason, EndReason::kOther);
}

TEST(CaptureReader, CutHeaderSaysHowFarItGot) {
  std::string bytes = MakeSample().bytes;
  EXPECT_EQ(MessageFor(bytes.substr(0, 9)),
            "test.twofold: the file ends within its header, after 9 bytes. Transfer the capture "
            "again from the host that recorded it.");
  EXPECT_THAT(MessageFor(bytes.substr(0, 32)), HasSubstr("nothing was recorded yet"));
}

TEST(CaptureReader, DamagedFirstBlockIsAnError) {
  CaptureBytes copy(MakeSample().bytes);
  copy.FlipBit(70, 1);
  EXPECT_EQ(MessageFor(copy.bytes()),
            "test.twofold at byte 32: the capture's first block cannot be read: a block's checksum "
            "is wrong. Transfer the capture again from the host that recorded it.");
}

TEST(CaptureReader, ForeignFilesAreRecognised) {
  using namespace std::string_literals;
  EXPECT_THAT(MessageFor(""), HasSubstr("the file is empty"));
  EXPECT_THAT(MessageFor("PERFILE2\x68\0\0\0"s), HasSubstr("this is a perf.data file"));
  EXPECT_THAT(MessageFor("\x1F\x8B\x08\0\0"s), HasSubstr("Unpack it with gunzip"));
  EXPECT_THAT(MessageFor("SQLite format 3\0\x10\0"s), HasSubstr("this is a SQLite database"));
  EXPECT_THAT(MessageFor("\x7F"s + "ELF\x02\x01"), HasSubstr("this is an ELF file"));
  EXPECT_THAT(MessageFor("\x28\xB5\x2F\xFD\x04"s), HasSubstr("this is a zstd file"));
  EXPECT_THAT(MessageFor("main;work;sleep 300\nmain 2\n"), HasSubstr("text with folded stacks"));
  EXPECT_THAT(MessageFor("<?xml version=\"1.0\"?>\n<svg>"), HasSubstr("a picture or a page"));
  EXPECT_THAT(MessageFor("  {\"a\": 1}"), HasSubstr("this is JSON text"));
  EXPECT_THAT(MessageFor("Hello, wörld\n"), HasSubstr("this is text, not a capture"));
  EXPECT_THAT(MessageFor("\x01\x02\x03 binary"s), HasSubstr("this is not a capture"));
}

TEST(CaptureReader, TextModeTransfersAreRecognised) {
  std::string bytes = MakeSample().bytes;
  auto replace_all = [&](const std::string& from, const std::string& to) {
    std::string changed;
    for (size_t i = 0; i < bytes.size();) {
      if (bytes.compare(i, from.size(), from) == 0) {
        changed += to;
        i += from.size();
      } else {
        changed += bytes[i++];
      }
    }
    return changed;
  };
  EXPECT_THAT(MessageFor(replace_all("\r\n", "\n")), HasSubstr("(CR LF became LF)"));
  EXPECT_THAT(MessageFor(replace_all("\n", "\r\n")), HasSubstr("(LF became CR LF)"));
  EXPECT_THAT(MessageFor(replace_all("\r", "\n")), HasSubstr("(CR became LF)"));
  EXPECT_THAT(MessageFor(replace_all("\x1A", "")), HasSubstr("(a control character is gone)"));
  EXPECT_THAT(MessageFor(replace_all("\xF2", "\xC3\xB2")), HasSubstr("Latin-1 became UTF-8"));
  EXPECT_THAT(MessageFor(replace_all("\xF2", "\xEF\xBF\xBD")), HasSubstr("were replaced"));
  std::string stripped = bytes;
  for (char& byte : stripped) byte = char(byte & 0x7F);
  EXPECT_THAT(MessageFor(stripped), HasSubstr("the eighth bits are gone"));
}

TEST(CaptureReader, LostOrAddedFirstBytesAreRecognised) {
  std::string bytes = MakeSample().bytes;
  EXPECT_THAT(MessageFor(bytes.substr(5)),
              HasSubstr("the first 5 bytes of the capture are missing"));
  EXPECT_THAT(MessageFor(bytes.substr(40)),
              HasSubstr("the first bytes of the capture are missing"));
  EXPECT_THAT(MessageFor("HTTP/1.1 200 OK\r\n\r\n" + bytes),
              HasSubstr("19 other bytes stand in front of the capture. Remove them (tail -c +20)"));
}

TEST(CaptureReader, FilesAreReadFromDiskAndPipes) {
  ScratchFolder folder;
  Sample sample = MakeSample();
  std::string path = folder.Path("a.twofold");
  std::ofstream(path, std::ios::binary) << sample.bytes;
  Result<Capture> read = ReadCaptureFile(path);
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->intervals, sample.expected.intervals);

  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], sample.bytes.data(), sample.bytes.size()), ssize_t(sample.bytes.size()));
  close(ends[1]);
  int saved = dup(STDIN_FILENO);
  ASSERT_GE(dup2(ends[0], STDIN_FILENO), 0);
  read = ReadCaptureFile("-");
  dup2(saved, STDIN_FILENO);
  close(ends[0]);
  close(saved);
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->intervals, sample.expected.intervals);
}

TEST(CaptureReader, FilesThatCannotBeReadAreNamed) {
  ScratchFolder folder;
  std::string missing = folder.Path("missing.twofold");
  EXPECT_EQ(ReadCaptureFile(missing).error().Message(),
            missing + ": cannot read the file: No such file or directory. Check the path.");
  EXPECT_EQ(ReadCaptureFile(folder.Path("")).error().Message(),
            folder.Path("") + ": this is a directory, not a file. Give the file inside of it.");
  EXPECT_EQ(ReadCaptureFile("").error().kind, Error::Kind::kUsage);
  std::string path = folder.Path("large.twofold");
  std::ofstream(path, std::ios::binary) << MakeSample().bytes;
  ReadLimits limits;
  limits.max_file_bytes = 100;
  EXPECT_THAT(ReadCaptureFile(path, limits).error().what, HasSubstr("more than 100 bytes"));
  limits.max_file_bytes = MakeSample().bytes.size();
  EXPECT_TRUE(ReadCaptureFile(path, limits).has_value());
}

}  // namespace
}  // namespace twofold::testing
