#include "recorder/processes/sideband_record.h"

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <cstring>

namespace twofold {
namespace {

using Kind = SidebandEvent::Kind;

// Writes a record field by field, as the kernel lays it out.
class RecordBytes {
 public:
  RecordBytes(uint32_t type, uint16_t misc = 0) {
    U32(type);
    U16(misc);
    U16(0);  // size, set by Take
  }
  RecordBytes& U8(uint8_t value) { return Raw(&value, sizeof value); }
  RecordBytes& U16(uint16_t value) { return Raw(&value, sizeof value); }
  RecordBytes& U32(uint32_t value) { return Raw(&value, sizeof value); }
  RecordBytes& U64(uint64_t value) { return Raw(&value, sizeof value); }
  RecordBytes& Text(const std::string& text) {
    Raw(text.c_str(), text.size() + 1);
    while (bytes_.size() % 8 != 0) bytes_.push_back(0);
    return *this;
  }
  std::vector<uint8_t> Take() {
    const auto size = uint16_t(bytes_.size());
    std::memcpy(bytes_.data() + 6, &size, sizeof size);
    return bytes_;
  }

 private:
  RecordBytes& Raw(const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
    return *this;
  }
  std::vector<uint8_t> bytes_;
};

std::vector<uint8_t> ForkRecord() {
  return RecordBytes(PERF_RECORD_FORK).U32(10).U32(11).U32(12).U32(13).U64(777).U64(778).Take();
}

std::vector<uint8_t> CommRecord(uint16_t misc) {
  return RecordBytes(PERF_RECORD_COMM, misc).U32(10).U32(12).Text("a name").U64(779).Take();
}

std::vector<uint8_t> MapRecord(uint32_t protection) {
  return RecordBytes(PERF_RECORD_MMAP2)
      .U32(10)
      .U32(12)
      .U64(0x400000)
      .U64(0x2000)
      .U64(0x1000)
      .U32(8)
      .U32(1)
      .U64(4242)
      .U64(1)
      .U32(protection)
      .U32(MAP_PRIVATE)
      .Text("/usr/bin/tool")
      .U64(780)
      .Take();
}

TEST(ParseSidebandRecord, ForkAndExit) {
  ParsedRecord parsed = ParseSidebandRecord(ForkRecord());
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kFork);
  EXPECT_EQ(parsed.event->pid, Pid(10));
  EXPECT_EQ(parsed.event->parent_pid, Pid(11));
  EXPECT_EQ(parsed.event->tid, Tid(12));
  EXPECT_EQ(parsed.event->time_ns, 777u);
  EXPECT_FALSE(parsed.damaged);

  parsed = ParseSidebandRecord(
      RecordBytes(PERF_RECORD_EXIT).U32(10).U32(11).U32(12).U32(13).U64(777).U64(778).Take());
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kExit);
  EXPECT_EQ(parsed.event->tid, Tid(12));
}

TEST(ParseSidebandRecord, NamesAndExec) {
  ParsedRecord parsed = ParseSidebandRecord(CommRecord(0));
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kComm);
  EXPECT_EQ(parsed.event->text, "a name");
  EXPECT_EQ(parsed.event->time_ns, 779u);
  parsed = ParseSidebandRecord(CommRecord(PERF_RECORD_MISC_COMM_EXEC));
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kExec);
}

TEST(ParseSidebandRecord, MappingWithInode) {
  const ParsedRecord parsed = ParseSidebandRecord(MapRecord(PROT_READ | PROT_EXEC));
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kMap);
  EXPECT_EQ(parsed.event->address, 0x400000u);
  EXPECT_EQ(parsed.event->size_bytes, 0x2000u);
  EXPECT_EQ(parsed.event->file_offset, 0x1000u);
  EXPECT_EQ(parsed.event->text, "/usr/bin/tool");
  EXPECT_EQ(parsed.event->device, makedev(8, 1));
  EXPECT_EQ(parsed.event->inode, 4242u);
  EXPECT_EQ(parsed.event->time_ns, 780u);
}

// The kernel leaves the flag set that belongs to another listener's record.
TEST(ParseSidebandRecord, FlagOfSomebodyElsesBuildIdChangesNothing) {
  constexpr uint16_t kBuildId = 1 << 14;
  std::vector<uint8_t> bytes = MapRecord(PROT_READ | PROT_EXEC);
  perf_event_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.misc |= kBuildId;
  std::memcpy(bytes.data(), &header, sizeof header);
  const ParsedRecord parsed = ParseSidebandRecord(bytes);
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->device, makedev(8, 1));
  EXPECT_EQ(parsed.event->inode, 4242u);
  EXPECT_EQ(parsed.event->text, "/usr/bin/tool");
}

TEST(ParseSidebandRecord, MappingsWithoutCodeAreOfNoInterest) {
  const ParsedRecord parsed = ParseSidebandRecord(MapRecord(PROT_READ));
  EXPECT_FALSE(parsed.event.has_value());
  EXPECT_FALSE(parsed.damaged);
}

TEST(ParseSidebandRecord, LostEventsAreCounted) {
  const ParsedRecord parsed =
      ParseSidebandRecord(RecordBytes(PERF_RECORD_LOST).U64(1).U64(33).U64(782).Take());
  EXPECT_FALSE(parsed.event.has_value());
  EXPECT_EQ(parsed.lost, 33u);
  EXPECT_FALSE(parsed.damaged);
}

TEST(ParseSidebandRecord, OtherRecordsAreOfNoInterest) {
  const ParsedRecord parsed =
      ParseSidebandRecord(RecordBytes(PERF_RECORD_THROTTLE).U64(1).U64(2).Take());
  EXPECT_FALSE(parsed.event.has_value());
  EXPECT_FALSE(parsed.damaged);
}

TEST(ParseSidebandRecord, EveryTruncationIsDamagedOrHasAShorterText) {
  for (const std::vector<uint8_t>& whole :
       {ForkRecord(), CommRecord(0), MapRecord(PROT_EXEC),
        RecordBytes(PERF_RECORD_LOST).U64(1).U64(33).U64(782).Take()}) {
    for (size_t length = 0; length < whole.size(); ++length) {
      const std::vector<uint8_t> cut(whole.begin(), whole.begin() + ptrdiff_t(length));
      const ParsedRecord parsed = ParseSidebandRecord(cut);
      const bool has_text =
          parsed.event && (parsed.event->kind == Kind::kComm || parsed.event->kind == Kind::kMap);
      EXPECT_TRUE(parsed.damaged || has_text) << length;
      EXPECT_LT(has_text ? parsed.event->text.size() : 0, whole.size());
    }
  }
}

TEST(ParseSidebandRecord, TextWithoutItsEndStopsAtTheRecord) {
  const ParsedRecord parsed = ParseSidebandRecord(
      RecordBytes(PERF_RECORD_COMM).U32(10).U32(12).U64(0x6161616161616161).U64(783).Take());
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->text, "aaaaaaaa");
}

TEST(SidebandRecord, NewCgroupsHaveAnIdAndAPath) {
  const std::vector<uint8_t> whole =
      RecordBytes(PERF_RECORD_CGROUP).U64(4711).Text("/a/b.slice").U64(784).Take();
  const ParsedRecord parsed = ParseSidebandRecord(whole);
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kCgroup);
  EXPECT_EQ(parsed.event->cgroup_id, 4711u);
  EXPECT_EQ(parsed.event->text, "/a/b.slice");
  EXPECT_EQ(parsed.event->time_ns, 784u);
  EXPECT_TRUE(ParseSidebandRecord({whole.data(), 20}).damaged);
}

TEST(SidebandRecord, BpfProgramsComeAndGo) {
  const auto record = [](uint16_t type, uint16_t flags) {
    return RecordBytes(PERF_RECORD_KSYMBOL)
        .U64(0xffffffffc0001000)
        .U32(200)
        .U16(type)
        .U16(flags)
        .Text("bpf_prog_6deef7357e7b4530_count")
        .U64(779)
        .Take();
  };
  ParsedRecord parsed = ParseSidebandRecord(record(PERF_RECORD_KSYMBOL_TYPE_BPF, 0));
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kBpfProgram);
  EXPECT_EQ(parsed.event->address, 0xffffffffc0001000);
  EXPECT_EQ(parsed.event->size_bytes, 200u);
  EXPECT_EQ(parsed.event->text, "bpf_prog_6deef7357e7b4530_count");
  EXPECT_EQ(parsed.event->time_ns, 779u);
  parsed = ParseSidebandRecord(
      record(PERF_RECORD_KSYMBOL_TYPE_BPF, PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER));
  ASSERT_TRUE(parsed.event.has_value());
  EXPECT_EQ(parsed.event->kind, Kind::kBpfProgramGone);
  parsed = ParseSidebandRecord(record(PERF_RECORD_KSYMBOL_TYPE_OOL, 0));
  EXPECT_FALSE(parsed.event.has_value());
  EXPECT_FALSE(parsed.damaged);
  std::vector<uint8_t> cut = record(PERF_RECORD_KSYMBOL_TYPE_BPF, 0);
  cut.resize(16);
  EXPECT_TRUE(ParseSidebandRecord(cut).damaged);
}

}  // namespace
}  // namespace twofold
