// What is written is what is read; what may not be written is refused.
#include "format/capture_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/definitions_builder.h"
#include "format/zstd_frame.h"
#include "schemas/capture_generated.h"
#include "tests/format/capture_bytes.h"
#include "tests/format/sample_capture.h"

namespace twofold::testing {
namespace {

using container::BlockType;
using ::testing::HasSubstr;

// Takes a number of bytes and then no more, like a disk that fills up.
class FullSink : public ByteSink {
 public:
  explicit FullSink(uint64_t room) : room_(room) {}
  Result<void> Append(std::span<const uint8_t> data) override {
    if (data.size() > room_) return Error{"cannot write: No space left on device", "sink", ""};
    room_ -= data.size();
    return {};
  }

 private:
  uint64_t room_;
};

TEST(CaptureWriter, EverythingWrittenIsRead) {
  Sample sample = MakeSample();
  Result<Capture> read = CaptureBytes(sample.bytes).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(DamageText(*read), "");
  EXPECT_FALSE(read->partial());
  EXPECT_EQ(read->recording, sample.expected.recording);
  EXPECT_EQ(read->definitions, sample.expected.definitions);
  ASSERT_EQ(read->intervals.size(), 2U);
  EXPECT_EQ(read->intervals[0], sample.expected.intervals[0]);
  EXPECT_EQ(read->intervals[1], sample.expected.intervals[1]);
  EXPECT_FALSE(read->intervals[0].blocked.has_value());
  EXPECT_TRUE(read->intervals[1].blocked.has_value());
  EXPECT_EQ(read->end, sample.expected.end);
  EXPECT_EQ(read->file_bytes, sample.bytes.size());
}

TEST(CaptureWriter, EverythingIsInTheSample) {
  const Sample sample = MakeSample();
  const Interval& interval = sample.expected.intervals[1];
  EXPECT_EQ(interval.blocked->back().chain, ChainId(2));
  EXPECT_EQ(interval.waiting->size(), 2U);
  EXPECT_EQ(interval.wait_counts->size(), 2U);
  EXPECT_EQ(interval.exemplars.size(), 2U);
  EXPECT_EQ(interval.cpu_times->size(), 2U);
  EXPECT_EQ(interval.counters->rows.size(), 2U);
  EXPECT_EQ(interval.allocations->size(), 2U);
  EXPECT_EQ(interval.outstanding->size(), 2U);
  EXPECT_EQ(interval.retransmits->rows.size(), 2U);
  EXPECT_EQ(interval.retransmits->events.size(), 2U);
  EXPECT_EQ(interval.execs->size(), 2U);
  EXPECT_EQ(interval.page_faults->size(), 2U);
  Sample longer = MakeSample({.intervals = 3});
  EXPECT_EQ(longer.expected.definitions.wakers.size(), 4U);
  EXPECT_EQ(longer.expected.GetChain(ChainId(3)).next, ChainId(2));
}

// The Interval table of a capture with one interval; `unpacked` keeps its bytes.
const wire::Interval* OnlyInterval(const Interval& interval, const Definitions& definitions,
                                   std::vector<uint8_t>& unpacked) {
  CaptureBytes capture(WriteCapture(Recording(), {definitions}, {interval}, {.intervals = 1}));
  BlockPlace block = capture.FirstBlock(BlockType::kInterval);
  unpacked.resize(block.header.unpacked_bytes);
  EXPECT_FALSE(ZstdUnpacker().Unpack(
      capture.span().subspan(block.offset + 32, block.header.stored_bytes), unpacked));
  return flatbuffers::GetRoot<wire::Interval>(unpacked.data());
}

TEST(CaptureWriter, NewColumnsOfZerosAreNotWritten) {
  Definitions definitions;
  definitions.strings = {"name"};
  definitions.processes = {Process()};
  definitions.threads = {{.process = ProcessId(1)}};
  Interval interval;
  interval.blocked = {{ThreadId(1), BlockState::kInterruptible, {}, {}, 0, 0},
                      {ThreadId(1), BlockState::kInterruptible, {}, {}, 0, 0}};
  interval.waiting = {WaitingRow{.thread = ThreadId(1)}};
  interval.cpu_times = {CpuTime()};
  std::vector<uint8_t> unpacked;
  const wire::Interval* table = OnlyInterval(interval, definitions, unpacked);
  // The old columns are there whatever they hold: older readers insist on them.
  ASSERT_NE(table->blocked()->count(), nullptr);
  EXPECT_EQ(table->blocked()->count()->size(), 2U);
  EXPECT_EQ(table->blocked()->parts(), nullptr);
  EXPECT_EQ(table->blocked()->chain(), nullptr);
  EXPECT_EQ(table->blocked()->sampled_ns(), nullptr);
  EXPECT_EQ(table->blocked()->samples(), nullptr);
  EXPECT_EQ(table->blocked()->variance_us2(), nullptr);
  EXPECT_EQ(table->blocked()->count_variance(), nullptr);
  EXPECT_EQ(table->waiting()->thread()->size(), 1U);
  EXPECT_EQ(table->waiting()->time_ns(), nullptr);
  EXPECT_EQ(table->wait_counts(), nullptr);
  EXPECT_EQ(table->counters(), nullptr);
  EXPECT_EQ(table->allocations(), nullptr);
  EXPECT_EQ(table->outstanding(), nullptr);
  EXPECT_EQ(table->retransmits(), nullptr);
  EXPECT_EQ(table->retransmit_events(), nullptr);
  EXPECT_EQ(table->execs(), nullptr);
  EXPECT_EQ(table->exemplars(), nullptr);
  // A table's first column says how many rows there are.
  ASSERT_NE(table->cpu_times()->cpu(), nullptr);
  EXPECT_EQ(table->cpu_times()->cpu()->size(), 1U);
  EXPECT_EQ(table->cpu_times()->idle_ns(), nullptr);

  // What was recorded and holds nothing is told from what was not recorded.
  interval.allocations.emplace();
  interval.retransmits.emplace();
  interval.execs = {ExecRow{.thread = ThreadId(1)}};
  interval.blocked->back().samples = 1;
  table = OnlyInterval(interval, definitions, unpacked);
  ASSERT_NE(table->blocked()->samples(), nullptr);
  EXPECT_EQ(table->blocked()->samples()->size(), 2U);
  EXPECT_EQ(table->blocked()->samples()->Get(1), 1U);
  EXPECT_NE(table->allocations(), nullptr);
  EXPECT_NE(table->retransmits(), nullptr);
  EXPECT_EQ(table->retransmit_events(), nullptr);
  ASSERT_NE(table->execs(), nullptr);
  EXPECT_EQ(table->execs()->arguments(), nullptr);
}

TEST(CaptureWriter, ColumnsOfDefinitionsThatSayNothingAreNotWritten) {
  Definitions definitions;
  definitions.strings = {"file.c"};
  definitions.modules = {Module()};
  definitions.frames = {{.module = ModuleId(1)}};
  definitions.processes = {Process()};
  definitions.process_ends = {{.process = ProcessId(1)}};
  std::vector<uint8_t> unpacked;
  auto only_definitions = [&] {
    CaptureBytes capture(WriteCapture(Recording(), {definitions}, {Interval()}, {.intervals = 1}));
    BlockPlace block = capture.FirstBlock(BlockType::kDefinitions);
    unpacked.resize(block.header.unpacked_bytes);
    EXPECT_FALSE(ZstdUnpacker().Unpack(
        capture.span().subspan(block.offset + 32, block.header.stored_bytes), unpacked));
    return flatbuffers::GetRoot<wire::Definitions>(unpacked.data());
  };
  const wire::Definitions* table = only_definitions();
  EXPECT_EQ(table->frames()->file(), nullptr);
  EXPECT_EQ(table->frames()->line(), nullptr);
  EXPECT_EQ(table->frames()->inlined(), nullptr);
  EXPECT_EQ(table->process_ends()->exit_status(), nullptr);

  definitions.frames.push_back({.module = ModuleId(1), .file = StringId(1), .line = 7});
  definitions.process_ends[0].exit_status = 0;
  table = only_definitions();
  EXPECT_EQ(table->frames()->file()->Get(1), 1U);
  EXPECT_EQ(table->frames()->line()->Get(1), 7U);
  EXPECT_EQ(table->frames()->inlined(), nullptr);
  // A known exit code of 0 is not "unknown".
  EXPECT_EQ(table->process_ends()->exit_status()->Get(0), 1U);
}

TEST(CaptureWriter, ManyRowsAreRead) {
  Sample sample = MakeSample({.intervals = 3, .stacks_per_interval = 3000});
  Result<Capture> read = CaptureBytes(sample.bytes).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(DamageText(*read), "");
  EXPECT_EQ(read->definitions, sample.expected.definitions);
  EXPECT_EQ(read->intervals, sample.expected.intervals);
}

TEST(CaptureWriter, SameInputGivesSameBytes) { EXPECT_EQ(MakeSample().bytes, MakeSample().bytes); }

TEST(CaptureWriter, RecordingWithoutIntervalsIsWhole) {
  std::string bytes = WriteCapture(Recording(), {}, {}, End());
  Result<Capture> read = CaptureBytes(bytes).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(DamageText(*read), "");
  EXPECT_EQ(read->recording, Recording());
  EXPECT_EQ(read->end, End());
  EXPECT_TRUE(read->definitions.empty());
}

TEST(CaptureWriter, RecordedButEmptyDiffersFromNotRecorded) {
  Interval interval;
  interval.cpu.emplace();
  std::string bytes = WriteCapture(Recording(), {{}}, {interval}, {.intervals = 1});
  Result<Capture> read = CaptureBytes(bytes).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  ASSERT_TRUE(read->intervals[0].cpu.has_value());
  EXPECT_TRUE(read->intervals[0].cpu->rows.empty());
  EXPECT_FALSE(read->intervals[0].blocked.has_value());
}

TEST(CaptureWriter, EmptyDefinitionsWriteNothing) {
  MemorySink sink;
  CaptureWriter writer(sink);
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  uint64_t before = writer.bytes_written();
  ASSERT_TRUE(writer.WriteDefinitions({}).has_value());
  EXPECT_EQ(writer.bytes_written(), before);
  EXPECT_EQ(sink.bytes.size(), before);
}

TEST(CaptureWriter, HostFactsThatAreNotUtf8AreEscaped) {
  Recording recording;
  recording.host.hostname = "h\xFFst";
  recording.settings.sources = {"c\x80"};
  Result<Capture> read = CaptureBytes(WriteCapture(recording, {}, {}, End())).Read();
  ASSERT_TRUE(read.has_value()) << read.error().Message();
  EXPECT_EQ(read->recording.host.hostname, "h\\xffst");
  EXPECT_EQ(read->recording.settings.sources, std::vector<std::string>{"c\\x80"});
}

TEST(CaptureWriter, BlocksFollowWithoutAGap) {
  Sample sample = MakeSample();
  CaptureBytes copy(sample.bytes);
  std::vector<BlockPlace> blocks = copy.Blocks();
  std::vector<uint16_t> types;
  for (size_t i = 0; i < blocks.size(); ++i) {
    types.push_back(blocks[i].header.type);
    EXPECT_EQ(blocks[i].header.sequence, i);
    EXPECT_EQ(blocks[i].header.flags, 0);
  }
  EXPECT_EQ(types, (std::vector<uint16_t>{1, 2, 3, 2, 3, 4, 5}));
  EXPECT_EQ(blocks.back().end() + sizeof(container::Trailer), sample.bytes.size());
}

TEST(CaptureWriter, AfterAFullDiskNothingMoreIsWritten) {
  Sample sample = MakeSample();
  auto write_interval = [&](CaptureWriter& writer) {
    EXPECT_TRUE(writer.Start(sample.expected.recording).has_value());
    EXPECT_TRUE(writer.WriteDefinitions(sample.expected.definitions).has_value());
    return writer.WriteInterval(sample.expected.intervals[0]);
  };
  MemorySink memory;
  CaptureWriter unhindered(memory);
  ASSERT_TRUE(write_interval(unhindered).has_value());
  FullSink sink(memory.bytes.size() - 1);
  CaptureWriter writer(sink);
  Result<void> interval = write_interval(writer);
  ASSERT_FALSE(interval.has_value());
  EXPECT_THAT(interval.error().what, HasSubstr("No space left"));
  uint64_t written = writer.bytes_written();
  EXPECT_FALSE(writer.WriteDefinitions(sample.expected.definitions).has_value());
  EXPECT_FALSE(writer.Finish({.intervals = 0}).has_value());
  EXPECT_EQ(writer.bytes_written(), written);
}

TEST(CaptureWriter, ValuesThatNoReaderAcceptsAreErrors) {
  MemorySink sink;
  CaptureWriter writer(sink);
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  Interval interval;
  interval.losses = {{LossCause::kMapBusy, LossSource::kCpu, UINT64_MAX, 0}};
  Result<void> written = writer.WriteInterval(interval);
  ASSERT_FALSE(written.has_value());
  EXPECT_THAT(written.error().what, HasSubstr("its losses add up to more than 2^63"));
}

TEST(CaptureWriter, RefusedIntervalLeavesTheCaptureUsable) {
  MemorySink sink;
  CaptureWriter writer(sink);
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  Interval interval;
  interval.start_ns = 2;
  interval.end_ns = 1;
  ASSERT_FALSE(writer.WriteInterval(interval).has_value());
  interval.end_ns = 3;
  ASSERT_TRUE(writer.WriteInterval(interval).has_value());
  ASSERT_TRUE(writer.Finish({.end_ns = 3, .intervals = 1}).has_value());
  Result<Capture> read = CaptureBytes(sink.bytes).Read();
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(DamageText(*read), "");
}

TEST(CaptureWriterDeathTest, RowsThatNameNothingAreOurBug) {
  MemorySink sink;
  CaptureWriter writer(sink);
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  Interval interval;
  interval.blocked.emplace();
  interval.blocked->push_back({ThreadId(1), BlockState::kIdle, {}, {}, 1, 1});
  EXPECT_DEATH((void)writer.WriteInterval(interval), "a blocked row's thread is number 1");
  interval.blocked->front().thread = ThreadId();
  EXPECT_DEATH((void)writer.WriteInterval(interval), "a blocked row names no thread");
  Definitions definitions;
  definitions.stacks.push_back({StackId(), FrameId(1)});
  EXPECT_DEATH((void)writer.WriteDefinitions(definitions), "a stack's frame is number 1");
}

TEST(CaptureWriterDeathTest, WrongOrderOfCallsIsOurBug) {
  MemorySink sink;
  CaptureWriter writer(sink);
  EXPECT_DEATH((void)writer.WriteInterval({}), "stage");
  ASSERT_TRUE(writer.Start(Recording()).has_value());
  EXPECT_DEATH((void)writer.Start(Recording()), "stage");
  Interval second;
  second.number = 1;
  EXPECT_DEATH((void)writer.WriteInterval(second), "number");
  ASSERT_TRUE(writer.Finish({}).has_value());
  EXPECT_DEATH((void)writer.WriteInterval({}), "stage");
}

}  // namespace
}  // namespace twofold::testing
