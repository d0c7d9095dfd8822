// `twofold diff` on captures whose differences are known.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

// Samples of each function in a second.
using Costs = std::map<std::string, double>;

// Numbers that spread like those of chance, and are the same everywhere.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}

  // About Poisson: the mean, and its square root up or down.
  uint64_t Samples(double mean) {
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return uint64_t(std::max(0.0, std::round(mean + std::sqrt(mean) * (sum - 6))));
  }

 private:
  double Uniform() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return double(state_ >> 11) / 9007199254740992.0;
  }
  uint64_t state_;
};

// Fifteen functions of 200 samples a second.
Costs Usual() {
  Costs costs;
  for (int i = 0; i < 15; ++i) costs["work_" + std::string(1, char('a' + i))] = 200;
  return costs;
}

std::string Record(const std::string& name, const Costs& costs, size_t seconds, uint64_t seed,
                   const std::string& kernel = "") {
  CaptureMaker maker({"cpu"});
  if (!kernel.empty()) maker.recording().host.kernel_release = kernel;
  ThreadId app = maker.AddThread("app", 100);
  std::map<std::string, StackId> stacks;
  for (const auto& [function, cost] : costs) {
    stacks[function] = maker.Stack({"main", "run", function});
  }
  Chance chance(seed);
  for (size_t t = 0; t < seconds; ++t) {
    for (const auto& [function, cost] : costs) {
      uint64_t samples = chance.Samples(cost);
      if (samples > 0) maker.Cpu(app, stacks[function], maker.NoStack(), samples);
    }
    maker.EndInterval();
  }
  return WriteTemporary(name, maker.Finish());
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The line of a function in a part of the table; empty: there is none.
std::string Line(const std::string& text, const std::string& start) {
  size_t at = text.find("\n" + start);
  if (at == std::string::npos) return "";
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

// The same in one line.
std::string Joined(std::string text) {
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return text;
}

TEST(DiffCommand, SameProgramHasNoVerdicts) {
  std::string a = Record("a.twofold", Usual(), 30, 1);
  std::string b = Record("b.twofold", Usual(), 30, 2);
  RunResult result = RunTwofold({"diff", a, b});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_EQ(result.words, "");
  EXPECT_FALSE(Has(result.output, " more\n")) << result.output;
  EXPECT_FALSE(Has(result.output, " less\n")) << result.output;
  EXPECT_TRUE(Has(result.output, "needs "));
  std::string text = RunOnTerminal({"diff", a, b});
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    EXPECT_LE(end - start, 80u) << text.substr(start, end - start);
    start = end + 1;
  }
}

TEST(DiffCommand, ChangesNewAndGoneAreFound) {
  Costs before = Usual();
  Costs after = Usual();
  after["work_c"] = 300;
  after["work_d"] = 120;
  before["only_before"] = 30;
  after["only_after"] = 30;
  std::string a = Record("a.twofold", before, 30, 3);
  std::string b = Record("b.twofold", after, 30, 4);
  RunResult result = RunTwofold({"diff", a, b});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_TRUE(Has(Line(result.output, "work_c"), " more")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "work_d"), " less")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "only_after"), " new")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "only_before"), " gone")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "work_e"), "needs ")) << result.output;
  EXPECT_TRUE(Has(result.output, "app;main;run;work_c")) << result.output;
}

TEST(DiffCommand, SameBytesTwice) {
  Costs after = Usual();
  after["work_c"] = 300;
  std::string a = Record("a.twofold", Usual(), 30, 5);
  std::string b = Record("b.twofold", after, 30, 6);
  for (const char* format : {"table", "csv", "json", "svg"}) {
    RunResult first = RunTwofold({"diff", "--format", format, a, b});
    RunResult second = RunTwofold({"diff", "--format", format, a, b});
    EXPECT_EQ(first.status, 0) << first.words;
    EXPECT_EQ(first.output, second.output);
    EXPECT_TRUE(Has(first.output, "work_c"));
  }
}

TEST(DiffCommand, TailsOfCompilersDoNotMatter) {
  Costs before = Usual();
  before["hot.isra.0"] = 400;
  Costs after = Usual();
  after["hot.constprop.1"] = 400;
  RunResult result =
      RunTwofold({"diff", Record("a.twofold", before, 30, 7), Record("b.twofold", after, 30, 8)});
  EXPECT_TRUE(Has(Line(result.output, "hot "), "needs ")) << result.output;
  EXPECT_FALSE(Has(result.output, "isra"));
}

TEST(DiffCommand, SaysInWhatCapturesDiffer) {
  std::string a = Record("a.twofold", Usual(), 30, 9);
  std::string b = Record("b.twofold", Usual(), 12, 10, "6.12.1");
  RunResult result = RunTwofold({"diff", a, b});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(Has(result.words, "the kernel differs: before 6.1.0-21-amd64")) << result.words;
  EXPECT_TRUE(Has(result.words, "the length differs: before 30.0 s, after 12.0 s")) << result.words;
}

TEST(DiffCommand, FewIntervalsNeverFlag) {
  Costs after = Usual();
  after["work_c"] = 900;
  std::string a = Record("a.twofold", Usual(), 5, 11);
  std::string b = Record("b.twofold", after, 5, 12);
  RunResult result = RunTwofold({"diff", a, b});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(Has(result.words, "before: 5 intervals, and at least 8 are needed")) << result.words;
  EXPECT_TRUE(Has(Line(result.output, "work_c"), "few intervals")) << result.output;
  RunResult gate = RunTwofold({"diff", "--fail-if", "regression > 5 %", a, b});
  EXPECT_EQ(gate.status, 5);
  EXPECT_TRUE(Has(gate.words, "can't be decided")) << gate.words;
}

TEST(DiffCommand, AnEmptySideIsSaidSo) {
  std::string a = Record("a.twofold", Usual(), 30, 13);
  std::string b = Record("b.twofold", {}, 30, 14);
  RunResult result = RunTwofold({"diff", a, b});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_TRUE(Has(result.words, "after: no time in the view cpu")) << result.words;
  EXPECT_EQ(RunTwofold({"diff", "--fail-if", "regression > 5 %", a, b}).status, 5);
}

TEST(DiffCommand, ExitStatusOfFailIf) {
  Costs more = Usual();
  more["work_c"] = 300;
  std::string a = Record("a.twofold", Usual(), 60, 15);
  std::string same = Record("same.twofold", Usual(), 60, 16);
  std::string b = Record("b.twofold", more, 60, 17);
  auto gate = [&](const char* condition, const std::string& after) {
    return RunTwofold(
        {"diff", "--fail-if", condition, "-o", TemporaryPath("diff.txt"), "--force", a, after});
  };
  EXPECT_EQ(gate("regression > 20 %", same).status, 0);
  RunResult fails = gate("regression > 20 %", b);
  EXPECT_EQ(fails.status, 4);
  EXPECT_TRUE(Has(fails.words, "work_c: +")) << fails.words;
  EXPECT_EQ(gate("regression > 20 % proved", b).status, 4);
  EXPECT_EQ(gate("regression > 90 %", b).status, 0);
  RunResult undecided = gate("regression > 0.5 %", same);
  EXPECT_EQ(undecided.status, 5);
  EXPECT_TRUE(Has(undecided.words, "could have been seen")) << undecided.words;
}

TEST(DiffCommand, ThreeCapturesASide) {
  std::vector<std::string> words = {"diff"};
  Costs after = Usual();
  after["work_c"] = 400;
  for (uint64_t i = 0; i < 3; ++i) {
    std::string number = std::to_string(i);
    words.insert(words.end(), {"--before", Record("a" + number, Usual(), 10, 20 + i), "--after",
                               Record("b" + number, after, 10, 30 + i)});
  }
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_TRUE(Has(Joined(result.output), "before 3 captures, 30 intervals in 30.0 s"))
      << result.output;
  EXPECT_TRUE(Has(Line(result.output, "work_c"), " more")) << result.output;
}

TEST(DiffCommand, BlockedTimeIsComparedByWhatWasWaitedFor) {
  auto record = [](const std::string& name, uint64_t pipe_ms, uint64_t seed) {
    CaptureMaker maker({"cpu", "offcpu"});
    ThreadId app = maker.AddThread("app", 100);
    StackId work = maker.Stack({"main", "work"});
    StackId read = maker.Stack({"main", "read"});
    StackId pipe = maker.Stack({"k:do_syscall_64", "k:pipe_read", "k:schedule"});
    StackId futex = maker.Stack({"k:do_syscall_64", "k:futex_wait_queue", "k:schedule"});
    Chance chance(seed);
    for (int t = 0; t < 30; ++t) {
      maker.Cpu(app, work, maker.NoStack(), 50);
      maker.Blocked(app, BlockState::kInterruptible, read, pipe,
                    chance.Samples(double(pipe_ms)) * kMillisecondNs, 100);
      maker.Blocked(app, BlockState::kInterruptible, read, futex,
                    chance.Samples(200) * kMillisecondNs, 100);
      maker.AddAccount({.thread = app,
                        .existed_ns = kSecondNs,
                        .on_cpu_ns = 500 * kMillisecondNs,
                        .blocked_ns = {500 * kMillisecondNs}});
      maker.interval().accounts->back().blocked_ns[0] =
          maker.interval().blocked->at(0).time_ns + maker.interval().blocked->at(1).time_ns;
      maker.EndInterval();
    }
    return WriteTemporary(name, maker.Finish());
  };
  RunResult result = RunTwofold(
      {"diff", "--view", "offcpu", record("a.twofold", 100, 1), record("b.twofold", 300, 2)});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_TRUE(Has(result.output, "Blocked time per thread-second")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "pipe_read"), " more")) << result.output;
  EXPECT_NE(Line(result.output, "futex_wait_queue"), "");
  EXPECT_EQ(Line(result.output, "schedule"), "");
}

// main does nothing but wait, 50 times a second. Four workers compute 200 ms of each second before,
// 280 ms after, and wait for the rest of it.
TEST(DiffCommand, WhatWaitsAsBeforeIsNoChangeWhereOthersComputeMore) {
  auto record = [](const std::string& name, uint64_t busy_ms, uint32_t wakers, uint64_t seed) {
    CaptureMaker maker({"cpu", "offcpu"});
    maker.recording().settings.wakers = wakers;
    ThreadId idle = maker.AddThread("service", 100, "main", 100);
    std::vector<ThreadId> workers;
    for (uint32_t i = 1; i <= 4; ++i) workers.push_back(maker.AddSibling("worker", 100 + i));
    StackId work = maker.Stack({"work"});
    StackId poll = maker.Stack({"k:ep_poll"});
    StackId pipe = maker.Stack({"k:pipe_read"});
    StackId futex = maker.Stack({"k:futex_wait_queue"});
    StackId disk = maker.Stack({"k:io_schedule"});
    Chance chance(seed);
    for (int t = 0; t < 30; ++t) {
      maker.Blocked(idle, BlockState::kInterruptible, StackId(), poll, kSecondNs, 50);
      maker.AddAccount({.thread = idle, .existed_ns = kSecondNs, .blocked_ns = {kSecondNs}});
      for (ThreadId worker : workers) {
        uint64_t cpu_ns = chance.Samples(double(busy_ms)) * kMillisecondNs;
        maker.Cpu(worker, work, StackId(), cpu_ns / (10 * kMillisecondNs));
        uint64_t rest_ns = kSecondNs - cpu_ns;
        for (auto [stack, part] : {std::pair(pipe, 50), {futex, 30}, {disk, 20}}) {
          maker.Blocked(worker, BlockState::kInterruptible, StackId(), stack,
                        rest_ns / 100 * uint64_t(part), 50);
        }
        maker.AddAccount({.thread = worker,
                          .existed_ns = kSecondNs,
                          .on_cpu_ns = cpu_ns,
                          .blocked_ns = {rest_ns / 100 * 100}});
      }
      maker.EndInterval();
    }
    return WriteTemporary(name, maker.Finish());
  };
  std::string a = record("a.twofold", 200, 0, 1);
  std::string b = record("b.twofold", 280, 2, 2);
  RunResult result = RunTwofold({"diff", "--view", "offcpu", a, b});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_TRUE(Has(result.output, "Blocked time per thread-second")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "ep_poll"), "+0.0 %")) << result.output;
  EXPECT_FALSE(Has(Line(result.output, "ep_poll"), " less")) << result.output;
  EXPECT_TRUE(Has(Line(result.output, "pipe_read"), " less")) << result.output;
  EXPECT_TRUE(Has(Joined(result.words),
                  "the length of chains of wakers (--wakers) differs: before 0, after 2"))
      << result.words;
  EXPECT_NE(RunTwofold({"diff", "--view", "offcpu", "--fail-if", "regression > 5 %", a, b}).status,
            4)
      << result.output;
}

TEST(DiffCommand, BlockedTimeWithoutAccountsNeedsAnotherDenominator) {
  CaptureMaker maker({"offcpu"});
  ThreadId app = maker.AddThread("app", 100);
  maker.Blocked(app, BlockState::kInterruptible, StackId(), maker.Stack({"k:f"}), kSecondNs);
  maker.EndInterval();
  std::string a = WriteTemporary("a.twofold", maker.Finish());
  RunResult result = RunTwofold({"diff", "--view", "offcpu", a, a});
  EXPECT_EQ(result.status, 1);
  EXPECT_TRUE(Has(Joined(result.words), "--per share")) << result.words;
  EXPECT_EQ(RunTwofold({"diff", "--view", "offcpu", "--per", "share", a, a}).status, 0);
}

TEST(DiffCommand, PerSecondAndInTotalHaveNoVerdicts) {
  Costs after = Usual();
  after["work_c"] = 900;
  std::string a = Record("a.twofold", Usual(), 30, 40);
  std::string b = Record("b.twofold", after, 30, 41);
  for (const char* per : {"second", "total"}) {
    RunResult result = RunTwofold({"diff", "--per", per, a, b});
    EXPECT_EQ(result.status, 0) << result.words;
    EXPECT_FALSE(Has(Line(result.output, "work_c"), " more")) << result.output;
    RunResult gate = RunTwofold({"diff", "--per", per, "--fail-if", "regression > 5 %", a, b});
    EXPECT_EQ(gate.status, 2);
  }
  EXPECT_TRUE(Has(Line(RunTwofold({"diff", "--per", "share", a, b}).output, "work_c"), " more"));
}

TEST(DiffCommand, PerSecondShowsTheLoad) {
  Costs twice = Usual();
  for (auto& [function, cost] : twice) cost *= 2;
  std::string a = Record("a.twofold", Usual(), 30, 44);
  std::string b = Record("b.twofold", twice, 30, 45);
  RunResult result = RunTwofold({"diff", "--per", "second", "--format", "csv", a, b});
  std::string line = Line(result.output, "self,work_c");
  // of, name, verdict, before, after, change
  EXPECT_TRUE(Has(line, ",not judged,")) << result.output;
  size_t at = 0;
  for (int comma = 0; comma < 5; ++comma) at = line.find(',', at) + 1;
  EXPECT_NEAR(std::strtod(line.c_str() + at, nullptr), 1, 0.1) << line;
  EXPECT_TRUE(Has(Joined(RunTwofold({"diff", "--per", "second", a, b}).output), "include that."));
  EXPECT_FALSE(Has(RunTwofold({"diff", a, b}).output, " more\n"));
}

TEST(DiffCommand, WhatWasNotSampledMakesNothingNew) {
  auto record = [](const std::string& name, uint64_t samples) {
    CaptureMaker maker({"cpu"});
    ThreadId app = maker.AddThread("app", 100);
    StackId work = maker.Stack({"main", "work"});
    for (int t = 0; t < 30; ++t) {
      if (samples > 0) maker.Cpu(app, work, maker.NoStack(), samples);
      maker.AddAccount({.thread = app, .existed_ns = kSecondNs, .on_cpu_ns = kSecondNs});
      maker.EndInterval();
    }
    return WriteTemporary(name, maker.Finish());
  };
  RunResult result = RunTwofold({"diff", record("a.twofold", 0), record("b.twofold", 100)});
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_FALSE(Has(result.output, " new\n")) << result.output;
  EXPECT_TRUE(Has(result.words, "before: 100.0 % of the time has no stack")) << result.words;
}

TEST(DiffCommand, FiltersWork) {
  std::string a = Record("a.twofold", Usual(), 30, 42);
  std::string b = Record("b.twofold", Usual(), 30, 43);
  RunResult part = RunTwofold({"diff", "--from", "10", "--to", "20", a, b});
  EXPECT_TRUE(
      Has(Joined(part.output), "before 10 intervals in 10.0 s, after 10 intervals in 10.0 s"))
      << part.output;
  RunResult none = RunTwofold({"diff", "--pid", "77", a, b});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.output, "");
  EXPECT_TRUE(Has(none.words, "before: no time matches the filters")) << none.words;
}

TEST(DiffCommand, WrongUseAndMissingFiles) {
  std::string a = Record("a.twofold", Usual(), 10, 50);
  EXPECT_EQ(RunTwofold({"diff"}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", a, a, a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--before", a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--before", a, "--after", a, a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--per", "hour", a, a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--fail-if", "slower", a, a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--format", "pdf", a, a}).status, 2);
  EXPECT_EQ(RunTwofold({"diff", "--width", "after", a, a}).status, 2);
  RunResult missing = RunTwofold({"diff", a, TemporaryPath("missing.twofold")});
  EXPECT_EQ(missing.status, 1);
  EXPECT_TRUE(Has(missing.words, "missing.twofold")) << missing.words;
  RunResult not_recorded = RunTwofold({"diff", "--view", "offcpu", a, a});
  EXPECT_EQ(not_recorded.status, 1);
  EXPECT_TRUE(Has(not_recorded.words, "did not record")) << not_recorded.words;
}

TEST(DiffCommand, ADatabaseIsAsGoodAsItsCaptures) {
  Costs after = Usual();
  after["work_c"] = 300;
  std::string a = Record("a.twofold", Usual(), 30, 70);
  std::string b = Record("b.twofold", after, 30, 71);
  std::string database = TemporaryPath("a.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, a}).status, 0);
  RunResult of_database = RunTwofold({"diff", database, b});
  EXPECT_EQ(of_database.status, 0) << of_database.words;
  EXPECT_EQ(of_database.output, RunTwofold({"diff", a, b}).output);
}

// The tooltip of a frame and its colour.
std::string FrameOf(const std::string& picture, const std::string& name) {
  size_t at = picture.find("<title>" + name + "\n");
  return at == std::string::npos ? "" : picture.substr(at, picture.find("</g>", at) - at);
}

TEST(DiffCommand, ThePictureColoursWhatChanged) {
  Costs before = Usual();
  Costs after = Usual();
  after["work_c"] = 400;
  after["work_d"] = 100;
  before["only_before"] = 100;
  after["only_after"] = 100;
  std::string a = Record("a.twofold", before, 30, 72);
  std::string b = Record("b.twofold", after, 30, 73);
  std::string picture = RunTwofold({"diff", "--format", "svg", a, b}).output;
  EXPECT_TRUE(Has(FrameOf(picture, "only_after"), ", new</title>")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "only_after"), "fill=\"#e23e2c\"")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "only_before"), "fill=\"#2d6cdf\"")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "work_c"), "before ")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "work_c"), "(95 %: +")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "work_e"), "may be noise</title>")) << picture;
  EXPECT_TRUE(Has(FrameOf(picture, "work_e"), "fill=\"#d9dbe0\"")) << picture;
  // What is gone has no width after.
  std::string of_after = RunTwofold({"diff", "--format", "svg", "--width", "after", a, b}).output;
  EXPECT_EQ(FrameOf(of_after, "only_before"), "");
  EXPECT_NE(FrameOf(of_after, "only_after"), "");
  EXPECT_TRUE(Has(of_after, "Widths: cost after"));
}

TEST(DiffCommand, NamesCannotBreakThePicture) {
  Costs costs = Usual();
  costs["<script>alert(1)</script>"] = 400;
  costs["]]>"] = 400;
  std::string a = Record("a.twofold", costs, 30, 60);
  RunResult picture = RunTwofold({"diff", "--format", "svg", a, a});
  EXPECT_EQ(picture.status, 0) << picture.words;
  EXPECT_FALSE(Has(picture.output, "<script>alert"));
  EXPECT_TRUE(Has(picture.output, "&lt;script&gt;alert(1)&lt;/script&gt;"));
}

}  // namespace
}  // namespace twofold::testing
