// Filters of stacks and of where processes run, against stacks worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "analyzer/fold/filters/clock_time.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string Fold(const std::string& capture, std::vector<std::string> options,
                 int wanted_status = 0) {
  options.insert(options.begin(), "fold");
  options.push_back(WriteTemporary("filter.twofold", capture));
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, wanted_status) << result.words;
  return result.output;
}

// One process, five stacks of 10 to 160 ms.
std::string FiveStacks() {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("app", 1);
  maker.Cpu(thread, maker.Stack({"main", "parse", "malloc"}), StackId(), 1);
  maker.Cpu(thread, maker.Stack({"main", "parse"}), StackId(), 2);
  maker.Cpu(thread, maker.Stack({"main", "write"}), maker.Stack({"k:ksys_write", "k:copy"}), 4);
  maker.Cpu(thread, maker.Stack({"main", "parse", "main", "free"}), StackId(), 8);
  maker.Cpu(thread, maker.Stack({"start", "[/usr/lib/libz.so.1+0x1f0]"}), StackId(), 16);
  maker.EndInterval();
  return maker.Finish();
}

TEST(Focus, KeepsStacksWithAFrameThatMatches) {
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "^malloc$|copy"}),
            "app;main;parse;malloc 10000\n"
            "app;main;write;ksys_write;copy 40000\n");
  // Expressions are looked for anywhere in a name, and case counts.
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "allo"}), "app;main;parse;malloc 10000\n");
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "Malloc"}, 1), "");
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "(?i)MALLOC"}), "app;main;parse;malloc 10000\n");
}

TEST(Focus, LooksAtThePathsOfModules) {
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "/lib/libz"}), "app;start;[libz.so.1+0x1f0] 160000\n");
  // Functions of the capture maker are in /usr/bin/app; the process's name, app, is no frame.
  EXPECT_EQ(Fold(FiveStacks(), {"--ignore", "/bin/app$"}, 1), "");
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "^app$"}, 1), "");
}

TEST(Ignore, DropsStacksWithAFrameThatMatches) {
  EXPECT_EQ(Fold(FiveStacks(), {"--ignore", "parse|libz"}),
            "app;main;write;ksys_write;copy 40000\n");
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "parse", "--ignore", "free|malloc"}),
            "app;main;parse 20000\n");
}

TEST(Hide, RemovesFramesAndAddsUpWhatBecomesEqual) {
  EXPECT_EQ(Fold(FiveStacks(), {"--hide", "malloc|^main$|ksys"}),
            "app;parse 30000\n"
            "app;parse;free 80000\n"
            "app;start;[libz.so.1+0x1f0] 160000\n"
            "app;write;copy 40000\n");
  // A stack with all its frames hidden goes.
  EXPECT_EQ(Fold(FiveStacks(), {"--hide", "main|parse|malloc|free"}),
            "app;start;[libz.so.1+0x1f0] 160000\n"
            "app;write;ksys_write;copy 40000\n");
}

TEST(Hide, ComesAfterFocus) {
  EXPECT_EQ(Fold(FiveStacks(), {"--hide", "malloc", "--focus", "malloc"}),
            "app;main;parse 10000\n");
}

TEST(ShowFrom, DropsFramesAboveTheFirstMatch) {
  EXPECT_EQ(Fold(FiveStacks(), {"--show-from", "parse|ksys"}),
            "app;ksys_write;copy 40000\n"
            "app;parse 20000\n"
            "app;parse;main;free 80000\n"
            "app;parse;malloc 10000\n");
  // The first one from the root on, not the last one.
  EXPECT_EQ(Fold(FiveStacks(), {"--show-from", "main", "--focus", "free"}),
            "app;main;parse;main;free 80000\n");
  EXPECT_EQ(Fold(FiveStacks(), {"--show-from", "nowhere"}, 1), "");
}

TEST(MinPercent, PutsWhatIsSmallIntoAFrameOfItsCaller) {
  // 310 ms in all; 20 % are 62 ms: start (160) and main;parse (110) with main;free (80) stay.
  EXPECT_EQ(Fold(FiveStacks(), {"--min-percent", "20"}),
            "app;main;[below 20 %] 40000\n"
            "app;main;parse 20000\n"
            "app;main;parse;[below 20 %] 10000\n"
            "app;main;parse;main;free 80000\n"
            "app;start;[libz.so.1+0x1f0] 160000\n");
  EXPECT_EQ(Fold(FiveStacks(), {"--min-percent", "0"}), Fold(FiveStacks(), {}));
  EXPECT_EQ(Fold(FiveStacks(), {"--min-percent", "100"}), "app;[below 100 %] 310000\n");
}

TEST(MinPercent, CountsWhatTheOtherFiltersLeave) {
  EXPECT_EQ(Fold(FiveStacks(), {"--focus", "main", "--min-percent", "7"}),
            "app;main;parse 20000\n"
            "app;main;parse;[below 7 %] 10000\n"
            "app;main;parse;main;free 80000\n"
            "app;main;write;ksys_write;copy 40000\n");
}

TEST(MinPercent, NeverPutsLostTimeAway) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 99);
  maker.Lose(LossCause::kMapBusy, LossSource::kCpu, 1, 10 * kMillisecondNs);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {"--min-percent", "50"}), "[lost: map busy] 10000\na;f 990000\n");
}

TEST(StackFilters, SayWhatLostTimeTheyLeaveOut) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 1);
  maker.Lose(LossCause::kMapBusy, LossSource::kCpu, 1, 10 * kMillisecondNs);
  maker.EndInterval();
  std::string path = WriteTemporary("lost.twofold", maker.Finish());
  RunResult result = RunTwofold({"fold", "--focus", "f$", path});
  EXPECT_EQ(result.output, "a;f 10000\n");
  EXPECT_THAT(result.words, HasSubstr("10.0 ms were lost while recording; a part of them may"));
}

// A sleeper below read, woken by a writer.
std::string WithWaker() {
  CaptureMaker maker;
  maker.recording().settings.wakers = 1;
  ThreadId reader = maker.AddThread("reader", 1);
  ThreadId writer = maker.AddThread("writer", 2);
  ChainId chain = maker.Chain({maker.Task(writer, maker.Stack({"main", "produce"}), StackId())});
  maker.AddBlocked({.thread = reader,
                    .state = BlockState::kInterruptible,
                    .kernel_stack = maker.Stack({"k:pipe_read"}),
                    .user_stack = maker.Stack({"main", "consume"}),
                    .time_ns = 5000,
                    .count = 1,
                    .chain = chain});
  maker.EndInterval();
  return maker.Finish();
}

TEST(StackFilters, SeeTheFramesOfWakers) {
  auto offwake = [](std::vector<std::string> options, int wanted_status = 0) {
    options.insert(options.begin(), {"--view", "offwake"});
    return Fold(WithWaker(), options, wanted_status);
  };
  EXPECT_EQ(offwake({"--focus", "produce"}),
            "reader;main;consume;pipe_read;--;produce;main;writer 5\n");
  EXPECT_EQ(offwake({"--hide", "main"}), "reader;consume;pipe_read;--;produce;writer 5\n");
  EXPECT_EQ(offwake({"--show-from", "pipe"}), "reader;pipe_read;--;produce;main;writer 5\n");
  EXPECT_EQ(offwake({"--ignore", "produce"}, 1), "");
}

TEST(StackFilters, AWrongExpressionIsASentenceWithThePlace) {
  struct Case {
    const char* expression;
    const char* sentence;
  };
  std::string path = WriteTemporary("filter.twofold", FiveStacks());
  for (const Case& c : std::vector<Case>{{"a(b", "a parenthesis is not closed, at letter 2"},
                                         {"ab)", "a parenthesis closes nothing, at letter 3"},
                                         {"x[ab", "a [ is not closed, at letter 2"},
                                         {"*a", "there is nothing to repeat, at letter 1"},
                                         {"ab**", "a repetition is repeated, at letter 3"},
                                         {"a\\yb", "an escape has no meaning, at letter 2"},
                                         {"abc\\", "it ends in a backslash, at letter 4"},
                                         {"a{2000}", "a repetition has wrong bounds, at letter 2"},
                                         {"", "the expression is empty"}}) {
    for (const char* option : {"--focus", "--ignore", "--hide", "--show-from"}) {
      RunResult result = RunTwofold({"fold", option, c.expression, path});
      EXPECT_EQ(result.status, 2) << c.expression;
      EXPECT_EQ(result.output, "");
      EXPECT_THAT(result.words, HasSubstr(c.sentence)) << c.expression;
      EXPECT_THAT(result.words, HasSubstr(option));
    }
  }
  for (const char* percent : {"-1", "101", "nan", "x", ""}) {
    RunResult result = RunTwofold({"fold", std::string("--min-percent=") + percent, path});
    EXPECT_EQ(result.status, 2) << percent;
  }
}

TEST(StackFilters, AnExpressionThatBacktracksElsewhereEndsSoon) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({std::string(4000, 'a') + "!"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {"--focus", "^(a|aa|a*)*$"}, 1), "");
}

ThreadId AddThreadIn(CaptureMaker& maker, uint32_t pid, const char* name, const char* cgroup) {
  DefinitionsBuilder& builder = maker.definitions();
  Process process;
  process.pid = Pid(pid);
  process.parent_pid = Pid(1);
  process.name = builder.InternString(name);
  if (cgroup != nullptr) process.cgroup = builder.InternString(cgroup);
  Thread thread;
  thread.process = builder.AddProcess(process);
  thread.tid = Tid(pid);
  thread.name = builder.InternString(name);
  return builder.AddThread(thread);
}

std::string InControlGroups() {
  CaptureMaker maker;
  std::string docker = "/docker/" + std::string(60, 'a') + "1234";
  uint32_t pid = 0;
  for (auto [name, cgroup] : std::vector<std::pair<const char*, const char*>>{
           {"web", "/system.slice/nginx.service"},
           {"webs", "/system.slice/nginx.service/workers"},
           {"other", "/system.slice/nginx.service2"},
           {"box", docker.c_str()},
           {"none", nullptr},
           {"odd", "/odd[1]"}}) {
    ThreadId thread = AddThreadIn(maker, ++pid, name, cgroup);
    maker.Cpu(thread, maker.Stack({"f"}), StackId(), pid);
  }
  maker.EndInterval();
  return maker.Finish();
}

TEST(Cgroup, SelectsTheGroupAndWhatIsBelowIt) {
  std::string capture = InControlGroups();
  auto with = [&](const char* path, int wanted_status = 0) {
    return Fold(capture, {"--cgroup", path}, wanted_status);
  };
  EXPECT_EQ(with("/system.slice/nginx.service"), "web;f 10000\nwebs;f 20000\n");
  EXPECT_EQ(with("/system.slice/nginx.service/"), "web;f 10000\nwebs;f 20000\n");
  EXPECT_EQ(with("system.slice/nginx.service/workers"), "webs;f 20000\n");
  EXPECT_EQ(with("*/nginx.service"), "web;f 10000\nwebs;f 20000\n");
  EXPECT_EQ(with("/system.slice/nginx.service?"), "other;f 30000\n");
  EXPECT_EQ(with("/odd[1]"), "odd;f 60000\n");
  EXPECT_EQ(with("/"), "box;f 40000\nodd;f 60000\nother;f 30000\nweb;f 10000\nwebs;f 20000\n");
  EXPECT_EQ(with("/system", 1), "");
  EXPECT_EQ(with("' OR 1=1 --", 1), "");
  EXPECT_EQ(Fold(capture, {"--cgroup", ""}, 2), "");
}

TEST(Cgroup, CanBeTheFirstFrame) {
  std::string text = Fold(InControlGroups(), {"--root", "cgroup"});
  EXPECT_THAT(text, HasSubstr("[no cgroup];f 50000\n"));
  EXPECT_THAT(text, HasSubstr("/system.slice/nginx.service;f 10000\n"));
  EXPECT_THAT(text, HasSubstr("/odd[1];f 60000\n"));
}

// A process that moves out of a container, half-way; its second thread stays.
std::string MovedProcess() {
  CaptureMaker maker;
  const std::string box = "/docker/" + std::string(64, 'b');
  ThreadId before = AddThreadIn(maker, 1, "app", box.c_str());
  DefinitionsBuilder& builder = maker.definitions();
  Thread thread;
  thread.process = ProcessId(1);
  thread.tid = Tid(1);
  thread.name = builder.InternString("app");
  thread.cgroup = builder.InternString("/app.service");
  ThreadId after = builder.AddThread(thread);
  thread.tid = Tid(2);
  thread.cgroup = StringId();  // as its process
  ThreadId sibling = builder.AddThread(thread);
  maker.Cpu(before, maker.Stack({"f"}), StackId(), 1);
  maker.Cpu(after, maker.Stack({"f"}), StackId(), 2);
  maker.Cpu(sibling, maker.Stack({"f"}), StackId(), 4);
  maker.EndInterval();
  return maker.Finish();
}

TEST(Cgroup, TimeBelongsToTheOneThatTheThreadWasInThen) {
  const std::string box = "/docker/" + std::string(64, 'b');
  EXPECT_EQ(Fold(MovedProcess(), {"--cgroup", box}), "app;f 50000\n");
  EXPECT_EQ(Fold(MovedProcess(), {"--cgroup", "/app.service"}), "app;f 20000\n");
  EXPECT_EQ(Fold(MovedProcess(), {"--container", "bbb"}), "app;f 50000\n");
  EXPECT_EQ(Fold(MovedProcess(), {"--root", "cgroup"}),
            "/app.service;f 20000\n" + box + ";f 50000\n");
}

TEST(Container, SelectsByTheBeginningOfTheId) {
  EXPECT_EQ(Fold(InControlGroups(), {"--container", "aaaa"}), "box;f 40000\n");
  EXPECT_EQ(Fold(InControlGroups(), {"--container", "aaab"}, 1), "");
  EXPECT_EQ(Fold(InControlGroups(), {"--container", "%"}, 1), "");
  EXPECT_EQ(Fold(InControlGroups(), {"--container", ""}, 2), "");
}

// Four seconds from 2023-11-14 22:13:20 UTC on.
std::string FourSeconds() {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (int second = 0; second < 4; ++second) {
    maker.Cpu(thread, maker.Stack({"s" + std::to_string(second)}), StackId(), 1);
    maker.EndInterval();
  }
  return maker.Finish();
}

TEST(ClockTimes, SelectByTheClockOfTheCapture) {
  std::string capture = FourSeconds();
  std::string last_two = "a;s2 10000\na;s3 10000\n";
  setenv("TZ", "EST5", 1);
  EXPECT_EQ(Fold(capture, {"--from", "22:13:22Z"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "2023-11-14T22:13:22Z"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "2023-11-14 22:13:22Z"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "17:13:22"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "2023-11-14T17:13:22"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "22:13:21Z", "--to", "22:13:22.5Z"}),
            "a;s1 10000\na;s2 10000\n");
  EXPECT_EQ(Fold(capture, {"--from", "22:00Z"}), Fold(capture, {}));
  EXPECT_EQ(Fold(capture, {"--from", "22:30Z"}, 1), "");
  EXPECT_EQ(Fold(capture, {"--from", "2023-11-15T22:13:22Z"}, 1), "");
  setenv("TZ", "UTC-9", 1);  // the capture begins at 07:13:20 of the next day
  EXPECT_EQ(Fold(capture, {"--from", "07:13:22"}), last_two);
  EXPECT_EQ(Fold(capture, {"--from", "2023-11-15T07:13:22"}), last_two);
  unsetenv("TZ");
}

TEST(ClockTimes, MeanTheDayThatIsNearest) {
  CaptureMaker maker;
  // 23:59:58, for four seconds.
  maker.recording().start_realtime_ns = (1700000000 - 80000 + 86398) * int64_t(kSecondNs);
  ThreadId thread = maker.AddThread("a", 1);
  for (int second = 0; second < 4; ++second) {
    maker.Cpu(thread, maker.Stack({"s" + std::to_string(second)}), StackId(), 1);
    maker.EndInterval();
  }
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture, {"--from", "00:00:01Z"}), "a;s3 10000\n");
  EXPECT_EQ(Fold(capture, {"--to", "23:59:59Z"}), "a;s0 10000\n");
  EXPECT_EQ(Fold(capture, {"--from", "23:00Z", "--to", "01:00Z"}), Fold(capture, {}));
}

TEST(ClockTimes, AreParsedWholeOrNotAtAll) {
  EXPECT_EQ(ParsePointInTime("2.5")->time_ns, 2500000000);
  EXPECT_EQ(ParsePointInTime("12:30")->time_ns, 45000 * int64_t{1000000000});
  EXPECT_EQ(ParsePointInTime("12:30:05.25Z")->time_ns, 45005250000000);
  EXPECT_EQ(ParsePointInTime("2026-01-31T12:30:05Z")->time_ns, 1769862605000000000);
  for (const char* wrong :
       {"", "12", "-1", "soon", "24:00", "12:60", "12:30:60", "12:3", "12:30:", "12:30:05.",
        "12:30z", "2026-02-30T12:00", "2026-13-01T12:00", "2026-01-31", "2026-01-31T", "1e30",
        "2026-01-31T12:30:05ZZ", "inf", "9999-01-01T00:00"}) {
    std::optional<PointInTime> point = ParsePointInTime(wrong);
    bool is_seconds = point && point->kind == PointInTime::Kind::kSinceStart;
    EXPECT_TRUE(!point || (is_seconds && std::string(wrong) == "12")) << wrong;
  }
}

}  // namespace
}  // namespace twofold::testing
