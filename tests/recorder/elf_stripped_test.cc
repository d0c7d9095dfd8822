// Stripped programs whose names are elsewhere: compressed in .gnu_debugdata, or in a debug file.
// The known answer is the same program before it was stripped, whose names
// recorder/elf_compare_test.cc and elf_plt_test.cc compare with what binutils say.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/binutils.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

using testing::HasSubstr;

UniqueFd Open(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

ElfSymbols Read(const std::string& path) {
  Result<ElfSymbols> symbols = ElfSymbols::Read(Open(path), path);
  EXPECT_TRUE(symbols.has_value()) << path;
  return std::move(symbols).value();
}

// Names by address: the start, the middle and the last byte of every function that nm knows, and of
// every entry of the PLT.
std::map<uint64_t, std::string> NamesOf(const std::string& original, const ElfSymbols& symbols) {
  std::map<uint64_t, std::string> names;
  const auto add = [&](uint64_t address) {
    names[address] = symbols.FindByAddress(address).value_or("(none)");
  };
  for (const auto& [name, symbol] : NmFunctions(original, false)) {
    add(symbol.address);
    add(symbol.address + symbol.size_bytes / 2);
    if (symbol.size_bytes != 0) add(symbol.address + symbol.size_bytes - 1);
  }
  for (const char* section : {".plt", ".plt.got", ".plt.sec"}) {
    const SectionPlace plt = ReadelfSection(original, section);
    for (uint64_t at = 0; at < plt.size_bytes; ++at) add(plt.address + at);
  }
  return names;
}

class ElfStripped : public testing::TestWithParam<const char*> {
 protected:
  std::string original() const { return std::string(TWOFOLD_NAMES_DIR "/") + GetParam(); }
  // Without the directory and what CMake adds to libraries.
  std::string stripped(const std::string& kind) const {
    std::string name = GetParam();
    if (name.starts_with("lib")) name = name.substr(3, name.size() - 6);
    return TWOFOLD_NAMES_DIR "/" + name + "." + kind;
  }
};

TEST_P(ElfStripped, DebugFileNamesEverythingAgain) {
  const ElfSymbols whole = Read(original());
  EXPECT_TRUE(whole.has_symtab());
  const auto wanted = NamesOf(original(), whole);
  EXPECT_GE(wanted.size(), 20u);
  for (const char* kind : {"link", "both"}) {  // both: the compressed symbols, too
    ElfSymbols symbols = Read(stripped(kind));
    EXPECT_FALSE(symbols.has_symtab());
    EXPECT_EQ(symbols.build_id(), whole.build_id());
    ASSERT_TRUE(symbols.debug_link().has_value());
    const std::string debug_path =
        std::filesystem::path(original()).parent_path() / symbols.debug_link()->file_name;
    EXPECT_EQ(debug_path, stripped(kind) + ".debug");
    const Result<void> added = symbols.AddDebugFile(Open(debug_path), debug_path);
    ASSERT_TRUE(added.has_value()) << added.error().Message();
    EXPECT_EQ(NamesOf(original(), symbols), wanted) << kind;
  }
}

TEST_P(ElfStripped, CompressedSymbolsNameTheFunctionsThatTheyHold) {
  // find-debuginfo leaves out indirect functions, and weak ones that are not dynamic.
  const auto dynamic = NmFunctions(original(), true);
  std::map<uint64_t, std::string> kinds;
  for (const auto& [name, symbol] : NmFunctions(original(), false)) {
    kinds[symbol.address] += dynamic.contains(name) ? 'D' : symbol.type;
  }
  const ElfSymbols whole = Read(original());
  const ElfSymbols bare = Read(stripped("bare"));
  const ElfSymbols symbols = Read(stripped("mini"));
  EXPECT_FALSE(symbols.has_symtab());
  EXPECT_GT(symbols.size(), bare.size() + 3);
  size_t checked = 0;
  for (const auto& [name, symbol] : NmFunctions(original(), false)) {
    if (kinds[symbol.address].find_first_not_of("TtD") != std::string::npos) continue;
    for (const uint64_t address : {symbol.address, symbol.address + symbol.size_bytes / 2}) {
      EXPECT_EQ(symbols.FindByAddress(address), whole.FindByAddress(address)) << name;
      ++checked;
    }
  }
  EXPECT_GE(checked, 8u);
}

TEST_P(ElfStripped, PltOfDynamicProgramsNeedsNoSymtab) {
  const ElfSymbols whole = Read(original());
  const ElfSymbols bare = Read(stripped("bare"));
  for (const PltLabel& label : ObjdumpPlt(original())) {
    if (label.name.starts_with("*ABS*")) continue;  // of a function that only .symtab may name
    EXPECT_EQ(bare.FindByAddress(label.address), whole.FindByAddress(label.address));
    EXPECT_EQ(bare.FindByAddress(label.last), label.name);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, ElfStripped,
                         testing::Values("names_pie", "names_calls", "names_calls_now",
                                         "names_calls_fixed", "names_calls_static",
                                         "names_calls_static_pie", "names_calls_no_id", "names_cpp",
                                         "libnames_calls_library.so"));

TEST(ElfDebugFile, MustHaveTheBuildId) {
  ElfSymbols symbols = Read(TWOFOLD_NAMES_DIR "/names_calls.link");
  const size_t size = symbols.size();
  const std::string other = TWOFOLD_NAMES_DIR "/names_calls_now.link.debug";
  const Result<void> refused = symbols.AddDebugFile(Open(other), other);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().Message(), HasSubstr("another build id"));
  EXPECT_EQ(symbols.size(), size);
  // Nor does one without any do.
  const std::string none = TWOFOLD_NAMES_DIR "/names_calls_no_id.link.debug";
  EXPECT_FALSE(symbols.AddDebugFile(Open(none), none).has_value());
}

TEST(ElfDebugFile, WithoutABuildIdMustHaveTheChecksum) {
  ElfSymbols symbols = Read(TWOFOLD_NAMES_DIR "/names_calls_no_id.link");
  ASSERT_EQ(symbols.build_id(), "");
  std::string bytes = ReadWholeFile(TWOFOLD_NAMES_DIR "/names_calls_no_id.link.debug");
  bytes += '\0';
  const Result<void> refused = symbols.AddDebugFile(MemoryFile(bytes), "longer");
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().Message(), HasSubstr("another checksum"));
  bytes.pop_back();
  EXPECT_TRUE(symbols.AddDebugFile(MemoryFile(bytes), "right").has_value());
  EXPECT_FALSE(symbols.AddDebugFile(MemoryFile(bytes), "again").has_value());
}

TEST(ElfDebugFile, AStrippedFileIsNotItsOwnDebugFile) {
  const std::string path = TWOFOLD_NAMES_DIR "/names_calls.link";
  ElfSymbols symbols = Read(path);
  const size_t size = symbols.size();
  const Result<void> refused = symbols.AddDebugFile(Open(path), path);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().Message(), HasSubstr("names no functions"));
  EXPECT_EQ(symbols.size(), size);
  // The right one may still come.
  EXPECT_TRUE(symbols.AddDebugFile(Open(path + ".debug"), path).has_value());
  EXPECT_GT(symbols.size(), size);
}

TEST(ElfDebugFile, AFileWithSymbolsNeedsNone) {
  const std::string path = TWOFOLD_NAMES_DIR "/names_calls";
  ElfSymbols symbols = Read(path);
  EXPECT_FALSE(symbols.AddDebugFile(Open(path + ".link.debug"), path).has_value());
}

TEST(ElfDebugFile, WhatIsNoElfFileIsRefused) {
  ElfSymbols symbols = Read(TWOFOLD_NAMES_DIR "/names_calls.link");
  EXPECT_FALSE(symbols.AddDebugFile(MemoryFile("text"), "text").has_value());
  EXPECT_FALSE(symbols.AddDebugFile(MemoryFile(""), "empty").has_value());
  EXPECT_FALSE(symbols.AddDebugFile(Open("/dev/null"), "/dev/null").has_value());
}

}  // namespace
}  // namespace twofold
