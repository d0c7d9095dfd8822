// The words that a recording ends with.
#include "recorder/cli/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace twofold {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Summary, TextOfTheUsersIsOneLineAndHarmless) {
  Summary summary{.processes = 1, .path = "a\nb\x1b[31m.twofold", .cost = {}, .losses = 2};
  const std::string text = SummaryText(summary, Options());
  EXPECT_THAT(text, HasSubstr(" in a\\x0ab\\x1b[31m.twofold.\n"));
  EXPECT_THAT(text, HasSubstr("`twofold info a\\x0ab\\x1b[31m.twofold` tells"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Summary, NarrowingIsAdvisedOnlyWhereTheWholeHostIsRecorded) {
  const Summary summary{.processes = 1, .path = "x", .cost = {}, .stopped_at_permyriad = 250};
  Options options;
  options.max_overhead_permyriad = 100;
  EXPECT_THAT(SummaryText(summary, options), HasSubstr("Record a part of the host (-p, --cgroup)"));
  options.pids = {Pid(1)};
  EXPECT_THAT(SummaryText(summary, options), Not(HasSubstr("-p")));
  EXPECT_THAT(SummaryText(summary, options), HasSubstr("Allow more"));
}

TEST(Summary, AnEarlyEndIsTold) {
  Summary summary{.processes = 1, .path = "x", .cost = {}, .stopped_at_permyriad = 250};
  const std::string text = StoppedEarlyText(summary, Options());
  EXPECT_THAT(text, HasSubstr("Stopped early: recording took 2.50 % of this host's CPU time"));
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr(text));
  summary.stopped_at_permyriad = 0;
  EXPECT_EQ(StoppedEarlyText(summary, Options()), "");
}

TEST(Summary, CostIsAShareOnlyOfASecondAndMore) {
  Summary summary{.seconds = 0.02, .processes = 1, .path = "x", .cost = {.user_ns = 150'000'000}};
  EXPECT_THAT(SummaryText(summary, Options()), Not(HasSubstr("%")));
  summary.seconds = 10;
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr("Own cost: 0.15 s of CPU (1.50 % of one"));
}

}  // namespace
}  // namespace twofold
