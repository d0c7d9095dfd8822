#include "recorder/names/symbol_tables.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "recorder/base/clocks.h"
#include "recorder/parser/name_reader_process.h"
#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class SymbolTablesTest : public testing::Test {
 protected:
  // A mapping of a file with `functions` functions of 16 bytes each, with a build id of its own, in
  // a process that is gone.
  Mapping MapFile(const std::string& name, int functions) {
    ElfBuilder builder(uint64_t(functions) * 16);
    for (int i = 0; i < functions; ++i) {
      builder.AddFunction(name + std::to_string(i), uint64_t(i) * 16, 16);
    }
    builder.SetBuildId(name);
    const MappedFile file = MappedFileAt(directory_.Write(name, builder.Build()));
    return {0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
  }

  std::string NameAt(const Mapping& mapping, uint64_t offset) {
    const auto source = tables_.Get(image_, mapping);
    if (!source->was_read) return "(unreadable)";
    return tables_.NameAt(*source, image_, mapping, ElfBuilder::kTextOffset + offset)
        .value_or("(none)");
  }

  static ElfSymbols ReadProgram(const std::string& name) {
    const std::string path = TWOFOLD_NAMES_DIR "/" + name;
    Result<ElfSymbols> symbols =
        ElfSymbols::Read(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), path);
    EXPECT_TRUE(symbols.has_value());
    return std::move(symbols).value();
  }

  static ProcessImage GoneImage() {
    ProcessImage image;
    image.pid = Pid(5'000'001);
    image.start_boottime_ns = 1;
    return image;
  }

  TemporaryDirectory directory_;
  NameReader reader_{TWOFOLD_BIN_DIR "/twofold-record"};
  SymbolTables tables_{reader_};
  ProcessImage image_ = GoneImage();
};

TEST_F(SymbolTablesTest, NamesComeFromTheMappedFile) {
  const Mapping mapping = MapFile("liba", 3);
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, AnotherInodeIsAnotherFile) {
  Mapping mapping = MapFile("liba", 3);
  MappedFile other = *mapping.file;
  ++other.inode;
  mapping.file = std::make_shared<const MappedFile>(other);
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
  EXPECT_EQ(tables_.TakeUnreadable(), 1u);
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, AnotherProcessMayShowTheFileLater) {
  const Mapping mapping = MapFile("liba", 3);
  const std::string bytes = ReadWholeFile(mapping.path());
  directory_.Write("liba", "not it");
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
  directory_.Write("liba", bytes);
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");  // the same process again: not asked
  EXPECT_TRUE(SymbolTables::MayBeReadLater(*tables_.Get(image_, mapping)));
  image_.pid = Pid(5'000'002);
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
  EXPECT_EQ(tables_.TakeUnreadable(), 1u);
}

// /proc tells no generation of the inode, an event does.
TEST_F(SymbolTablesTest, ScannedAndAnnouncedMappingsShareATable) {
  const Mapping scanned = MapFile("liba", 1000);
  EXPECT_EQ(NameAt(scanned, 17), "liba1");
  EXPECT_EQ(tables_.open_files(), 1u);
  MappedFile file = *scanned.file;
  file.inode_generation = 77;
  const Mapping announced{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
  EXPECT_EQ(NameAt(announced, 17), "liba1");
  EXPECT_EQ(tables_.open_files(), 1u);
  EXPECT_EQ(tables_.Get(image_, scanned), tables_.Get(image_, announced));
  // Once the file is gone, its number means another one.
  file.inode_generation = 78;
  const Mapping another{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
  EXPECT_NE(tables_.Get(image_, another), tables_.Get(image_, announced));
}

// What is copied over a file has its device, its inode and its path.
TEST_F(SymbolTablesTest, FileThatWasWrittenIntoIsReadAnewAndHasNoNamesUntilItIsKnownWhatRan) {
  Mapping mapping = MapFile("liba", 3);
  mapping.since_ns = MonotonicNowNs();
  ASSERT_FALSE(tables_.BeginInterval(MonotonicNowNs()));
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
  const std::string build_id = tables_.Get(image_, mapping)->build_id;
  ASSERT_FALSE(tables_.BeginInterval(MonotonicNowNs()));
  EXPECT_EQ(NameAt(mapping, 17), "liba1");

  const uint64_t before_ns = MonotonicNowNs();
  usleep(20'000);  // the clock that files are stamped by ticks in steps
  ElfBuilder builder(160);
  for (int i = 0; i < 10; ++i) builder.AddFunction("new" + std::to_string(i), uint64_t(i) * 16, 16);
  builder.SetBuildId("new");
  directory_.Write("liba", builder.Build());
  EXPECT_TRUE(tables_.BeginInterval(before_ns));
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
  EXPECT_TRUE(SymbolTables::MayBeReadLater(*tables_.Get(image_, mapping)));
  EXPECT_EQ(tables_.Get(image_, mapping)->build_id, "");
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
  EXPECT_EQ(tables_.TakeUnreadable(), 1u);

  usleep(20'000);
  EXPECT_FALSE(tables_.BeginInterval(MonotonicNowNs()));
  EXPECT_EQ(NameAt(mapping, 17), "new1");
  EXPECT_NE(tables_.Get(image_, mapping)->build_id, build_id);
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, FileThatWasWrittenIntoBetweenItsMappingAndItsNamingHasNoNames) {
  Mapping mapping = MapFile("liba", 3);
  ASSERT_FALSE(tables_.BeginInterval(MonotonicNowNs()));
  mapping.since_ns = MonotonicNowNs();
  tables_.Prepare(image_, mapping);
  EXPECT_EQ(tables_.open_files(), 1u);
  usleep(20'000);
  directory_.Write("liba", ReadWholeFile(mapping.path()));
  EXPECT_EQ(NameAt(mapping, 17), "(unreadable)");
}

TEST_F(SymbolTablesTest, FileThatWasMadeJustBeforeItRanHasNames) {
  ASSERT_FALSE(tables_.BeginInterval(MonotonicNowNs()));
  usleep(20'000);
  Mapping mapping = MapFile("liba", 3);
  mapping.since_ns = MonotonicNowNs();
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
}

TEST_F(SymbolTablesTest, FilesStayOpenUpToALimit) {
  std::vector<Mapping> mappings;
  for (size_t i = 0; i <= SymbolTables::kMaxOpenFiles; ++i) {
    mappings.push_back(MapFile("lib" + std::to_string(i) + "_", 2));
    EXPECT_EQ(NameAt(mappings.back(), 0), "lib" + std::to_string(i) + "_0");
  }
  EXPECT_EQ(tables_.open_files(), SymbolTables::kMaxOpenFiles);
  EXPECT_EQ(tables_.Get(image_, mappings[0])->file, nullptr);
  EXPECT_NE(tables_.Get(image_, mappings[1])->file, nullptr);
  EXPECT_EQ(NameAt(mappings[0], 16), "lib0_1");
}

TEST_F(SymbolTablesTest, NamesOutliveTheFile) {
  const Mapping a = MapFile("a", 100);
  EXPECT_EQ(NameAt(a, 0), "a0");
  // The reader drops the table at the second interval's end, and reads it again.
  reader_.EndInterval();
  reader_.EndInterval();
  ASSERT_EQ(unlink(a.path().c_str()), 0);
  EXPECT_EQ(NameAt(a, 16), "a1");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, StrippedFileIsNamedByItsDebugFile) {
  const ElfSymbols whole = ReadProgram("names_calls");
  const MappedFile file = MappedFileAt(
      directory_.Write("program", ReadWholeFile(TWOFOLD_NAMES_DIR "/names_calls.link")));
  const Mapping mapping{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
  // Where it is named by .symtab only.
  uint64_t offset = 0;
  while (whole.FindByFileOffset(offset) != "sort_letters") ASSERT_LT(++offset, 0x10000u);
  const auto name = [&] {
    return tables_.NameAt(*tables_.Get(image_, mapping), image_, mapping, offset)
        .value_or("(none)");
  };
  EXPECT_EQ(name(), "(none)");
  tables_.Clear();
  const std::string debug_file = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_calls.link.debug");
  directory_.Write("names_calls.link.debug", "not it");
  EXPECT_EQ(name(), "(none)");
  tables_.Clear();
  ASSERT_EQ(mkdir((directory_.path() + "/.debug").c_str(), 0700), 0);
  directory_.Write(".debug/names_calls.link.debug", debug_file);
  EXPECT_EQ(name(), "sort_letters");
  // Also when its table was dropped and is read again, by the same reader and by another.
  reader_.EndInterval();
  reader_.EndInterval();
  EXPECT_EQ(name(), "sort_letters");
  const pid_t first = reader_.pid();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  siginfo_t info;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(first), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(name(), "sort_letters");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
  EXPECT_EQ(reader_.TakeGivenUp(), 0u);
}

// The answers of the reader's process, without the process.
class NameServiceTest : public testing::Test {
 protected:
  std::string NameAt(uint32_t file, uint64_t index) {
    auto reply = service_.Answer({.kind = NameRequestKind::kFindFunction,
                                  .file = file,
                                  .a = ElfBuilder::kTextOffset + index * 16},
                                 UniqueFd());
    return reply.header.kind == NameReplyKind::kOk ? reply.text : "(none)";
  }

  void Open(uint32_t file, const std::string& name, int functions) {
    ElfBuilder builder(uint64_t(functions) * 16);
    for (int i = 0; i < functions; ++i) {
      builder.AddFunction(name + std::to_string(i), uint64_t(i) * 16, 16);
    }
    auto reply = service_.Answer({.kind = NameRequestKind::kOpenElf, .file = file},
                                 MemoryFile(builder.Build()));
    EXPECT_EQ(reply.header.kind, NameReplyKind::kOk);
  }

  NameService service_;
};

TEST_F(NameServiceTest, MemoryStaysBelowTheBudget) {
  // 450,000 functions take 7.2 MB: two tables fit, a third pushes out the one used longest ago.
  Open(1, "a", 450'000);
  const size_t one_table = service_.memory_bytes();
  EXPECT_NEAR(double(one_table), 450'000.0 * 16, 1000);
  Open(2, "b", 450'000);
  EXPECT_EQ(service_.memory_bytes(), 2 * one_table);
  EXPECT_EQ(NameAt(1, 8), "a8");
  Open(3, "c", 450'000);
  EXPECT_EQ(service_.memory_bytes(), 2 * one_table);
  EXPECT_EQ(NameAt(1, 9), "a9");
  EXPECT_EQ(NameAt(2, 7), "b7");
  EXPECT_EQ(NameAt(3, 7), "c7");
  EXPECT_LE(service_.memory_bytes(), NameService::kBudgetBytes);
}

TEST_F(NameServiceTest, IntervalsEndDropsWhatWasNotUsedSinceTheLastOne) {
  Open(1, "a", 100);
  Open(2, "b", 100);
  const NameRequest end = {.kind = NameRequestKind::kEndInterval};
  service_.Answer(end, UniqueFd());
  const size_t both = service_.memory_bytes();
  EXPECT_EQ(NameAt(2, 1), "b1");
  service_.Answer(end, UniqueFd());
  EXPECT_EQ(service_.memory_bytes(), both / 2);
  service_.Answer(end, UniqueFd());
  EXPECT_EQ(service_.memory_bytes(), 0u);
  EXPECT_EQ(NameAt(1, 1), "a1");
  service_.Answer({.kind = NameRequestKind::kClose, .file = 1}, UniqueFd());
  EXPECT_EQ(service_.memory_bytes(), 0u);
  EXPECT_EQ(NameAt(1, 1), "(none)");
}

TEST(CopyOwnVdso, KnowsClockGettime) {
  UniqueFd copy = CopyOwnVdso();
  if (!copy) GTEST_SKIP() << "this kernel has no vDSO";
  const Result<ElfSymbols> vdso = ElfSymbols::Read(std::move(copy), "[vdso]");
  ASSERT_TRUE(vdso.has_value());
  EXPECT_GE(vdso->size(), 2u);
}

}  // namespace
}  // namespace twofold
