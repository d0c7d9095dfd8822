// FORMAT.md against the code: its example must be what the writer writes and the reader reads, its
// tables must list what the headers list, and a reader made from it alone must work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <zstd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "format/capture.h"
#include "format/capture_reader.h"
#include "format/container.h"
#include "format/losses.h"
#include "format/zstd_frame.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/sample_capture.h"
#include "tests/format/scratch_folder.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

// The version of zstd that packed the example; others may pack the same content into other bytes.
constexpr unsigned kExampleZstd = 10504;

std::string Document() {
  std::ifstream file(std::string(TWOFOLD_SOURCE_DIR) + "/format/FORMAT.md");
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty());
  return text.str();
}

// The bytes of the fenced block "hexdump": lines of "offset  bytes  note", without gaps.
std::string ExampleBytes() {
  std::istringstream lines(Document());
  std::string line;
  std::string bytes;
  bool inside = false;
  while (std::getline(lines, line)) {
    if (line.starts_with("```")) {
      inside = line == "```hexdump";
      continue;
    }
    if (!inside) continue;
    EXPECT_EQ(std::stoul(line.substr(0, 8), nullptr, 16), bytes.size()) << line;
    for (size_t at = 10; at + 1 < line.size() && at < 10 + 47; at += 3) {
      if (line[at] == ' ') break;
      bytes += char(std::stoul(line.substr(at, 2), nullptr, 16));
    }
  }
  return bytes;
}

// The example of FORMAT.md, as its text describes it.
struct Example {
  Recording recording;
  Definitions definitions;
  Interval interval;
  End end;
};

Example MakeExample() {
  Example example;
  example.recording.host.hostname = "example";
  example.recording.host.machine = "x86_64";
  example.recording.host.cpus_online = 2;
  example.recording.settings.recorder_version = "0.1.0";
  example.recording.settings.sources = {"cpu"};
  example.recording.settings.frequency_hz = 100;
  example.recording.settings.interval_ns = 1'000'000'000;
  example.recording.settings.scope = "system";
  example.recording.start_realtime_ns = 1'700'000'000'000'000'000;
  example.definitions.strings = {"/bin/app", "main", "work", "app"};
  example.definitions.modules = {{ModuleKind::kUserFile, StringId(1), {}}};
  example.definitions.frames = {{ModuleId(1), StringId(2), 0x1139},
                                {ModuleId(1), StringId(3), 0x1126}};
  example.definitions.stacks = {{{}, FrameId(1)}, {StackId(1), FrameId(2)}};
  Process process;
  process.pid = Pid(7);
  process.parent_pid = Pid(1);
  process.start_ns = -500;
  process.image_start_ns = -500;
  process.name = StringId(4);
  process.executable = StringId(1);
  example.definitions.processes = {process};
  example.definitions.threads = {{ProcessId(1), Tid(7), -500, StringId(4)}};
  example.interval.end_ns = 1'000'000'000;
  example.interval.start_realtime_ns = example.recording.start_realtime_ns;
  example.interval.cpu.emplace();
  example.interval.cpu->period_ns = 10'000'000;
  example.interval.cpu->rows = {{ThreadId(1), {}, StackId(2), 42}};
  example.end.end_ns = 1'000'000'000;
  example.end.intervals = 1;
  return example;
}

std::string WriteExample() {
  Example example = MakeExample();
  return WriteCapture(example.recording, {example.definitions}, {example.interval}, example.end);
}

// Runs mini_reader.py; its output with stderr, and its exit status.
std::string RunMiniReader(const std::string& arguments, int& exit_status) {
  std::string command =
      "python3 " TWOFOLD_SOURCE_DIR "/tests/format/mini_reader.py " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string output;
  char buffer[4096];
  while (size_t got = fread(buffer, 1, sizeof(buffer), pipe)) output.append(buffer, got);
  int status = pclose(pipe);
  exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

TEST(FormatDocument, ExampleIsReadAsTheDocumentSays) {
  Result<Capture> read = CaptureBytes(ExampleBytes()).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(DamageText(*read), "");
  Example example = MakeExample();
  EXPECT_EQ(read->recording, example.recording);
  EXPECT_EQ(read->definitions, example.definitions);
  ASSERT_EQ(read->intervals.size(), 1U);
  EXPECT_EQ(read->intervals[0], example.interval);
  EXPECT_EQ(read->end, example.end);
}

TEST(FormatDocument, ExampleIsWhatTheWriterWrites) {
  std::string documented = ExampleBytes();
  std::string written = WriteExample();
  // With the bytes in hand the dump is made by: tests/format/mini_reader.py --dump FILE
  if (const char* path = std::getenv("TWOFOLD_WRITE_EXAMPLE")) std::ofstream(path) << written;
  if (ZSTD_versionNumber() == kExampleZstd) {
    EXPECT_EQ(documented, written) << "set TWOFOLD_WRITE_EXAMPLE=FILE and dump it anew";
  }
  CaptureBytes a(documented);
  CaptureBytes b(written);
  ASSERT_EQ(a.Blocks().size(), b.Blocks().size());
  for (size_t i = 0; i < a.Blocks().size(); ++i) {
    auto unpack = [&](const CaptureBytes& capture) {
      BlockPlace block = capture.Blocks()[i];
      std::vector<uint8_t> unpacked(block.header.unpacked_bytes);
      EXPECT_FALSE(ZstdUnpacker().Unpack(
          capture.span().subspan(block.offset + 32, block.header.stored_bytes), unpacked));
      return unpacked;
    };
    // The index holds offsets, which move with how the blocks before it were packed.
    if (a.Blocks()[i].header.type == 5) continue;
    EXPECT_EQ(unpack(a), unpack(b)) << "block " << i;
  }
}

TEST(FormatDocument, EveryLossCauseIsInTheTable) {
  std::string document = Document();
  for (const LossInfo& info : LossRegistry()) {
    std::string row =
        "| " + std::to_string(int(info.cause)) + " | `" + std::string(info.name) + "` |";
    EXPECT_THAT(document, HasSubstr(row));
  }
}

TEST(FormatDocument, LimitsAreThoseOfTheCode) {
  std::string document = Document();
  EXPECT_THAT(document, HasSubstr("| frames of a stack | " +
                                  std::to_string(container::kMaxStackFrames) + " |"));
  EXPECT_THAT(document, HasSubstr("| wakers of a chain | " +
                                  std::to_string(container::kMaxChainWakers) + " |"));
  EXPECT_THAT(document,
              HasSubstr("and bucket " + std::to_string(kWaitBuckets - 1) + " all that are longer"));
  EXPECT_THAT(document, HasSubstr("| sources in the settings | " +
                                  std::to_string(container::kMaxSources) + " |"));
  EXPECT_THAT(document, HasSubstr("| the Members block, unpacked | " +
                                  std::to_string(container::kMaxMembersBytes >> 20) + " MiB |"));
  EXPECT_THAT(document, HasSubstr("| members of a merged file | " +
                                  std::to_string(container::kMaxMembers) + " |"));
  EXPECT_THAT(document, HasSubstr("| name of a member | " +
                                  std::to_string(container::kMaxMemberNameBytes) + " bytes |"));
  EXPECT_THAT(document, HasSubstr("; type " + std::to_string(int(container::BlockType::kMembers)) +
                                  ", sequence number 0"));
  EXPECT_THAT(document, HasSubstr("| size of the file header | " +
                                  std::to_string(container::kMaxFileHeaderBytes) + " bytes |"));
  EXPECT_THAT(document, HasSubstr("| a block, unpacked | " +
                                  std::to_string(container::kMaxUnpackedBytes >> 20) + " MiB |"));
}

TEST(MiniReader, WalksThroughACaptureWithTheDocumentAlone) {
  ScratchFolder folder;
  Sample sample = MakeSample();
  std::ofstream(folder.Path("a.twofold"), std::ios::binary) << sample.bytes;
  int exit_status = -1;
  std::string output = RunMiniReader(folder.Path("a.twofold"), exit_status);
  EXPECT_EQ(exit_status, 0) << output;
  std::string expected = "       0 file header: version 1.0\n";
  const char* names[] = {"", "Recording", "Definitions", "Interval", "End", "Index"};
  char line[200];
  for (const BlockPlace& block : CaptureBytes(sample.bytes).Blocks()) {
    std::snprintf(line, sizeof(line), "%8llu block %llu: %s, %u bytes stored, %u unpacked\n",
                  static_cast<unsigned long long>(block.offset),
                  static_cast<unsigned long long>(block.header.sequence), names[block.header.type],
                  block.header.stored_bytes, block.header.unpacked_bytes);
    expected += line;
  }
  uint64_t index = CaptureBytes(sample.bytes).FirstBlock(container::BlockType::kIndex).offset;
  std::snprintf(line, sizeof(line), "%8zu trailer: index at byte %llu, %zu bytes in all\n",
                sample.bytes.size() - sizeof(container::Trailer),
                static_cast<unsigned long long>(index), sample.bytes.size());
  EXPECT_EQ(output, expected + line);
}

TEST(MiniReader, NoticesDamage) {
  ScratchFolder folder;
  CaptureBytes capture(MakeSample().bytes);
  BlockPlace interval = capture.FirstBlock(container::BlockType::kInterval);
  capture.FlipBit(interval.end() - 1, 4);
  std::ofstream(folder.Path("a.twofold"), std::ios::binary) << capture.bytes();
  int exit_status = -1;
  std::string output = RunMiniReader(folder.Path("a.twofold"), exit_status);
  EXPECT_EQ(exit_status, 1);
  EXPECT_THAT(output,
              HasSubstr("at byte " + std::to_string(interval.offset) + ": the checksum is wrong"));
}

}  // namespace
}  // namespace twofold::testing
