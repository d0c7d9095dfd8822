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
  const Summary summary{
      .processes = 1, .path = "x", .cost = {}, .limit = {.missed_at_permyriad = 250}};
  Options options;
  options.max_overhead_permyriad = 100;
  EXPECT_THAT(SummaryText(summary, options), HasSubstr("Record a part of the host (-p, --cgroup)"));
  options.pids = {Pid(1)};
  EXPECT_THAT(SummaryText(summary, options), Not(HasSubstr("-p")));
  EXPECT_THAT(SummaryText(summary, options), HasSubstr("Allow more"));
}

TEST(Summary, AnEarlyEndIsTold) {
  Summary summary{.processes = 1,
                  .path = "x",
                  .cost = {},
                  .limit = {.missed_at_permyriad = 250, .stopped = true}};
  const std::string text = StoppedEarlyText(summary, Options());
  EXPECT_THAT(text, HasSubstr("Stopped early, as --or-stop asks: recording took 2.50 % of this "
                              "host's CPU time"));
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr(text));
  summary.limit.stopped = false;
  EXPECT_EQ(StoppedEarlyText(summary, Options()), "");
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr("Above the limit: for a time recording"));
}

TEST(Summary, WhatWasGivenUpIsCounted) {
  Summary summary{.processes = 1, .path = "x", .cost = {}, .limit = {.steps = 1}};
  EXPECT_THAT(
      SummaryText(summary, Options()),
      HasSubstr("Less detail: to keep to --max-overhead 1.00 % some was given up in 1 step; "
                "`twofold info x` lists them.\n"));
  summary.limit = {.steps = 3, .steps_taken_back = 2};
  EXPECT_THAT(SummaryText(summary, Options()),
              HasSubstr("given up in 3 steps and taken back in 2 steps;"));
  summary.limit = {};
  EXPECT_THAT(SummaryText(summary, Options()), Not(HasSubstr("max-overhead")));
}

TEST(Summary, CostIsAShareOnlyOfASecondAndMoreAndStartingUpIsNone) {
  Summary summary{.seconds = 0.02,
                  .cpus = 2,
                  .processes = 1,
                  .path = "x",
                  .cost = {.user_ns = 150'000'000, .startup_ns = 350'000'000}};
  EXPECT_THAT(SummaryText(summary, Options()), Not(HasSubstr("%")));
  summary.seconds = 10;
  EXPECT_THAT(SummaryText(summary, Options()),
              HasSubstr("Own cost: 0.15 s of CPU (1.50 % of one CPU, 0.75 % of the host), and "
                        "0.35 s to start up; "));
}

TEST(Summary, OneIsOne) {
  Summary summary{.processes = 1, .stacks = 1, .path = "x", .cost = {}};
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr(": 1 process, 1 stack, "));
  summary.processes = 2;
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr(": 2 processes, 1 stack, "));
}

TEST(Summary, ALateIntervalIsTold) {
  Summary summary{.processes = 1, .path = "x", .cost = {}, .latest_ns = 49'000'000};
  EXPECT_THAT(SummaryText(summary, Options()), Not(HasSubstr("after its end")));
  summary.latest_ns = 340'000'000;
  EXPECT_THAT(SummaryText(summary, Options()), HasSubstr("an interval was read 340 ms after its"));
}

}  // namespace
}  // namespace twofold
