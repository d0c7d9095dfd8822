// Perf maps and jitdumps made by hand, grown, written anew, cut and garbled.
#include "recorder/parser/runtime_code_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <random>

#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

using Format = RuntimeCodeFile::Format;

template <typename Number>
std::string Bytes(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::string DumpHeader(uint32_t magic = 0x4A695444, uint32_t version = 1) {
  return Bytes(magic) + Bytes(version) + Bytes(uint32_t{40}) + Bytes(uint32_t{62}) +
         Bytes(uint32_t{0}) + Bytes(uint32_t{812}) + Bytes(uint64_t{1}) + Bytes(uint64_t{0});
}

std::string Record(uint32_t id, const std::string& content) {
  return Bytes(id) + Bytes(uint32_t(16 + content.size())) + Bytes(uint64_t{2}) + content;
}

std::string LoadRecord(uint64_t start, uint64_t size, uint64_t index, const std::string& name) {
  return Record(0, Bytes(uint32_t{812}) + Bytes(uint32_t{812}) + Bytes(start) + Bytes(start) +
                       Bytes(size) + Bytes(index) + name + std::string(1, '\0') +
                       std::string(size, '\x90'));
}

std::string MoveRecord(uint64_t from, uint64_t to, uint64_t size, uint64_t index) {
  return Record(1, Bytes(uint32_t{812}) + Bytes(uint32_t{812}) + Bytes(to) + Bytes(from) +
                       Bytes(to) + Bytes(size) + Bytes(index));
}

// The name at an address; "" when there is none.
std::string NameAt(RuntimeCodeFile& file, uint64_t address) {
  const std::optional<CodeEntry> entry = file.Find(address);
  return entry ? entry->name : "";
}

RuntimeCodeFile Read(std::string_view bytes, Format format = Format::kPerfMap) {
  RuntimeCodeFile file(MemoryFile(bytes), format);
  file.Refresh(UINT64_MAX);
  return file;
}

// A file on disk that a test goes on writing to.
class GrowingFile {
 public:
  explicit GrowingFile(std::string_view bytes) : path_(directory_.Write("map", bytes)) {}
  UniqueFd Open() const { return UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }
  void Append(const std::string& bytes) const { Write(bytes, O_APPEND); }
  void WriteAnew(const std::string& bytes) const { Write(bytes, O_TRUNC); }
  void Delete() const { EXPECT_EQ(unlink(path_.c_str()), 0); }

 private:
  void Write(const std::string& bytes, int flags) const {
    usleep(20'000);  // longer than the grain of a file's times
    const UniqueFd fd(open(path_.c_str(), O_WRONLY | O_CLOEXEC | flags));
    EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  }
  TemporaryDirectory directory_;
  std::string path_;
};

TEST(CodeRanges, LastWriterOfAnAddressWinsAsInAPaintedArray) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    CodeRanges ranges;
    std::vector<uint32_t> painted(256, 0);
    uint32_t position = 0;
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<CodeRange> written;
      for (uint64_t count = random() % 12; count > 0; --count) {
        const uint64_t start = random() % 250;
        const uint32_t size = 1 + uint32_t(random() % (255 - start));
        written.push_back({start, size, ++position});
        std::fill_n(painted.begin() + static_cast<long>(start), size, position);
      }
      ranges.Overlay(written);
      for (uint64_t address = 0; address < painted.size(); ++address) {
        const auto found = ranges.Find(address);
        ASSERT_EQ(found ? found->position : 0, painted[address]) << "round " << round;
      }
    }
  }
}

TEST(CodeRanges, MillionsOfOverlapsTakeNoMoreRangesThanAreVisible) {
  CodeRanges ranges;
  for (int batch = 0; batch < 16; ++batch) {
    std::vector<CodeRange> written;
    for (uint32_t i = 0; i < 65536; ++i) written.push_back({i, 0x7fffffff, i + 1});
    ranges.Overlay(written);
  }
  EXPECT_LE(ranges.size(), 65536u);
  EXPECT_EQ(ranges.Find(65535)->position, 65536u);
  EXPECT_EQ(ranges.Find(0)->position, 1u);
}

TEST(CodeRanges, TheEndOfTheAddressSpaceIsNotPassed) {
  CodeRanges ranges;
  std::vector<CodeRange> written = {{UINT64_MAX - 10, 10, 3}, {0, 5, 4}};
  ranges.Overlay(written);
  EXPECT_EQ(ranges.Find(UINT64_MAX - 1)->position, 3u);
  EXPECT_FALSE(ranges.Find(UINT64_MAX).has_value());
}

TEST(PerfMapLine, RuntimesWriteThemInTheseForms) {
  const auto jvm = ParsePerfMapLine("0x00007f2e0d000140 0x0000000000000220 LMain;::run(I)V");
  ASSERT_TRUE(jvm.has_value());
  EXPECT_EQ(jvm->start, 0x7f2e0d000140u);
  EXPECT_EQ(jvm->size_bytes, 0x220u);
  EXPECT_EQ(jvm->name, "LMain;::run(I)V");
  EXPECT_EQ(ParsePerfMapLine("3ef414c0 398 RegExp:[{(] more")->name, "RegExp:[{(] more");
  EXPECT_EQ(ParsePerfMapLine("7fb35b4ef020 b py::work:/srv/a b.py\r")->name,
            "py::work:/srv/a b.py");
  EXPECT_EQ(ParsePerfMapLine("\t7F 10\tname  ")->name, "name");
}

TEST(PerfMapLine, AnythingElseIsNone) {
  for (const char* line :
       {"", " ", "name", "10", "10 20", "10 20 ", "xyz 20 name", "10 xyz name", "10 0 name",
        "-10 20 name", "+10 20 name", "0x 20 name", "10000000000000000 20 name",
        "10 10000000000000000 name", "10 100000000 name", "ffffffffffffffff 2 name", "10;20;name",
        "1 0x0x1 name"}) {
    EXPECT_FALSE(ParsePerfMapLine(line).has_value()) << line;
  }
}

TEST(PerfMapLine, NamesAreCutBetweenCharactersAndKeepOtherBytes) {
  const std::string umlauts = "a" + [] {
    std::string text;
    for (int i = 0; i < 3000; ++i) text += "\xc3\xa4";
    return text;
  }();
  const std::string cut = ParsePerfMapLine("1000 10 " + umlauts)->name;
  EXPECT_LE(cut.size(), RuntimeCodeFile::kMaxNameBytes);
  EXPECT_TRUE(cut.ends_with("\xc3\xa4...")) << cut.substr(cut.size() - 8);
  EXPECT_EQ(ParsePerfMapLine("1000 10 \xff\xfe\x1b[31m")->name, "\xff\xfe\x1b[31m");
}

TEST(PerfMap, LaterLinesOverrideOlderOnes) {
  RuntimeCodeFile file = Read("1000 100 old\n1100 100 next\n1080 100 new\n");
  EXPECT_EQ(NameAt(file, 0x0fff), "");
  EXPECT_EQ(NameAt(file, 0x1000), "old");
  EXPECT_EQ(NameAt(file, 0x1080), "new");
  EXPECT_EQ(file.Find(0x1090)->start, 0x1080u);
  EXPECT_EQ(NameAt(file, 0x1180), "next");
  EXPECT_EQ(file.Find(0x1190)->start, 0x1100u);
  EXPECT_EQ(NameAt(file, 0x1200), "");
  EXPECT_FALSE(file.damaged());
}

TEST(PerfMap, OnlyWhatGrewIsReadAgain) {
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "1000 100 first\n";
  const GrowingFile disk(lines);
  RuntimeCodeFile file(disk.Open(), Format::kPerfMap);
  EXPECT_EQ(file.Refresh(UINT64_MAX), lines.size());
  const uint64_t changes = file.changes();
  EXPECT_EQ(file.Refresh(UINT64_MAX), 0u);
  EXPECT_EQ(file.changes(), changes);
  disk.Append("1000 10 second\n1100 10 hal");
  EXPECT_LT(file.Refresh(UINT64_MAX), 100u);
  EXPECT_GT(file.changes(), changes);
  EXPECT_EQ(NameAt(file, 0x1005), "second");
  EXPECT_EQ(NameAt(file, 0x1010), "first");
  EXPECT_EQ(NameAt(file, 0x1105), "");
  disk.Append("f\n");
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1105), "half");
  disk.Append("1200 10 last\n");
  disk.Delete();
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1205), "last");
}

TEST(PerfMap, FileWrittenAnewIsReadAnew) {
  const GrowingFile disk("1000 100 first\n1100 100 second\n");
  RuntimeCodeFile file(disk.Open(), Format::kPerfMap);
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1105), "second");
  disk.WriteAnew("1000 100 other\n");  // shorter
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1005), "other");
  EXPECT_EQ(NameAt(file, 0x1105), "");
  disk.WriteAnew("1000 100 thing\n");  // as long
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1005), "thing");
  disk.WriteAnew("2000 100 longer than before\n1000 100 third\n");
  file.Refresh(UINT64_MAX);
  EXPECT_EQ(NameAt(file, 0x1005), "third");
  EXPECT_EQ(NameAt(file, 0x2005), "longer than before");
}

TEST(PerfMap, EntryThatIsOverwrittenBetweenReadingAndNamingGivesNoName) {
  const GrowingFile disk("1000 100 first\n");
  RuntimeCodeFile file(disk.Open(), Format::kPerfMap);
  file.Refresh(UINT64_MAX);
  disk.WriteAnew("9000 100 wrong\n");
  EXPECT_EQ(NameAt(file, 0x1005), "");
}

TEST(PerfMap, LinesWithoutEndCostThemselvesAlone) {
  RuntimeCodeFile file =
      Read("1000 100 before\n1100 100 " + std::string(1'000'000, 'x') + "\n1200 100 behind\n");
  EXPECT_EQ(NameAt(file, 0x1005), "before");
  EXPECT_EQ(NameAt(file, 0x1105), "");
  EXPECT_EQ(NameAt(file, 0x1205), "behind");
  EXPECT_TRUE(file.damaged());
}

TEST(PerfMap, GarbageCostsItselfAlone) {
  RuntimeCodeFile file = Read(std::string("\0\0\0\n", 4) + "no line\n1000 100 good\n\n10 zz bad\n");
  EXPECT_EQ(NameAt(file, 0x1005), "good");
  EXPECT_TRUE(file.damaged());
}

TEST(PerfMap, ReadingCanBeSpreadOverIntervals) {
  std::string lines;
  for (int i = 0; i < 20000; ++i) lines += "1000 100 first\n";
  lines += "1000 100 last\n";
  RuntimeCodeFile file(MemoryFile(lines), Format::kPerfMap);
  EXPECT_LE(file.Refresh(100'000), 200'000u);
  EXPECT_EQ(NameAt(file, 0x1005), "first");
  EXPECT_EQ(file.Refresh(0), 0u);
  for (int i = 0; i < 10; ++i) file.Refresh(100'000);
  EXPECT_EQ(NameAt(file, 0x1005), "last");
}

TEST(PerfMap, TooManyFunctionsCostTheFilesNamesAndNoMemory) {
  std::string lines;
  for (uint64_t i = 0; i <= RuntimeCodeFile::kMaxRanges + 65536; ++i) {
    char line[32];
    lines.append(line, size_t(snprintf(line, sizeof line, "%lx 1 f\n", i * 2)));
  }
  RuntimeCodeFile file = Read(lines);
  EXPECT_TRUE(file.damaged());
  EXPECT_EQ(NameAt(file, 2), "");
  EXPECT_EQ(file.memory_bytes(), 0u);
}

TEST(PerfMap, WhatLiesBehindTheLargestSizeIsNotRead) {
  const GrowingFile disk("1000 100 first\n");
  const UniqueFd sparse = disk.Open();
  ASSERT_EQ(truncate(("/proc/self/fd/" + std::to_string(sparse.get())).c_str(), int64_t{1} << 40),
            0);
  RuntimeCodeFile file(disk.Open(), Format::kPerfMap);
  EXPECT_LE(file.Refresh(1'000'000), 1'100'000u);  // the rest is one line without end
  EXPECT_EQ(NameAt(file, 0x1005), "first");
  EXPECT_TRUE(file.damaged());
}

TEST(JitDump, LoadsMovesAndTheEnd) {
  RuntimeCodeFile file =
      Read(DumpHeader() + LoadRecord(0x1000, 0x100, 1, "first") + Record(2, std::string(40, 'd')) +
               Record(77, "unknown") + LoadRecord(0x2000, 0x100, 2, "second") +
               LoadRecord(0x2080, 0x10, 3, "third") + MoveRecord(0x1000, 0x3000, 0x100, 1) +
               Record(3, "") + LoadRecord(0x5000, 0x100, 4, "behind the end"),
           Format::kJitDump);
  EXPECT_EQ(NameAt(file, 0x1005), "first");
  EXPECT_EQ(NameAt(file, 0x2005), "second");
  EXPECT_EQ(NameAt(file, 0x2085), "third");
  EXPECT_EQ(file.Find(0x2085)->start, 0x2080u);
  EXPECT_EQ(NameAt(file, 0x3005), "first");
  EXPECT_EQ(file.Find(0x3005)->start, 0x3000u);
  EXPECT_EQ(NameAt(file, 0x5005), "");
  EXPECT_FALSE(file.damaged());
}

TEST(JitDump, CodeLargerThanAChunkIsPassedOver) {
  RuntimeCodeFile file = Read(DumpHeader() + LoadRecord(0x100000, 300'000, 1, "large") +
                                  LoadRecord(0x1000, 0x100, 2, "small"),
                              Format::kJitDump);
  EXPECT_EQ(NameAt(file, 0x100005), "large");
  EXPECT_EQ(NameAt(file, 0x1005), "small");
}

TEST(JitDump, OtherByteOrdersAndVersionsAreRefused) {
  for (const std::string& header : {DumpHeader(0x4454694A), DumpHeader(0x4A695444, 2),
                                    DumpHeader(0x4A695444, 0x01000000), std::string(40, '\0')}) {
    RuntimeCodeFile file = Read(header + LoadRecord(0x1000, 0x100, 1, "first"), Format::kJitDump);
    EXPECT_EQ(NameAt(file, 0x1005), "");
    EXPECT_TRUE(file.damaged());
  }
}

TEST(JitDump, EveryPrefixGivesTheRecordsThatAreWhole) {
  const std::string first = DumpHeader() + LoadRecord(0x1000, 0x20, 1, "first");
  const std::string second = first + LoadRecord(0x2000, 0x20, 2, "second");
  const std::string all = second + MoveRecord(0x1000, 0x3000, 0x20, 1);
  for (size_t length = 0; length <= all.size(); ++length) {
    RuntimeCodeFile file = Read(all.substr(0, length), Format::kJitDump);
    EXPECT_EQ(NameAt(file, 0x1005), length >= first.size() ? "first" : "") << length;
    EXPECT_EQ(NameAt(file, 0x2005), length >= second.size() ? "second" : "") << length;
    EXPECT_EQ(NameAt(file, 0x3005), length == all.size() ? "first" : "") << length;
    EXPECT_FALSE(file.damaged()) << length;
  }
}

TEST(JitDump, GrowsRecordByRecordAndByteByByte) {
  const std::string all =
      DumpHeader() + LoadRecord(0x1000, 0x20, 1, "first") + LoadRecord(0x1010, 0x20, 2, "second");
  TemporaryDirectory directory;
  const std::string path = directory.Write("dump", "");
  const UniqueFd out(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  RuntimeCodeFile file(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), Format::kJitDump);
  for (const char byte : all) {
    ASSERT_EQ(write(out.get(), &byte, 1), 1);
    file.Refresh(UINT64_MAX);
  }
  EXPECT_EQ(NameAt(file, 0x1005), "first");
  EXPECT_EQ(NameAt(file, 0x1015), "second");
  EXPECT_FALSE(file.damaged());
}

// Whatever the bytes are: no crash, no endless loop, bounded memory, and names that are cut.
TEST(RuntimeCodeFile, GarbledFilesDoNoHarm) {
  const std::string map = "1000 100 first\n0x2000 0x80 second;:\n1080 100 third\n";
  const std::string dump = DumpHeader() + LoadRecord(0x1000, 0x20, 1, "first") +
                           MoveRecord(0x1000, 0x3000, 0x20, 1) +
                           LoadRecord(0x2000, 0x20, 2, "second");
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 20000; ++round) {
    const bool is_map = round % 2 == 0;
    std::string bytes = is_map ? map : dump;
    for (uint64_t count = 1 + random() % 8; count > 0; --count) {
      const size_t at = random() % bytes.size();
      switch (random() % 5) {
        case 0:
          bytes[at] = char(random());
          break;
        case 1:
          bytes[at] = char(bytes[at] ^ (1 << random() % 8));
          break;
        case 2:
          bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 64));
          break;
        case 3:
          bytes.resize(at + 1);
          break;
        default:
          std::fill_n(bytes.begin() + static_cast<long>(at), std::min<size_t>(4, bytes.size() - at),
                      char(random() % 2 == 0 ? 0xff : 0));
      }
    }
    RuntimeCodeFile file = Read(bytes, is_map ? Format::kPerfMap : Format::kJitDump);
    file.Refresh(UINT64_MAX);
    for (const uint64_t address : {0x0ul, 0x1005ul, 0x1085ul, 0x2005ul, 0x3005ul, UINT64_MAX}) {
      const auto entry = file.Find(address);
      if (entry) {
        EXPECT_LE(entry->name.size(), RuntimeCodeFile::kMaxNameBytes);
        EXPECT_FALSE(entry->name.empty());
      }
    }
    EXPECT_LT(file.memory_bytes(), 1'000'000u);
  }
}

}  // namespace
}  // namespace twofold
