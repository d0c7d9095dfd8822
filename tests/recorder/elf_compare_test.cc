// Names compared with what nm and addr2line say about real programs.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "recorder/parser/elf_symbols.h"
#include "tests/recorder/binutils.h"
#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

class ElfCompare : public testing::TestWithParam<const char*> {
 protected:
  std::string path() const { return std::string(TWOFOLD_NAMES_DIR "/") + GetParam(); }
  bool is_stripped() const { return std::string(GetParam()) == "names_stripped"; }
  ElfSymbols Read() const {
    Result<ElfSymbols> symbols =
        ElfSymbols::Read(UniqueFd(open(path().c_str(), O_RDONLY | O_CLOEXEC)), path());
    EXPECT_TRUE(symbols.has_value());
    return std::move(symbols).value();
  }
};

TEST_P(ElfCompare, EveryAddressOfEveryFunctionHasANameThatNmKnowsThere) {
  const ElfSymbols symbols = Read();
  const auto functions = NmFunctions(path(), is_stripped());
  ASSERT_GE(functions.size(), 5u);
  size_t checked = 0;
  for (const auto& [wanted_name, wanted] : functions) {
    const NmSymbol function = wanted;
    for (uint64_t i = 0; i < function.size_bytes; ++i) {
      const auto name = symbols.FindByAddress(function.address + i);
      ASSERT_TRUE(name.has_value()) << wanted_name << "+" << i;
      const auto [first, last] = functions.equal_range(*name);
      const bool is_there = std::any_of(
          first, last, [&](const auto& entry) { return entry.second.address == function.address; });
      EXPECT_TRUE(is_there) << *name << " instead of " << wanted_name;
      ++checked;
    }
  }
  EXPECT_GE(checked, 50u);
}

// addr2line reads no dynamic symbols.
class ElfCompareUnstripped : public ElfCompare {};

TEST_P(ElfCompareUnstripped, AgreesWithAddr2lineOnTheFunctionsBegin) {
  const ElfSymbols symbols = Read();
  const auto functions = NmFunctions(path(), false);
  std::vector<uint64_t> addresses;
  std::ostringstream input;
  for (const auto& [name, function] : functions) {
    if (function.size_bytes == 0) continue;
    const uint64_t step = std::max<uint64_t>(3, function.size_bytes / 8);
    for (uint64_t i = 0; i < function.size_bytes; i += step) {
      addresses.push_back(function.address + i);
    }
    addresses.push_back(function.address + function.size_bytes - 1);
  }
  for (const uint64_t address : addresses) input << "0x" << std::hex << address << '\n';
  const TemporaryDirectory directory;
  const std::string input_path = directory.Write("addresses", input.str());
  std::istringstream lines(RunCommand("addr2line -f -e " + path() + " < " + input_path));
  std::string theirs;
  std::string source;
  for (const uint64_t address : addresses) {
    ASSERT_TRUE(std::getline(lines, theirs));
    ASSERT_TRUE(std::getline(lines, source));
    const std::string ours = symbols.FindByAddress(address).value_or("(none)");
    if (ours == theirs) continue;
    // They may be aliases.
    const auto [our_first, our_last] = functions.equal_range(ours);
    const auto [their_first, their_last] = functions.equal_range(theirs);
    bool are_aliases = false;
    for (auto a = our_first; a != our_last; ++a) {
      for (auto b = their_first; b != their_last; ++b) {
        are_aliases = are_aliases || a->second.address == b->second.address;
      }
    }
    EXPECT_TRUE(are_aliases) << std::hex << address << ": " << ours << " or " << theirs;
  }
}

TEST_P(ElfCompare, KnownFunctionsHaveTheirNames) {
  const ElfSymbols symbols = Read();
  const auto functions = NmFunctions(path(), is_stripped());
  const auto found = [&](const std::string& name) {
    const auto function = functions.find(name);
    EXPECT_NE(function, functions.end()) << name;
    if (function == functions.end()) return std::string();
    return symbols.FindByAddress(function->second.address).value_or("(none)");
  };
  EXPECT_EQ(found("plain_global"), "plain_global");
  EXPECT_EQ(found("weak_only"), "weak_only");
  EXPECT_EQ(found("__decorated_name"), "decorated_name");
  EXPECT_EQ(found("a_weak_name"), "decorated_name");
  EXPECT_EQ(found("indirect_choice"), "indirect_choice");
  EXPECT_EQ(found("__indirect_choice"), "indirect_choice");
  if (is_stripped()) return;
  EXPECT_EQ(found("a_local_name"), "decorated_name");
  EXPECT_EQ(found("local_one"), "local_one");
  EXPECT_EQ(found("choose"), "indirect_choice");  // its resolver is at the same address
  EXPECT_EQ(found("real_choice"), "real_choice");
  EXPECT_EQ(found("main"), "main");
}

TEST_P(ElfCompare, FunctionWithoutSizeIsFound) {
  const ElfSymbols symbols = Read();
  std::istringstream lines(
      RunCommand("nm --defined-only " + std::string(is_stripped() ? "-D " : "") + path()));
  std::string line;
  uint64_t address = 0;
  while (std::getline(lines, line)) {
    if (line.find(" unsized_function") != std::string::npos) {
      address = std::stoull(line, nullptr, 16);
    }
  }
  ASSERT_NE(address, 0u);
  EXPECT_EQ(symbols.FindByAddress(address), "unsized_function");
  EXPECT_EQ(symbols.FindByAddress(address + 8), "unsized_function");
}

TEST_P(ElfCompare, BuildIdIsThatOfReadelf) {
  const std::string notes = RunCommand("readelf -n " + path());
  EXPECT_NE(notes.find("Build ID: " + Read().build_id()), std::string::npos);
  EXPECT_EQ(Read().build_id().size(), 40u);
}

INSTANTIATE_TEST_SUITE_P(Programs, ElfCompare,
                         testing::Values("names_pie", "names_fixed", "names_stripped"),
                         [](const auto& info) { return std::string(info.param); });

INSTANTIATE_TEST_SUITE_P(Programs, ElfCompareUnstripped,
                         testing::Values("names_pie", "names_fixed", "names_calls",
                                         "names_calls_fixed", "names_calls_static",
                                         "names_calls_static_pie", "names_cpp"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace twofold
