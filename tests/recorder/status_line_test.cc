#include "recorder/cli/status_line.h"

#include <gtest/gtest.h>

#include "format/base/units.h"

namespace twofold {
namespace {

TEST(StatusText, TellsTimeStacksSizeCostAndLosses) {
  const Status status{.elapsed_s = 12.3,
                      .stacks = 1234,
                      .file_bytes = 84 * 1024,
                      .cost_percent = 0.314,
                      .losses = 0};
  EXPECT_EQ(StatusText(status, 80),
            "12 s  1,234 stacks  84.0 KiB  cost 0.31 % of one CPU  no losses");
}

TEST(StatusText, CountsLosses) {
  EXPECT_NE(StatusText(Status{.losses = 1234567}, 80).find("1,234,567 losses"), std::string::npos);
}

TEST(StatusText, NeverWrapsANarrowTerminal) {
  const Status status{.elapsed_s = 600000,
                      .stacks = 123456789,
                      .file_bytes = 1ULL << 40,
                      .cost_percent = 100,
                      .losses = 123456789};
  EXPECT_EQ(StatusText(status, 40).size(), 40u);
  EXPECT_EQ(StatusText(status, 0), "");
}

TEST(FormatCount, GroupsThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567890), "1,234,567,890");
}

TEST(BytesText, ChoosesTheUnit) {
  EXPECT_EQ(BytesText(0), "0 B");
  EXPECT_EQ(BytesText(1023), "1023 B");
  EXPECT_EQ(BytesText(1536), "1.5 KiB");
  EXPECT_EQ(BytesText(5ULL << 20), "5.0 MiB");
}

}  // namespace
}  // namespace twofold
