// Names of PLT entries, compared with objdump's labels where it has any, and with the relocations
// that readelf lists where it has none: static programs, and other machines.
#include "recorder/parser/elf_plt.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/binutils.h"

namespace twofold {
namespace {

std::string PathOf(const std::string& name) { return TWOFOLD_NAMES_DIR "/" + name; }

ElfSymbols Read(const std::string& path) {
  Result<ElfSymbols> symbols =
      ElfSymbols::Read(UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)), path);
  EXPECT_TRUE(symbols.has_value()) << path;
  return std::move(symbols).value();
}

std::string NameAt(const ElfSymbols& symbols, uint64_t address) {
  return symbols.FindByAddress(address).value_or("(none)");
}

// Functions that a resolver at an address chooses, with "@plt".
std::vector<std::string> ChosenAt(const std::string& path, uint64_t resolver) {
  std::vector<std::string> names;
  for (const auto& [name, symbol] : NmFunctions(path, false)) {
    if (symbol.address == resolver && symbol.type == 'i') names.push_back(name + "@plt");
  }
  return names;
}

class ElfPlt : public testing::TestWithParam<const char*> {};

TEST_P(ElfPlt, EveryByteIsNamedAsObjdumpLabelsIt) {
  const std::string path = PathOf(GetParam());
  const ElfSymbols symbols = Read(path);
  const std::vector<PltLabel> labels = ObjdumpPlt(path);
  ASSERT_GE(labels.size(), 1u);
  constexpr std::string_view kResolver = "*ABS*+";
  for (const PltLabel& label : labels) {
    std::vector<std::string> wanted = {label.name};
    if (label.name.starts_with(kResolver)) {
      wanted = ChosenAt(path, std::stoull(label.name.substr(kResolver.size()), nullptr, 16));
      ASSERT_FALSE(wanted.empty()) << label.name;
    }
    for (uint64_t address = label.address; address <= label.last; ++address) {
      const std::string name = NameAt(symbols, address);
      EXPECT_NE(std::find(wanted.begin(), wanted.end(), name), wanted.end())
          << std::hex << address << ": " << name << " instead of " << label.name;
    }
  }
}

#ifdef __x86_64__
INSTANTIATE_TEST_SUITE_P(Programs, ElfPlt,
                         testing::Values("names_calls", "names_calls_now", "names_calls_fixed",
                                         "names_calls_ibt", "names_calls_no_id", "names_cpp",
                                         "libnames_calls_library.so", "names_pie", "names_fixed",
                                         "names_i386", "names_i386.so", "names_i386_gnu",
                                         "names_i386_gnu.so"));
#else
INSTANTIATE_TEST_SUITE_P(Programs, ElfPlt,
                         testing::Values("names_calls", "names_calls_now", "names_calls_fixed",
                                         "names_calls_no_id", "names_cpp",
                                         "libnames_calls_library.so"));
#endif

// objdump labels nothing in programs without dynamic symbols. Their entries lie in the order of
// their slots, of which the first is behind three reserved words.
struct StaticProgram {
  const char* name;
  uint64_t stub_bytes;
  uint64_t entry_bytes;
};

class ElfPltStatic : public testing::TestWithParam<StaticProgram> {};

TEST_P(ElfPltStatic, EntriesAreNamedAfterTheFunctionsThatResolversChoose) {
  const StaticProgram& program = GetParam();
  const std::string path = PathOf(program.name);
  const ElfSymbols symbols = Read(path);
  const SectionPlace plt = ReadelfSection(path, ".plt");
  const SectionPlace got = ReadelfSection(path, ".got.plt");
  const auto slots = ReadelfSlots(path);
  std::vector<std::string> names;
  for (uint64_t at = program.stub_bytes; at < plt.size_bytes; at += program.entry_bytes) {
    const uint64_t slot = got.address + (3 + names.size()) * 8;
    ASSERT_TRUE(slots.contains(slot)) << std::hex << slot;
    const auto wanted = ChosenAt(path, std::stoull(slots.at(slot), nullptr, 16));
    names.push_back(NameAt(symbols, plt.address + at));
    EXPECT_NE(std::find(wanted.begin(), wanted.end(), names.back()), wanted.end())
        << std::hex << plt.address + at << ": " << names.back();
    EXPECT_EQ(NameAt(symbols, plt.address + at + program.entry_bytes - 1), names.back());
  }
  EXPECT_GE(names.size(), 10u);
  EXPECT_NE(std::find(names.begin(), names.end(), "memcpy@plt"), names.end());
  EXPECT_NE(std::find(names.begin(), names.end(), "strlen@plt"), names.end());
}

#ifdef __x86_64__
INSTANTIATE_TEST_SUITE_P(Programs, ElfPltStatic,
                         testing::Values(StaticProgram{"names_calls_static", 0, 8},
                                         StaticProgram{"names_calls_static_pie", 16, 16}),
                         [](const auto& info) { return std::string(info.param.name); });
#else
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ElfPltStatic);
#endif

// lld lays the entries out in the order of their relocations, behind a stub of 32 bytes.
class ElfPltArm64 : public testing::TestWithParam<std::pair<const char*, uint64_t>> {};

TEST_P(ElfPltArm64, EntriesFollowTheirRelocations) {
  const auto& [program, entry_bytes] = GetParam();
  const std::string path = PathOf(program);
  const ElfSymbols symbols = Read(path);
  const SectionPlace plt = ReadelfSection(path, ".plt");
  constexpr uint64_t kStubBytes = 32;
  std::vector<std::string> names;
  for (const auto& [slot, name] : ReadelfSlots(path)) {
    if (name.starts_with("exported_")) names.push_back(name);
  }
  ASSERT_GE(names.size(), 1u);
  ASSERT_EQ(plt.size_bytes, kStubBytes + names.size() * entry_bytes);
  for (uint64_t at = 0; at < plt.size_bytes; ++at) {
    const std::string wanted =
        at < kStubBytes ? "(none)" : names[(at - kStubBytes) / entry_bytes] + "@plt";
    EXPECT_EQ(NameAt(symbols, plt.address + at), wanted) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, ElfPltArm64,
                         testing::Values(std::pair("names_arm64", 16),
                                         std::pair("names_arm64.so", 16),
                                         std::pair("names_arm64_bti", 24),
                                         std::pair("names_arm64_bti.so", 24)));

TEST(ElfPlt, TheStubThatAsksTheLoaderHasNoName) {
  const std::string path = PathOf("names_calls");
  const SectionPlace plt = ReadelfSection(path, ".plt");
  ASSERT_GE(plt.size_bytes, 32u);
  EXPECT_EQ(NameAt(Read(path), plt.address), "(none)");
  EXPECT_NE(NameAt(Read(path), plt.address + 16), "(none)");
}

TEST(ElfPlt, FunctionsOfThirtyTwoBitFilesAndOtherMachinesAreFound) {
  for (const char* program : {"names_i386.so", "names_arm64.so", "names_arm64_bti.so"}) {
    const std::string path = PathOf(program);
    const ElfSymbols symbols = Read(path);
    const auto functions = NmFunctions(path, true);
    ASSERT_EQ(functions.size(), 2u) << program;
    for (const auto& [name, symbol] : functions) {
      EXPECT_EQ(NameAt(symbols, symbol.address), name) << program;
      EXPECT_EQ(NameAt(symbols, symbol.address + symbol.size_bytes - 1), name) << program;
    }
  }
}

}  // namespace
}  // namespace twofold
