#include "recorder/names/kernel_symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/recorder/temporary_file.h"

namespace twofold {
namespace {

using testing::HasSubstr;

class KernelSymbolsTest : public testing::Test {
 protected:
  KernelSymbols Load(const std::string& text) {
    Result<KernelSymbols> symbols = KernelSymbols::Load(directory_.Write("kallsyms", text));
    EXPECT_TRUE(symbols.has_value()) << symbols.error().Message();
    return std::move(symbols).value();
  }

  static std::string NameAt(const KernelSymbols& symbols, uint64_t address) {
    const auto hit = symbols.Find(address);
    if (!hit) return "(none)";
    std::string text(hit->name);
    if (!hit->module.empty()) text += " [" + std::string(hit->module) + "]";
    return text + "+" + std::to_string(hit->offset);
  }

  TemporaryDirectory directory_;
};

TEST_F(KernelSymbolsTest, FindsTheSymbolAtOrBeforeAnAddress) {
  const KernelSymbols symbols = Load(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000100 T first\n"
      "ffffffff81000200 t second\n"
      "ffffffff81000300 T _etext\n");
  EXPECT_EQ(NameAt(symbols, 0xffffffff810000ff), "_stext+255");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000100), "first+0");
  EXPECT_EQ(NameAt(symbols, 0xffffffff810001ff), "first+255");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000200), "second+0");
  EXPECT_EQ(NameAt(symbols, 0xffffffff810002ff), "second+255");
}

TEST_F(KernelSymbolsTest, OutsideOfKernelTextNothingIsFound) {
  const KernelSymbols symbols = Load(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000100 T first\n"
      "ffffffff81000300 T _etext\n"
      "ffffffff81000400 T __indirect_thunk_somewhere\n"
      "ffffffff82000000 T _sinittext\n"
      "ffffffff82000010 t set_up\n"
      "ffffffff82000100 T _einittext\n"
      "ffffffff83000000 D jiffies\n");
  EXPECT_EQ(NameAt(symbols, 0), "(none)");
  EXPECT_EQ(NameAt(symbols, 0x401000), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff80ffffff), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000300), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000404), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff82000018), "set_up+8");
  EXPECT_EQ(NameAt(symbols, 0xffffffff82000100), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff83000004), "(none)");
  EXPECT_EQ(NameAt(symbols, UINT64_MAX), "(none)");
}

TEST_F(KernelSymbolsTest, AliasesAreChosenByKindThenLengthThenAlphabet) {
  const KernelSymbols symbols = Load(
      "ffffffff81000000 t a\n"
      "ffffffff81000000 W b\n"
      "ffffffff81000000 T long_but_global\n"
      "ffffffff81000100 W weak\n"
      "ffffffff81000100 t local_name\n"
      "ffffffff81000200 T __memcpy\n"
      "ffffffff81000200 T memcpy\n"
      "ffffffff81000200 T __pi_memcpy\n"
      "ffffffff81000300 T bbb\n"
      "ffffffff81000300 T aaa\n");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000001), "long_but_global+1");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000101), "local_name+1");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000201), "memcpy+1");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000301), "aaa+1");
  EXPECT_EQ(symbols.AddressOf("__pi_memcpy"), 0xffffffff81000200);
  EXPECT_EQ(symbols.AddressOf("b"), 0xffffffff81000000);
  EXPECT_EQ(symbols.AddressOf("memcp"), std::nullopt);
}

TEST_F(KernelSymbolsTest, ModulesAndProgramsKeepTheirNames) {
  const KernelSymbols symbols = Load(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000300 T _etext\n"
      "ffffffffc0201000 t read_block\t[ext4]\n"
      "ffffffffc0201800 d ext4_table\t[ext4]\n"
      "ffffffffc0202000 T send\t[net driver]\n"
      "ffffffffc0300000 t bpf_prog_6deef7357e7b4530_count\t[bpf]\n"
      "ffffffffc0300100 t bpf_trampoline_6442532237\t[bpf]\n");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0201010), "read_block [ext4]+16");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0201810), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0202001), "send [net driver]+1");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0300004), "bpf_prog_6deef7357e7b4530_count [bpf]+4");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0300104), "bpf_trampoline_6442532237 [bpf]+4");
  // The last one reaches 256 KiB at most.
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0300100 + 256 * 1024), "(none)");
}

TEST_F(KernelSymbolsTest, DataPaddingAndAbsoluteValuesAreLeftOut) {
  const KernelSymbols symbols = Load(
      "0000000000000000 A fixed_percpu_data\n"
      "0000000000001000 A cpu_debug_store\n"
      "ffffffff81000000 T _stext\n"
      "ffffffff810000f0 t __pfx_first\n"
      "ffffffff81000100 T first\n"
      "ffffffff81000180 t $x\n"
      "ffffffff810001f0 t __cfi_second\n"
      "ffffffff81000200 t second\n"
      "ffffffff81000300 T _etext\n");
  EXPECT_EQ(symbols.size(), 4u);
  EXPECT_EQ(NameAt(symbols, 0x1004), "(none)");
  EXPECT_EQ(NameAt(symbols, 0xffffffff810001f8), "first+248");
}

TEST_F(KernelSymbolsTest, GarbageIsSkipped) {
  const KernelSymbols symbols = Load(
      "\n \nnonsense\nfffffffffffffffff T too_many_digits\n"
      "ffffffff8100zz00 T bad_digit\n"
      "ffffffff81000000 T\n"
      "ffffffff81000000  T two_blanks\n"
      "ffffffff81000000 T bad_module\tmodule\n" +
      std::string(200'000, 'x') + "\n" +
      "ffffffff81000100 T good\n"
      "ffffffff81000200 T without_newline");
  EXPECT_EQ(symbols.size(), 2u);
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000104), "good+4");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000204), "without_newline+4");
}

TEST_F(KernelSymbolsTest, UnsortedFilesAreSorted) {
  const KernelSymbols symbols = Load(
      "ffffffff81000200 T second\n"
      "ffffffff81000100 T first\n");
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000110), "first+16");
}

// Reading happens in chunks: no line may be lost or cut where one ends.
TEST_F(KernelSymbolsTest, LinesAcrossChunksAreWhole) {
  std::string text;
  constexpr int kCount = 20'000;
  char line[64];
  for (int i = 0; i < kCount; ++i) {
    snprintf(line, sizeof line, "%016llx t function_%d\n", 0xffffffff81000000ULL + 16ULL * i, i);
    text += line;
  }
  const KernelSymbols symbols = Load(text);
  EXPECT_EQ(symbols.size(), size_t{kCount});
  for (int i = 0; i < kCount; ++i) {
    const auto hit = symbols.Find(0xffffffff81000000ULL + 16ULL * i);
    ASSERT_TRUE(hit.has_value());
    ASSERT_EQ(hit->name, "function_" + std::to_string(i));
  }
}

TEST_F(KernelSymbolsTest, HiddenAddressesAreAnErrorThatNamesTheWayOut) {
  const auto hidden = KernelSymbols::Load(directory_.Write("hidden",
                                                           "0000000000000000 T _stext\n"
                                                           "0000000000000000 t first\n"));
  ASSERT_FALSE(hidden.has_value());
  EXPECT_THAT(hidden.error().Message(), HasSubstr("kernel.kptr_restrict"));
  EXPECT_THAT(hidden.error().Message(), HasSubstr("root"));
}

TEST_F(KernelSymbolsTest, MissingAndEmptyFilesAreErrors) {
  const auto missing = KernelSymbols::Load(directory_.path() + "/none");
  ASSERT_FALSE(missing.has_value());
  EXPECT_THAT(missing.error().Message(), HasSubstr("No such file"));
  EXPECT_FALSE(KernelSymbols::Load(directory_.Write("empty", "")).has_value());
  EXPECT_FALSE(KernelSymbols::Load(directory_.path()).has_value());
}

TEST_F(KernelSymbolsTest, ReloadSeesWhatIsNewAndKeepsTheOldOnError) {
  KernelSymbols symbols = Load("ffffffff81000100 T first\n");
  directory_.Write("kallsyms",
                   "ffffffff81000100 T first\n"
                   "ffffffffc0201000 t later\t[module]\n");
  symbols.Reload();
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0201001), "later [module]+1");
  directory_.Write("kallsyms", "0000000000000000 T first\n");
  symbols.Reload();
  EXPECT_EQ(NameAt(symbols, 0xffffffff81000101), "first+1");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0201001), "later [module]+1");
}

TEST_F(KernelSymbolsTest, AnnouncedProgramsAreKnownUntilTheirPlaceIsTaken) {
  KernelSymbols symbols = Load(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000300 T _etext\n"
      "ffffffffc0001000 t neighbour\t[driver]\n");
  symbols.AddProgram(0xffffffffc0002000, 0x100, "bpf_prog_1_count");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0001fff), "neighbour [driver]+4095");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002010), "bpf_prog_1_count [bpf]+16");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002100), "neighbour [driver]+4352");
  symbols.RemoveProgram(0xffffffffc0002000);
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002010), "bpf_prog_1_count [bpf]+16");
  symbols.AddProgram(0xffffffffc0001f80, 0x90, "bpf_prog_2_count");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002008), "bpf_prog_2_count [bpf]+136");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002010), "neighbour [driver]+4112");
  symbols.AddProgram(0xffffffffc0003000, 0x10, "bpf_prog_3_count");
  symbols.RemoveProgram(0xffffffffc0003000);
  symbols.Reload();
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0002008), "bpf_prog_2_count [bpf]+136");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0003000), "neighbour [driver]+8192");
  symbols.AddProgram(UINT64_MAX, 2, "nonsense");
  symbols.AddProgram(0xffffffffc0004000, 0, "nothing");
  EXPECT_EQ(NameAt(symbols, 0xffffffffc0004000), "neighbour [driver]+12288");
}

TEST_F(KernelSymbolsTest, ModulesThatComeAreNoticed) {
  const std::string symbols_path = directory_.Write("kallsyms",
                                                    "ffffffff81000000 T _stext\n"
                                                    "ffffffff81000300 T _etext\n"
                                                    "ffffffffc0001000 t old_one\t[driver]\n");
  const std::string modules_path =
      directory_.Write("modules", "driver 16384 0 - Live 0xffffffffc0001000\n");
  Result<KernelSymbols> symbols = KernelSymbols::Load(symbols_path, modules_path);
  ASSERT_TRUE(symbols.has_value());
  EXPECT_FALSE(symbols->FollowModules());
  // Used once more.
  directory_.Write("modules", "driver 16384 1 - Live 0xffffffffc0001000 (E)\n");
  EXPECT_FALSE(symbols->FollowModules());
  EXPECT_EQ(NameAt(*symbols, 0xffffffffc0005010), "old_one [driver]+16400");
  directory_.Write("kallsyms",
                   "ffffffff81000000 T _stext\n"
                   "ffffffff81000300 T _etext\n"
                   "ffffffffc0001000 t old_one\t[driver]\n"
                   "ffffffffc0005000 t new_one\t[other]\n");
  directory_.Write("modules",
                   "other 16384 0 - Live 0xffffffffc0005000\n"
                   "driver 16384 1 - Live 0xffffffffc0001000 (E)\n");
  EXPECT_TRUE(symbols->FollowModules());
  EXPECT_FALSE(symbols->FollowModules());
  EXPECT_EQ(NameAt(*symbols, 0xffffffffc0005010), "new_one [other]+16");
}

}  // namespace
}  // namespace twofold
