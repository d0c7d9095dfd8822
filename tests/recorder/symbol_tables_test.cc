#include "recorder/symbol_tables.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class SymbolTablesTest : public testing::Test {
 protected:
  // A mapping of a file with `functions` functions of 16 bytes each, with a build id of its own, in
  // a process that is gone.
  Mapping MapFile(const std::string& name, int functions) {
    ElfBuilder builder(static_cast<uint64_t>(functions) * 16);
    for (int i = 0; i < functions; ++i) {
      builder.AddFunction(name + std::to_string(i), static_cast<uint64_t>(i) * 16, 16);
    }
    builder.SetBuildId(name);
    MappedFile file;
    file.path = directory_.Write(name, builder.Build());
    for (const char c : name) {
      char hex[4];
      snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(c));
      file.build_id += hex;
    }
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
  SymbolTables tables_;
  ProcessImage image_ = GoneImage();
};

TEST_F(SymbolTablesTest, NamesComeFromTheFileWithTheBuildId) {
  const Mapping mapping = MapFile("liba", 3);
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, AnotherBuildIdIsAnotherFile) {
  Mapping mapping = MapFile("liba", 3);
  MappedFile other = *mapping.file;
  other.build_id = "00";
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
  image_.pid = Pid(5'000'002);
  EXPECT_EQ(NameAt(mapping, 17), "liba1");
  EXPECT_EQ(tables_.TakeUnreadable(), 1u);
}

TEST_F(SymbolTablesTest, ScannedAndAnnouncedMappingsShareATable) {
  const Mapping announced = MapFile("liba", 1000);
  MappedFile file = *announced.file;
  file.build_id.clear();
  file.inode = InodeOf(file.path);
  const Mapping scanned{0x1000, 0x2000, 0, std::make_shared<const MappedFile>(file)};
  EXPECT_EQ(NameAt(scanned, 17), "liba1");
  const size_t bytes = tables_.memory_bytes();
  EXPECT_EQ(NameAt(announced, 17), "liba1");
  EXPECT_EQ(tables_.memory_bytes(), bytes);
  EXPECT_EQ(tables_.Get(image_, scanned), tables_.Get(image_, announced));
}

TEST_F(SymbolTablesTest, MemoryStaysBelowTheBudget) {
  // 450,000 functions take 7.2 MB: two tables fit, a third pushes out the one used longest ago.
  const Mapping a = MapFile("a", 450'000);
  const Mapping b = MapFile("b", 450'000);
  const Mapping c = MapFile("c", 450'000);
  EXPECT_EQ(NameAt(a, 16 * 9), "a9");
  const size_t one_table = tables_.memory_bytes();
  EXPECT_NEAR(static_cast<double>(one_table), 450'000.0 * 16, 1000);
  EXPECT_EQ(NameAt(b, 16 * 9), "b9");
  EXPECT_EQ(NameAt(a, 16 * 8), "a8");
  EXPECT_EQ(NameAt(c, 16 * 9), "c9");
  EXPECT_LE(tables_.memory_bytes(), SymbolTables::kBudgetBytes);
  EXPECT_NE(tables_.Get(image_, a)->table, nullptr);
  EXPECT_EQ(tables_.Get(image_, b)->table, nullptr);
  EXPECT_EQ(NameAt(b, 16 * 7), "b7");
}

TEST_F(SymbolTablesTest, ReleaseDropsWhatWasNotUsedSinceTheLastOne) {
  const Mapping a = MapFile("a", 100);
  const Mapping b = MapFile("b", 100);
  EXPECT_EQ(NameAt(a, 0), "a0");
  EXPECT_EQ(NameAt(b, 0), "b0");
  tables_.ReleaseMemory();
  EXPECT_EQ(NameAt(b, 16), "b1");
  tables_.ReleaseMemory();
  EXPECT_EQ(tables_.Get(image_, a)->table, nullptr);
  EXPECT_NE(tables_.Get(image_, b)->table, nullptr);
  tables_.ReleaseMemory();
  EXPECT_EQ(tables_.memory_bytes(), 0u);
  // Read again from the descriptor that was kept, even when the file is gone.
  ASSERT_EQ(unlink(a.path().c_str()), 0);
  EXPECT_EQ(NameAt(a, 16), "a1");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST_F(SymbolTablesTest, StrippedFileIsNamedByItsDebugFile) {
  const ElfSymbols whole = ReadProgram("names_calls");
  const ElfSymbols stripped = ReadProgram("names_calls.link");
  MappedFile file;
  file.path = directory_.Write("program", ReadWholeFile(TWOFOLD_NAMES_DIR "/names_calls.link"));
  file.build_id = stripped.build_id();
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
  // Also when its table was dropped and is read again.
  tables_.ReleaseMemory();
  tables_.ReleaseMemory();
  EXPECT_EQ(tables_.memory_bytes(), 0u);
  EXPECT_EQ(name(), "sort_letters");
  EXPECT_EQ(tables_.TakeUnreadable(), 0u);
}

TEST(ReadOwnVdso, KnowsClockGettime) {
  const auto vdso = ReadOwnVdso();
  if (!vdso) GTEST_SKIP() << "this kernel has no vDSO";
  EXPECT_GE(vdso->size(), 2u);
}

}  // namespace
}  // namespace twofold
