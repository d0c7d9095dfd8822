// What is chosen and what is not there: filters that match nothing, and what pictures say of where
// they are from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Service() {
  CaptureMaker maker;
  maker.recording().host.hostname = "web1";
  maker.recording().start_realtime_ns = 1769862605 * int64_t{1000000000};
  ThreadId postgres = maker.AddThread("postgres", 100);
  ThreadId nginx = maker.AddThread("nginx", 200, "nginx: worker");
  for (ThreadId thread : {postgres, nginx}) {
    maker.Cpu(thread, maker.Stack({"main", "work"}), StackId(), 10);
    maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"main"}),
                  maker.Stack({"k:pipe_read"}), 5000000);
    maker.AddAccount({.thread = thread, .existed_ns = kSecondNs, .on_cpu_ns = 100000000});
  }
  maker.EndInterval();
  return maker.Finish();
}

RunResult Twofold(std::vector<std::string> words) {
  words.push_back(WriteTemporary("service.twofold", Service()));
  return RunTwofold(words);
}

TEST(Filters, ThatMatchNothingFailInEveryCommandAndSuggestAName) {
  for (const char* command : {"fold", "flame", "table"}) {
    RunResult result = Twofold({command, "--comm", "postgers"});
    EXPECT_EQ(result.status, 1) << command;
    EXPECT_EQ(result.output, "") << command;
    EXPECT_EQ(result.words,
              "twofold: --comm: nothing in the capture matches 'postgers'. Perhaps 'postgres' is "
              "meant.\n");
  }
  RunResult result = Twofold({"export", "--format", "json", "--comm", "postgers"});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
}

TEST(Filters, ThatMatchNothingNameTheOneAtFault) {
  EXPECT_THAT(Twofold({"fold", "--comm", "nginx", "--pid", "7"}).words,
              HasSubstr("--pid: nothing"));
  EXPECT_THAT(Twofold({"fold", "--comm", "quite different"}).words,
              HasSubstr("'twofold table' lists processes and threads"));
  EXPECT_THAT(Twofold({"fold", "--from", "100"}).words,
              HasSubstr("--from: nothing in the capture matches '100'. 'twofold info' tells"));
  EXPECT_THAT(Twofold({"fold", "--capture", "web2"}).words, HasSubstr("Perhaps 'web1' is meant"));
  // Each of them matches something.
  RunResult result = Twofold({"fold", "--comm", "nginx", "--pid", "100"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("service.twofold: no time matches the filters"));
  result = Twofold({"fold", "--focus", "nowhere"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("no time matches the filters"));
}

TEST(Filters, ThatMatchNothingLeaveNoFile) {
  std::string path = TemporaryPath("nothing.svg");
  EXPECT_EQ(Twofold({"flame", "--comm", "typo", "-o", path}).status, 1);
  EXPECT_EQ(access(path.c_str(), F_OK), -1);
}

TEST(Filters, ACommIsTheNameOfThreadsAsARootToo) {
  EXPECT_EQ(Twofold({"fold", "--root", "comm"}).output,
            Twofold({"fold", "--root", "thread"}).output);
  EXPECT_THAT(Twofold({"fold", "--root", "comm"}).output,
              HasSubstr("nginx: worker;main;work 100000\n"));
}

TEST(TableTop, FunctionsByWhatTheyAreOf) {
  EXPECT_EQ(Twofold({"table", "--view", "cpu", "--root", "process"}).output,
            "Functions of the view cpu, 200 ms in all\n"
            "  self    %  total    % process  module function\n"
            "100 ms 50.0 100 ms 50.0 nginx    app    work\n"
            "100 ms 50.0 100 ms 50.0 postgres app    work\n"
            "   0 s  0.0 100 ms 50.0 nginx    app    main\n"
            "   0 s  0.0 100 ms 50.0 postgres app    main\n");
  EXPECT_THAT(Twofold({"table", "--view", "cpu", "--root", "comm", "--format", "csv"}).output,
              HasSubstr("thread,function,module,self_ns"));
}

TEST(Picture, SaysHostFileTimeAndFilters) {
  std::string all = Twofold({"flame"}).output;
  EXPECT_THAT(all,
              HasSubstr(">Host web1, service.twofold, recorded 2026-01-31 12:30:05 UTC</text>"));
  EXPECT_THAT(all, Not(HasSubstr("Filters:")));
  std::string some =
      Twofold({"flame", "--view", "offcpu", "--comm", "post*", "--state", "S"}).output;
  EXPECT_THAT(some, HasSubstr(">Filters: --comm &#39;post*&#39; --state S</text>"));
  some = Twofold({"flame", "--focus", "w<o|main"}).output;
  EXPECT_THAT(some, HasSubstr(">Filters: --focus &#39;w&lt;o|main&#39;</text>"));
}

TEST(Picture, OfSeveralCapturesSaysWhose) {
  std::string one = WriteTemporary("service.twofold", Service());
  std::string two = WriteTemporary("service2.twofold", Service());
  std::string database = TemporaryPath("services.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, one, two}).status, 0);
  EXPECT_THAT(RunTwofold({"flame", database}).output,
              HasSubstr(">2 captures of 1 host (web1), recorded 2026-01-31 12:30:05 UTC</text>"));
  EXPECT_THAT(RunTwofold({"flame", "--capture", "2", database}).output,
              HasSubstr(">Host web1, service2.twofold, recorded 2026-01-31 12:30:05 UTC</text>"));
}

TEST(Picture, HostileNamesAreText) {
  CaptureMaker maker;
  maker.recording().host.hostname = "<script>\x1b[2J&";
  maker.Cpu(maker.AddThread("a", 1), maker.Stack({"main"}), StackId(), 1);
  maker.EndInterval();
  std::string svg = RunTwofold({"flame", WriteTemporary("hostile.twofold", maker.Finish())}).output;
  EXPECT_THAT(svg, HasSubstr(">Host &lt;script&gt;\\x1b[2J&amp;, hostile.twofold"));
}

}  // namespace
}  // namespace twofold::testing
