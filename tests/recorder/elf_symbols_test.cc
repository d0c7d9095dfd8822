#include "recorder/parser/elf_symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/recorder/elf_builder.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

using testing::HasSubstr;

constexpr uint64_t kText = ElfBuilder::kTextAddress;

ElfSymbols ReadOrDie(const ElfBuilder& builder) {
  Result<ElfSymbols> symbols = ElfSymbols::Read(MemoryFile(builder.Build()), "test");
  EXPECT_TRUE(symbols.has_value()) << symbols.error().Message();
  return std::move(symbols).value();
}

std::string NameAt(const ElfSymbols& symbols, uint64_t offset) {
  return symbols.FindByAddress(kText + offset).value_or("(none)");
}

TEST(ElfSymbols, FindsTheFunctionThatHoldsTheAddress) {
  ElfBuilder builder(0x100);
  builder.AddFunction("first", 0x10, 0x20);
  builder.AddFunction("second", 0x40, 0x10);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(symbols.size(), 2u);
  EXPECT_EQ(NameAt(symbols, 0x0f), "(none)");
  EXPECT_EQ(NameAt(symbols, 0x10), "first");
  EXPECT_EQ(NameAt(symbols, 0x2f), "first");
  EXPECT_EQ(NameAt(symbols, 0x30), "(none)");
  EXPECT_EQ(NameAt(symbols, 0x40), "second");
  EXPECT_EQ(NameAt(symbols, 0x4f), "second");
  EXPECT_EQ(NameAt(symbols, 0x50), "(none)");
}

TEST(ElfSymbols, TurnsFileOffsetsIntoAddresses) {
  ElfBuilder builder(0x100);
  builder.AddFunction("first", 0x10, 0x20);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(symbols.AddressOfFileOffset(ElfBuilder::kTextOffset + 0x12), kText + 0x12);
  EXPECT_EQ(symbols.FindByFileOffset(ElfBuilder::kTextOffset + 0x12), "first");
  EXPECT_EQ(symbols.AddressOfFileOffset(0x10), std::nullopt);
  EXPECT_EQ(symbols.AddressOfFileOffset(ElfBuilder::kTextOffset + 0x100), std::nullopt);
}

TEST(ElfSymbols, FunctionWithoutSizeReachesToTheNextOrTheEndOfItsSection) {
  ElfBuilder builder(0x100);
  builder.AddFunction("unsized", 0x10, 0);
  builder.AddFunction("sized", 0x20, 0x10);
  builder.AddFunction("last", 0x80, 0);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(NameAt(symbols, 0x10), "unsized");
  EXPECT_EQ(NameAt(symbols, 0x1f), "unsized");
  EXPECT_EQ(NameAt(symbols, 0x20), "sized");
  EXPECT_EQ(NameAt(symbols, 0x30), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xff), "last");
  EXPECT_EQ(NameAt(symbols, 0x100), "(none)");
}

TEST(ElfSymbols, InnermostOfNestedFunctionsWins) {
  ElfBuilder builder(0x100);
  builder.AddFunction("outer", 0x00, 0x80);
  builder.AddFunction("inner", 0x20, 0x10);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(NameAt(symbols, 0x1f), "outer");
  EXPECT_EQ(NameAt(symbols, 0x28), "inner");
  EXPECT_EQ(NameAt(symbols, 0x30), "outer");
  EXPECT_EQ(NameAt(symbols, 0x7f), "outer");
}

TEST(ElfSymbols, AliasesAreChosenByVisibilityUnderscoresBindingLengthAlphabet) {
  ElfBuilder builder(0x100);
  builder.AddFunction("a", 0x00, 8, STB_LOCAL);
  builder.AddFunction("__libc_read", 0x00, 8);
  builder.AddFunction("read", 0x00, 8, STB_WEAK);
  builder.AddFunction("_x", 0x10, 8);
  builder.AddFunction("plain_and_long", 0x10, 8);
  builder.AddFunction("weak", 0x20, 8, STB_WEAK);
  builder.AddFunction("global", 0x20, 8);
  builder.AddFunction("shorter", 0x30, 8);
  builder.AddFunction("short", 0x30, 8);
  builder.AddFunction("bbb", 0x40, 8);
  builder.AddFunction("aaa", 0x40, 8);
  builder.AddFunction("__weak", 0x50, 8, STB_WEAK);
  builder.AddFunction("w", 0x50, 8, STB_LOCAL);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(NameAt(symbols, 0x04), "read");
  EXPECT_EQ(NameAt(symbols, 0x14), "plain_and_long");
  EXPECT_EQ(NameAt(symbols, 0x24), "global");
  EXPECT_EQ(NameAt(symbols, 0x34), "short");
  EXPECT_EQ(NameAt(symbols, 0x44), "aaa");
  EXPECT_EQ(NameAt(symbols, 0x54), "__weak");
}

TEST(ElfSymbols, DynamicSymbolsFillWhatSymtabLacks) {
  ElfBuilder builder(0x100);
  builder.AddFunction("from_symtab", 0x00, 0x10);
  builder.AddDynamicFunction("f", 0x00, 0x10);  // would win as an alias: it is shorter
  builder.AddDynamicFunction("only_dynamic", 0x20, 0x10);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(symbols.size(), 2u);
  EXPECT_EQ(NameAt(symbols, 0x00), "from_symtab");
  EXPECT_EQ(NameAt(symbols, 0x20), "only_dynamic");
}

TEST(ElfSymbols, OnlyFunctionsThatAreDefinedCount) {
  ElfBuilder builder(0x100);
  builder.AddFunction("object", 0x00, 0x10, STB_GLOBAL, STT_OBJECT);
  builder.AddFunction("label", 0x00, 0x10, STB_GLOBAL, STT_NOTYPE);
  builder.AddFunction("chosen_at_run_time", 0x10, 0x10, STB_GLOBAL, STT_GNU_IFUNC);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(symbols.size(), 1u);
  EXPECT_EQ(NameAt(symbols, 0x18), "chosen_at_run_time");
}

TEST(ElfSymbols, VersionsAreCutOffAndLongNamesKept) {
  const std::string long_name(5000, 'n');
  ElfBuilder builder(0x100);
  builder.AddFunction("memcpy@@GLIBC_2.14", 0x00, 0x10);
  builder.AddFunction(long_name, 0x10, 0x10);
  builder.AddFunction(std::string(40000, 'x'), 0x20, 0x10);
  const ElfSymbols symbols = ReadOrDie(builder);
  EXPECT_EQ(NameAt(symbols, 0x00), "memcpy");
  EXPECT_EQ(NameAt(symbols, 0x10), long_name);
  EXPECT_EQ(NameAt(symbols, 0x20).size(), 16u * 1024);
}

TEST(ElfSymbols, TellsTheBuildId) {
  ElfBuilder builder(0x10);
  EXPECT_EQ(ReadOrDie(builder).build_id(), "");
  builder.SetBuildId("\x01\xab\xff");
  EXPECT_EQ(ReadOrDie(builder).build_id(), "01abff");
}

TEST(ElfSymbols, RefusesWhatIsNoElfFile) {
  const auto text = ElfSymbols::Read(MemoryFile("#!/bin/sh\nexit 0\n"), "/bin/script");
  ASSERT_FALSE(text.has_value());
  EXPECT_THAT(text.error().Message(), HasSubstr("/bin/script: not an ELF file"));
  EXPECT_FALSE(ElfSymbols::Read(MemoryFile(""), "empty").has_value());

  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd writer(ends[1]);
  const auto fifo = ElfSymbols::Read(UniqueFd(ends[0]), "pipe");
  ASSERT_FALSE(fifo.has_value());
  EXPECT_THAT(fifo.error().Message(), HasSubstr("regular files only"));

  std::string other_order = ElfBuilder(0x10).Build();
  other_order[EI_DATA] = ELFDATA2MSB;
  EXPECT_FALSE(ElfSymbols::Read(MemoryFile(other_order), "big endian").has_value());
}

TEST(ElfSymbols, RefusesHugeFiles) {
  UniqueFd fd = MemoryFile(ElfBuilder(0x10).Build());
  ASSERT_EQ(ftruncate(fd.get(), (2LL << 30) + 1), 0);
  const auto symbols = ElfSymbols::Read(std::move(fd), "huge");
  ASSERT_FALSE(symbols.has_value());
  EXPECT_THAT(symbols.error().Message(), HasSubstr("larger than 2 GiB"));
}

TEST(ElfSymbols, SurvivesAFileThatShrinksLater) {
  ElfBuilder builder(0x100);
  builder.AddFunction("gone_soon", 0x00, 0x10);
  UniqueFd fd = MemoryFile(builder.Build());
  const UniqueFd same(dup(fd.get()));
  Result<ElfSymbols> symbols = ElfSymbols::Read(std::move(fd), "shrinking");
  ASSERT_TRUE(symbols.has_value());
  EXPECT_EQ(NameAt(*symbols, 0), "gone_soon");
  ASSERT_EQ(ftruncate(same.get(), 0), 0);
  EXPECT_EQ(NameAt(*symbols, 0), "(none)");
}

}  // namespace
}  // namespace twofold
