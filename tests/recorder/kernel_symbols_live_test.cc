// The running kernel's own symbols.
#include <gtest/gtest.h>
#include <time.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "recorder/names/kernel_symbols.h"

namespace twofold {
namespace {

TEST(KernelSymbolsLive, EveryTextSymbolIsFoundAtItsAddress) {
  Result<KernelSymbols> symbols = KernelSymbols::Load();
  ASSERT_TRUE(symbols.has_value()) << symbols.error().Message();
  EXPECT_GT(symbols->size(), 10'000u);
  std::ifstream file("/proc/kallsyms");
  std::string line;
  uint64_t text_start = 0;
  uint64_t text_end = 0;
  std::vector<std::pair<uint64_t, std::string>> wanted;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string address_text;
    std::string type;
    std::string name;
    std::string module;
    fields >> address_text >> type >> name >> module;
    const uint64_t address = std::stoull(address_text, nullptr, 16);
    if (name == "_stext") text_start = address;
    if (name == "_etext") text_end = address;
    if (module.empty() && (type == "T" || type == "t") && !name.starts_with("__pfx_")) {
      wanted.emplace_back(address, name);
    }
  }
  ASSERT_NE(text_start, 0u);
  ASSERT_LT(text_start, text_end);
  size_t same_name = 0;
  size_t checked = 0;
  for (const auto& [address, name] : wanted) {
    if (address < text_start || address >= text_end) continue;
    const auto hit = symbols->Find(address);
    ASSERT_TRUE(hit.has_value()) << name;
    EXPECT_EQ(hit->offset, 0u) << name;  // or an alias of it
    EXPECT_TRUE(hit->module.empty());
    if (hit->name == name) ++same_name;
    ++checked;
  }
  EXPECT_GT(checked, 10'000u);
  EXPECT_GT(same_name, checked * 8 / 10);
}

TEST(KernelSymbolsLive, KnowsTheSchedulerAndNoUserAddress) {
  Result<KernelSymbols> symbols = KernelSymbols::Load();
  ASSERT_TRUE(symbols.has_value());
  const auto schedule = symbols->AddressOf("schedule");
  ASSERT_TRUE(schedule.has_value());
  const auto hit = symbols->Find(*schedule + 5);
  ASSERT_TRUE(hit.has_value());
  EXPECT_EQ(hit->name, "schedule");
  EXPECT_EQ(hit->offset, 5u);
  EXPECT_FALSE(symbols->Find(reinterpret_cast<uint64_t>(&hit)).has_value());
  EXPECT_FALSE(symbols->Find(0).has_value());
}

TEST(KernelSymbolsLive, TakesLittleMemory) {
  Result<KernelSymbols> symbols = KernelSymbols::Load();
  ASSERT_TRUE(symbols.has_value());
  EXPECT_LT(symbols->memory_bytes(), size_t{16} << 20);
  symbols->Reload();
  EXPECT_GT(symbols->size(), 10'000u);
}

}  // namespace
}  // namespace twofold
