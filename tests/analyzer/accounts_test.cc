// Accounts of threads: what they become in SQL, and what `twofold info` says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string Query(const std::string& capture, const std::string& query) {
  std::string path = WriteTemporary("accounts.twofold", capture);
  RunResult result = RunTwofold({"sql", "--csv", path, query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  return result.output;
}

TEST(AccountTable, HoldsEveryTimeUnderItsName) {
  CaptureMaker maker;
  maker.AddThread("first", 1);
  ThreadId thread = maker.AddThread("second", 2);
  maker.EndInterval();
  maker.AddAccount({.thread = thread,
                    .existed_ns = 1,
                    .user_ns = 1,
                    .system_ns = 1,
                    .on_cpu_ns = 20,
                    .woken_ns = 3,
                    .preempted_ns = 4,
                    .blocked_ns = {5, 6, 7, 8, 9, 10, 11}});
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Query(capture, "SELECT * FROM account"),
            "account_id,interval_id,thread_id,existed_ns,on_cpu_ns,user_ns,system_ns,unsampled_ns,"
            "woken_ns,preempted_ns,interruptible_ns,uninterruptible_ns,stopped_ns,traced_ns,"
            "parked_ns,idle_ns,other_ns\r\n"
            "1,2,2,1,20,10,10,20,3,4,5,6,7,8,9,10,11\r\n");
  EXPECT_EQ(Query(capture, "SELECT residue_ns FROM states"), "residue_ns\r\n82\r\n");
  EXPECT_EQ(Query(capture, "SELECT has_accounts FROM interval ORDER BY interval_id"),
            "has_accounts\r\n0\r\n1\r\n");
}

TEST(AccountTable, DividesCpuTimeAsTheEstimatesSayAndLosesNoNanosecond) {
  struct Case {
    uint64_t on_cpu_ns, user_ns, system_ns;
    std::string wanted;
  };
  const std::vector<Case> cases = {
      {10, 1, 2, "3,7"},       // 3.33 rounded down, the rest
      {10, 0, 5, "0,10"},      //
      {10, 5, 0, "10,0"},      //
      {10, 0, 0, ","},         // no tick hit it
      {0, 0, 0, "0,0"},        // nothing to divide
      {0, 4000000, 0, "0,0"},  // a tick that belongs to the interval before
      {3, 4000000, 4000000, "1,2"},
      // A product of more than 64 bits.
      {1ULL << 60, 1ULL << 60, 1ULL << 60, "576460752303423488,576460752303423488"},
  };
  for (const Case& c : cases) {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("a", 1);
    maker.AddAccount({.thread = thread,
                      .user_ns = c.user_ns,
                      .system_ns = c.system_ns,
                      .on_cpu_ns = c.on_cpu_ns});
    maker.EndInterval();
    std::string capture = maker.Finish();
    EXPECT_EQ(Query(capture, "SELECT user_ns, system_ns FROM account"),
              "user_ns,system_ns\r\n" + c.wanted + "\r\n");
    EXPECT_EQ(Query(capture, "SELECT user_ns, system_ns FROM states"),
              "user_ns,system_ns\r\n" + c.wanted + "\r\n");
  }
}

TEST(AccountTable, IsEmptyWithoutAccounts) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM account"), "n\r\n0\r\n");
  EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM states"), "n\r\n0\r\n");
}

std::string Info(const std::string& capture) {
  RunResult result = RunTwofold({"info", WriteTemporary("accounts.twofold", capture)});
  EXPECT_EQ(result.status, 0) << result.words;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  size_t start = result.output.find("\nAccounting\n");
  if (start == std::string::npos) return "";
  return result.output.substr(start + 1, result.output.find("\n\n", start) - start);
}

TEST(InfoAccounting, SaysHowCloselyTimesAddUpAndWhereTheyWent) {
  CaptureMaker maker;
  ThreadId one = maker.AddThread("one", 1);
  ThreadId two = maker.AddThread("two", 2);
  // 4 s in all; 27 ns too much in an interval of 1 s.
  maker.AddAccount({.thread = one,
                    .existed_ns = kSecondNs,
                    .on_cpu_ns = 500 * kMillisecondNs + 27,
                    .woken_ns = 100 * kMillisecondNs,
                    .preempted_ns = 400 * kMillisecondNs});
  maker.AddAccount({.thread = two,
                    .existed_ns = kSecondNs,
                    .blocked_ns = {kSecondNs - 600 * kMillisecondNs, 600 * kMillisecondNs}});
  maker.EndInterval();
  maker.AddAccount({.thread = one,
                    .existed_ns = kSecondNs,
                    .blocked_ns = {0, 0, 100 * kMillisecondNs, 200 * kMillisecondNs,
                                   300 * kMillisecondNs, 400 * kMillisecondNs}});
  maker.AddAccount(
      {.thread = two, .existed_ns = kSecondNs, .blocked_ns = {0, 0, 0, 0, 0, 0, kSecondNs - 5}});
  maker.EndInterval();
  EXPECT_EQ(Info(maker.Finish()),
            "Accounting\n"
            "  threads       2, which existed for 4.00 s in all\n"
            "  adds up       within 27 ns for every thread and interval, 0.000003 % of an\n"
            "                interval at most\n"
            "  existence     no longer than the intervals, for every thread\n"
            "  view cpu      500 ms, as the accounts tell (as recorded 0 s)\n"
            "  view offcpu   3.00 s, as the accounts tell (as recorded 0 s)\n"
            "    time   share  state\n"
            "  500 ms  12.5 %  on a CPU\n"
            "  100 ms   2.5 %  woken, waiting for a CPU\n"
            "  400 ms  10.0 %  preempted, waiting for a CPU\n"
            "  400 ms  10.0 %  blocked, S: asleep, waiting for an event\n"
            "  600 ms  15.0 %  blocked, D: waiting for a disk or a lock of the kernel\n"
            "  100 ms   2.5 %  blocked, T: stopped by a signal\n"
            "  200 ms   5.0 %  blocked, t: stopped by a debugger\n"
            "  300 ms   7.5 %  blocked, P: a parked kernel thread\n"
            "  400 ms  10.0 %  blocked, I: an idle kernel thread\n"
            "  1.00 s  25.0 %  blocked in another state\n");
}

TEST(InfoAccounting, WarnsOfTheThreadThatIsFurthestOff) {
  for (bool too_little : {false, true}) {
    CaptureMaker maker;
    ThreadId one = maker.AddThread("one", 1);
    maker.AddThread("two", 2);
    ThreadId worker = maker.AddSibling("work\x1b[2J", 7);
    uint64_t off_ns = 12 * kMillisecondNs;
    maker.AddAccount({.thread = one, .existed_ns = kSecondNs, .on_cpu_ns = kSecondNs - 2000000});
    maker.EndInterval();
    maker.AddAccount({.thread = worker,
                      .existed_ns = kSecondNs / 2,
                      .on_cpu_ns = too_little ? kSecondNs / 2 - off_ns : kSecondNs / 2 + off_ns});
    maker.EndInterval();
    std::string wanted =
        "  WARNING       does not add up: in interval 1, thread 7 (work\\x1b[2J) of\n"
        "                process 2 has 12.0 ms too ";
    EXPECT_THAT(Info(maker.Finish()),
                HasSubstr(wanted + (too_little ? "little" : "much") + " in its states, 1.2 % of"));
  }
}

TEST(InfoAccounting, ExactTimesAreSaidToBeExact) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("one", 1);
  maker.AddAccount({.thread = thread, .existed_ns = kSecondNs, .blocked_ns = {kSecondNs}});
  maker.EndInterval();
  EXPECT_EQ(Info(maker.Finish()),
            "Accounting\n"
            "  threads       1, which existed for 1.00 s in all\n"
            "  adds up       to the nanosecond, for every thread and interval\n"
            "  existence     no longer than the intervals, for every thread\n"
            "  view offcpu   1.00 s, as the accounts tell (as recorded 0 s)\n"
            "    time    share  state\n"
            "  1.00 s  100.0 %  blocked, S: asleep, waiting for an event\n");
}

// An account whose states add up to its existence.
Account Asleep(ThreadId thread, uint64_t time_ns) {
  return {.thread = thread, .existed_ns = time_ns, .blocked_ns = {time_ns}};
}

BlockedRow Blocked(ThreadId thread, StackId stack, uint64_t time_ns) {
  return {.thread = thread,
          .state = BlockState::kInterruptible,
          .user_stack = stack,
          .time_ns = time_ns,
          .count = 1,
          .samples = 1};
}

TEST(InfoAccounting, ExistenceIsComparedWithTheIntervals) {
  CaptureMaker whole;
  CaptureMaker too_long;
  CaptureMaker too_short;
  CaptureMaker missing;
  for (uint32_t interval = 0; interval < 3; ++interval) {
    for (CaptureMaker* maker : {&whole, &too_long, &too_short, &missing}) {
      static ThreadId thread;
      if (interval == 0) thread = maker->AddThread("one", 1);
      bool is_middle = interval == 1;
      uint64_t time_ns = kSecondNs;
      if (is_middle && maker == &too_long) time_ns = 1200 * kMillisecondNs;
      if (is_middle && maker == &too_short) time_ns = 200 * kMillisecondNs;
      if (is_middle && maker == &missing) {
        maker->interval().accounts.emplace();
      } else {
        maker->AddAccount(Asleep(thread, time_ns));
      }
      maker->EndInterval();
    }
  }
  EXPECT_THAT(Info(whole.Finish()),
              HasSubstr("\n  existence     as long as the intervals, for threads that were there "
                        "before and\n                after\n"));
  const std::string warning =
      "\n  WARNING       accounts do not add up: in interval 1, thread 1 (one) of process\n"
      "                1 ";
  EXPECT_THAT(Info(too_long.Finish()), HasSubstr(warning + "existed for 1.20 s of 1.00 s\n"));
  EXPECT_THAT(Info(too_short.Finish()),
              HasSubstr(warning + "existed for 200 ms of 1.00 s, and before and after\n"));
  EXPECT_THAT(Info(missing.Finish()),
              HasSubstr(warning + "has no account, but one before and one after\n"));
}

TEST(InfoAccounting, RowsOfViewsAreComparedWithAccounts) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("one", 1);
  maker.AddBlocked(Blocked(thread, maker.Stack({"f"}), 500 * kMillisecondNs));
  maker.AddAccount(Asleep(thread, 300 * kMillisecondNs));
  maker.EndInterval();
  std::string text = Info(maker.Finish());
  EXPECT_THAT(
      text,
      HasSubstr("\n  WARNING       the view offcpu does not add up: its rows tell 500 "
                "ms of blocked\n                time, 200 ms more than the accounts of the "
                "same threads:\n                accounts were lost, or time is in two rows\n"));
  EXPECT_THAT(text, HasSubstr("told 500 ms as recorded"));
}

TEST(InfoAccounting, WhatWasRecordedTwiceIsSaidThoughScaledRowsAddUp) {
  for (uint64_t samples : {95, 110, 200}) {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("one", 1);
    maker.Cpu(thread, maker.Stack({"f"}), StackId(), samples);
    maker.AddAccount({.thread = thread, .existed_ns = kSecondNs, .on_cpu_ns = kSecondNs});
    maker.EndInterval();
    std::string text = Info(maker.Finish());
    EXPECT_THAT(text, HasSubstr("\n  view cpu      1.00 s, as the accounts tell (as recorded "));
    auto warning = HasSubstr("\n  WARNING       the rows of the view cpu told 2.00 s as recorded");
    if (samples == 200) {
      EXPECT_THAT(text, warning);
    } else {
      EXPECT_THAT(text, ::testing::Not(HasSubstr("WARNING")));
    }
  }
}

// Accounts of threads that ended were lost: their time is told beside that of the others, and no
// sum is larger than what it is a part of.
TEST(InfoAccounting, ThreadsWithoutAnAccountAreToldOfByThemselves) {
  CaptureMaker maker;
  ThreadId with = maker.AddThread("with", 1);
  StackId stack = maker.Stack({"f"});
  maker.AddBlocked(Blocked(with, stack, kSecondNs));
  maker.AddAccount(Asleep(with, kSecondNs));
  for (uint32_t i = 0; i < 3; ++i) {
    maker.AddBlocked(Blocked(maker.AddThread("gone", 10 + i), stack, 700 * kMillisecondNs));
  }
  maker.Lose(LossCause::kAccountLost, LossSource::kRecorder, 3, 0);
  maker.EndInterval();
  std::string text = Info(maker.Finish());
  EXPECT_THAT(text, HasSubstr("\n  threads       1, which existed for 1.00 s in all\n"));
  EXPECT_THAT(text,
              HasSubstr("\n  view offcpu   1.00 s, as the accounts tell (as recorded 1.00 s)\n"
                        "                3 threads more without an account: 2.10 s of blocked "
                        "time in\n                rows alone\n"));
  EXPECT_THAT(text, HasSubstr("\n  blocked       1.00 s measured\n"));
}

TEST(InfoAccounting, IsLeftOutWithoutAccounts) {
  CaptureMaker maker;
  maker.AddThread("one", 1);
  maker.EndInterval();
  EXPECT_EQ(Info(maker.Finish()), "");
}

}  // namespace
}  // namespace twofold::testing
