// `twofold diff --view cpi`: changes of cycles per instruction that are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "analyzer/diff/family.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A function's samples in every second, of a million events each.
struct Events {
  uint64_t cycles = 0;
  uint64_t instructions = 0;
};

using Functions = std::map<std::string, Events>;

std::string Record(const std::string& name, const Functions& functions, int seconds = 30) {
  CaptureMaker maker({"cpi"});
  ThreadId app = maker.AddThread("app", 100);
  std::map<std::string, StackId> stacks;
  for (const auto& [function, events] : functions) {
    stacks[function] = maker.Stack({"main", "run", function});
  }
  for (int t = 0; t < seconds; ++t) {
    for (const auto& [function, events] : functions) {
      maker.Count(app, stacks[function], maker.NoStack(), events.cycles * 1'000'000, events.cycles,
                  events.instructions * 1'000'000, events.instructions);
    }
    maker.EndInterval();
  }
  return WriteTemporary(name, maker.Finish());
}

// A copy waits for memory and an addition does not: CPI 4 and 0.5.
Functions Usual() { return {{"copy", {400, 100}}, {"add", {200, 400}}, {"mix", {300, 300}}}; }

RunResult Diff(std::vector<std::string> words, const Functions& before, const Functions& after) {
  words.insert(words.begin(), {"diff", "--view", "cpi"});
  words.push_back(Record("cpi-before.twofold", before));
  words.push_back(Record("cpi-after.twofold", after));
  return RunTwofold(words);
}

std::string Table(std::vector<std::string> words, const Functions& before, const Functions& after) {
  RunResult result = Diff(std::move(words), before, after);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

// A row of CSV by its column's name.
std::map<std::string, std::string> Row(const std::string& csv, const std::string& start) {
  std::istringstream stream(csv);
  std::vector<std::string> names;
  std::map<std::string, std::string> row;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::vector<std::string> cells(1);
    for (char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    if (names.empty()) names = cells;
    if (line.rfind(start + ",", 0) != 0) continue;
    for (size_t i = 0; i < cells.size(); ++i) row[names[i]] = cells[i];
  }
  return row;
}

std::string Line(const std::string& text, const std::string& start) {
  size_t at = text.find("\n" + start + " ");
  return at == std::string::npos ? "" : text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

std::string Frame(const std::string& picture, const std::string& name) {
  size_t at = picture.find("<title>" + name + "\n");
  return at == std::string::npos ? "" : picture.substr(at, picture.find("</g>", at) - at);
}

// copy goes from 4 to 6: ln 1.5. Nothing swings, so that the noise is that of sampling, 1/12000 +
// 1/3000 + 1/18000 + 1/3000 = 8.0556e-4, and of runs, 5e-5: an error of 0.02925. Of eight cosines,
// t is 2.306. Twice as many additions at the same CPI are no change.
TEST(DiffCpi, ChangeOfARatioByHand) {
  Functions after = Usual();
  after["copy"] = {600, 100};
  after["add"] = {400, 800};
  std::string csv = Table({"--format", "csv"}, Usual(), after);
  auto copy = Row(csv, "self,copy");
  EXPECT_EQ(copy["verdict"], "more") << csv;
  EXPECT_EQ(copy["before_cpi"], "4");
  EXPECT_EQ(copy["after_cpi"], "6");
  EXPECT_EQ(copy["change"], "0.5");
  EXPECT_NEAR(std::stod(copy["change_low"]), 1.5 * std::exp(-2.306 * 0.02925) - 1, 1e-4);
  EXPECT_NEAR(std::stod(copy["change_high"]), 1.5 * std::exp(2.306 * 0.02925) - 1, 1e-4);
  EXPECT_EQ(copy["before_cycles"], "12000000000");
  EXPECT_EQ(copy["before_count"], "12000");
  EXPECT_EQ(copy["before_instructions"], "3000000000");
  EXPECT_EQ(copy["after_instruction_samples"], "3000");
  auto add = Row(csv, "self,add");
  EXPECT_EQ(add["verdict"], "same?");
  EXPECT_EQ(add["change"], "0");
  EXPECT_EQ(add["after_cycles"], "12000000000");
  // main: 900 / 800 cycles per instruction before, 1300 / 1200 after.
  auto main = Row(csv, "total,main");
  EXPECT_EQ(main["before_cpi"], "1.125");
  EXPECT_EQ(main["after_cpi"], "1.08333");
}

TEST(DiffCpi, TableTellsRatiosAndSharesOfCycles) {
  Functions after = Usual();
  after["copy"] = {600, 100};
  std::string text = Table({}, Usual(), after);
  EXPECT_EQ(text.substr(0, text.find("\n\n")),
            "CPU cycles per instruction (CPI): before 30 intervals in 30.0 s, after 30\n"
            "intervals in 30.0 s\n"
            "CPI of all: before 1.12, after 1.38")
      << text;
  EXPECT_THAT(text, HasSubstr("function, own CPI    % before after  change"));
  EXPECT_THAT(Line(text, "copy"), HasSubstr("54.5   4.00  6.00 +50.0 %")) << text;
  EXPECT_THAT(Line(text, "copy"), HasSubstr(" more"));
  EXPECT_THAT(Line(text, "add"), HasSubstr("22.2  0.500 0.500  +0.0 %"));
  EXPECT_THAT(Line(text, "add"), HasSubstr(" needs "));
  EXPECT_THAT(text, HasSubstr("+50.0 %   app;main;run;copy\n"));
  EXPECT_THAT(text, Not(HasSubstr("time")));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_THAT(Table({"--format", "json"}, Usual(), after), HasSubstr("\"before_cpi\": 4,"));
}

// Slower memory is a change, and what all share is not taken out of it.
TEST(DiffCpi, WhatAllFunctionsShareIsAChange) {
  Functions before;
  Functions after;
  for (char c = 'a'; c < 'p'; ++c) {
    before[std::string("work_") + c] = {200, 200};
    after[std::string("work_") + c] = {300, 200};
  }
  std::string text = Table({}, before, after);
  EXPECT_THAT(Line(text, "work_c"), HasSubstr("+50.0 %"));
  EXPECT_THAT(Line(text, "work_c"), HasSubstr(" more"));
  EXPECT_THAT(text, HasSubstr("All functions changed by +50.0 % together"));
  EXPECT_THAT(text, HasSubstr("include"));
}

TEST(DiffCpi, WhatIsOnlyOnOneSideHasNoChange) {
  Functions before = Usual();
  before["stale"] = {100, 100};
  before["half"] = {100, 100};
  Functions after = Usual();
  after["fresh"] = {100, 25};
  after["half"] = {100, 0};  // cycles, but nothing to divide them by
  std::string csv = Table({"--format", "csv"}, before, after);
  auto fresh = Row(csv, "self,fresh");
  EXPECT_EQ(fresh["verdict"], "only after");
  EXPECT_EQ(fresh["before_cpi"], "");
  EXPECT_EQ(fresh["after_cpi"], "4");
  EXPECT_EQ(fresh["change"], "");
  EXPECT_EQ(fresh["p"], "");
  EXPECT_EQ(Row(csv, "self,stale")["verdict"], "only before");
  EXPECT_EQ(Row(csv, "self,half")["verdict"], "few samples");
  EXPECT_EQ(Row(csv, "self,half")["after_cpi"], "");
  std::string text = Table({}, before, after);
  EXPECT_THAT(Line(text, "fresh"), HasSubstr(" 9.1      -  4.00      - ")) << text;
  EXPECT_THAT(Line(text, "fresh"), HasSubstr("only after"));
  EXPECT_THAT(text, HasSubstr("1 function has too few samples"));
  // A regression it is not, nor a reason not to decide.
  before["half"] = after["half"] = {300, 300};
  RunResult gate = Diff({"--fail-if", "regression > 20 %"}, before, after);
  EXPECT_EQ(gate.status, 0) << gate.words;
}

TEST(DiffCpi, ExitStatusOfFailIf) {
  Functions after = Usual();
  after["copy"] = {480, 100};
  RunResult holds = Diff({"--fail-if", "regression > 5 %"}, Usual(), after);
  EXPECT_EQ(holds.status, 4);
  EXPECT_THAT(holds.words, HasSubstr("copy: +20.0 %"));
  EXPECT_EQ(Diff({"--fail-if", "regression > 5 % proved"}, Usual(), after).status, 4);
  EXPECT_EQ(Diff({"--fail-if", "regression > 25 %"}, Usual(), after).status, 0);
  // Twice the work at the same CPI is none.
  after["copy"] = {800, 200};
  EXPECT_EQ(Diff({"--fail-if", "regression > 20 %"}, Usual(), after).status, 0);
  RunResult undecided = Diff({"--fail-if", "regression > 1 %"}, Usual(), Usual());
  EXPECT_EQ(undecided.status, 5);
  EXPECT_THAT(undecided.words, HasSubstr("could have been seen"));
  RunResult empty = Diff({"--fail-if", "regression > 5 %"}, Usual(), {});
  EXPECT_EQ(empty.status, 5);
  EXPECT_THAT(empty.words, HasSubstr("after: no cycles in the view cpi"));
  EXPECT_THAT(empty.words, HasSubstr("a side has no cycles to compare"));
}

TEST(DiffCpi, CyclesCanBeDividedAsTimeIs) {
  Functions after = Usual();
  after["copy"] = {800, 200};
  std::string second = Table({"--per", "second"}, Usual(), after);
  EXPECT_THAT(second, HasSubstr("CPU cycles per second: "));
  EXPECT_THAT(second, HasSubstr("function, own cycles"));
  EXPECT_THAT(Line(second, "copy"), HasSubstr(" 400 M 800 M +100.0 %")) << second;
  EXPECT_THAT(Line(second, "copy"), HasSubstr("not judged"));
  EXPECT_THAT(second, HasSubstr("(--per instruction)"));
  std::string total = Table({"--per", "total"}, Usual(), after);
  EXPECT_THAT(Line(total, "copy"), HasSubstr("12.0 G 24.0 G")) << total;
  std::string share = Table({"--per", "share"}, Usual(), after);
  EXPECT_THAT(share, HasSubstr("CPU cycles, share: "));
  EXPECT_THAT(Line(share, "copy"), HasSubstr("44.4 %")) << share;
  EXPECT_THAT(Line(share, "copy"), HasSubstr(" more"));
  std::string csv = Table({"--per", "second", "--format", "csv"}, Usual(), after);
  auto copy = Row(csv, "self,copy");
  EXPECT_EQ(copy["before_cost"], "4e+08");
  EXPECT_EQ(copy["after_cycles"], "24000000000");
  EXPECT_EQ(copy.count("before_instructions"), 0u);
  EXPECT_EQ(Table({"--per", "instruction"}, Usual(), after), Table({}, Usual(), after));
}

TEST(DiffCpi, WrongUse) {
  RunResult hour = Diff({"--per", "instructions"}, Usual(), Usual());
  EXPECT_EQ(hour.status, 2);
  EXPECT_THAT(hour.words, HasSubstr("instruction"));
  std::string path = Record("cpi.twofold", Usual());
  RunResult of_cpu = RunTwofold({"diff", "--per", "instruction", path, path});
  EXPECT_EQ(of_cpu.status, 2);
  EXPECT_THAT(of_cpu.words, HasSubstr("the view cpu has no instructions to divide by"));
  EXPECT_THAT(of_cpu.words, HasSubstr("--view cpi"));
  CaptureMaker maker;
  maker.EndInterval();
  std::string without = WriteTemporary("no-cpi.twofold", maker.Finish());
  RunResult missing = RunTwofold({"diff", "--view", "cpi", path, without});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.words, HasSubstr("--record cpi"));
  RunResult gate = Diff({"--per", "second", "--fail-if", "regression > 5 %"}, Usual(), Usual());
  EXPECT_EQ(gate.status, 2);
}

TEST(DiffCpi, FewIntervalsAndFiltersAsElsewhere) {
  std::string before = Record("few-a.twofold", Usual(), 5);
  Functions after = Usual();
  after["copy"] = {800, 100};
  std::string path = Record("few-b.twofold", after, 5);
  RunResult few = RunTwofold({"diff", "--view", "cpi", before, path});
  EXPECT_EQ(few.status, 0);
  EXPECT_THAT(Line(few.output, "copy"), HasSubstr("few intervals"));
  // Only one function is listed; its CPI is its own.
  std::string focused = Table({"--focus", "copy", "--format", "csv"}, Usual(), after);
  EXPECT_EQ(Row(focused, "self,copy")["after_cpi"], "8");
  EXPECT_TRUE(Row(focused, "self,add").empty()) << focused;
  EXPECT_EQ(Row(focused, "total,main")["before_cpi"], "4");
  RunResult none = Diff({"--pid", "77"}, Usual(), Usual());
  EXPECT_THAT(none.words, HasSubstr("before: no cycles match the filters"));
}

TEST(DiffCpi, ThreeCapturesASide) {
  std::vector<std::string> words = {"diff", "--view", "cpi", "--format", "csv"};
  for (uint64_t i = 0; i < 3; ++i) {
    std::string number = std::to_string(i);
    // Runs differ by 2 % in CPI, and by much in how much they did.
    Functions before = Usual();
    before["copy"] = {400 + 8 * i, 100};
    before["add"] = {200 * (i + 1), 400 * (i + 1)};
    Functions after = before;
    after["copy"] = {600 + 12 * i, 100};
    words.insert(words.end(), {"--before", Record("run-a" + number, before, 4), "--after",
                               Record("run-b" + number, after, 4)});
  }
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  auto copy = Row(result.output, "self,copy");
  EXPECT_EQ(copy["verdict"], "more") << result.output;
  EXPECT_NEAR(std::stod(copy["change"]), 0.5, 1e-6);
  EXPECT_EQ(Row(result.output, "self,add")["verdict"], "same?");
}

// Cycles before: 400 + 200 + 300 + 100 for 900 instructions; after: 800 + 200 + 150 + 100 for 825.
TEST(DiffCpi, PictureIsAsWideAsCyclesAndColouredByTheChange) {
  Functions before = Usual();
  before["stale"] = {100, 100};
  Functions after = Usual();
  after["copy"] = {800, 100};
  after["mix"] = {150, 300};
  after["fresh"] = {100, 25};
  std::string picture = Table({"--format", "svg"}, before, after);
  EXPECT_THAT(picture, HasSubstr("CPU cycles per instruction (CPI): before and after"));
  EXPECT_THAT(picture, HasSubstr("CPI of all: before 1.11, after 1.52"));
  EXPECT_THAT(Frame(picture, "copy"), HasSubstr("CPI before 4.00, after 8.00, +100.0 % (95 %: +"));
  EXPECT_THAT(Frame(picture, "copy"),
              HasSubstr("; 40.0 % of all cycles before, 64.0 % after</title>"));
  EXPECT_THAT(Frame(picture, "copy"), HasSubstr("fill=\"#e23e2c\""));
  EXPECT_THAT(Frame(picture, "mix"), HasSubstr("fill=\"#2d6cdf\""));
  EXPECT_THAT(Frame(picture, "add"), HasSubstr("may be noise"));
  EXPECT_THAT(Frame(picture, "add"), HasSubstr("fill=\"#d9dbe0\""));
  EXPECT_THAT(Frame(picture, "fresh"), HasSubstr("CPI before none, after 4.00; 0 % of all"));
  EXPECT_THAT(Frame(picture, "fresh"), HasSubstr("fill=\"#d9dbe0\""));
  EXPECT_THAT(Frame(picture, "stale"), HasSubstr("CPI before 1.00, after none"));
  EXPECT_THAT(picture, Not(HasSubstr("twice or new")));
  // 64 % of all cycles after: its part of the width.
  std::string after_only = Table({"--format", "svg", "--width", "after"}, before, after);
  EXPECT_THAT(after_only, HasSubstr("data-v=\"640000000\" data-d=\"4\"><title>copy\n"));
  EXPECT_EQ(Frame(after_only, "stale"), "");
}

TEST(DiffCpi, HostileNamesCannotBreakThePicture) {
  Functions functions = Usual();
  functions["<script>alert(1)</script>"] = {100, 100};
  std::string picture = Table({"--format", "svg"}, functions, functions);
  EXPECT_THAT(picture, Not(HasSubstr("<script>alert")));
}

SideIntervals Seconds(size_t n) { return MakeSide(std::vector<double>(n, 1), {n}); }

// `weight` for each `total` of the function's own, in every interval.
Weights Own(const std::vector<double>& totals, double ratio) {
  Weights weights{.own_totals = totals};
  for (double total : totals) {
    weights.of_interval.push_back(total * ratio);
    weights.own_count += total;
  }
  weights.own_squares = weights.own_count;
  weights.count = weights.squares = weights.own_count * ratio;
  return weights;
}

TEST(DiffCpi, RatiosAreOfTheFunctionsOwnTotals) {
  SideIntervals side = Seconds(8);
  Weights before = Own({10, 90, 10, 90, 10, 90, 10, 90}, 2);
  Weights after = Own(std::vector<double>(8, 200), 3);
  Change change = MeasureChange(side, before, side, after);
  ASSERT_EQ(change.standing, Standing::kTested);
  EXPECT_DOUBLE_EQ(change.before.rate, 2);
  EXPECT_DOUBLE_EQ(change.after.rate, 3);
  EXPECT_NEAR(change.theta, std::log(1.5), 1e-12);
  // Both numbers swing together, and the ratio not at all; sampling has four terms.
  EXPECT_NEAR(change.before.variance, 0, 1e-12);
  EXPECT_NEAR(change.floor, 1 / 800.0 + 1 / 400.0 + 1 / 4800.0 + 1 / 1600.0, 1e-12);
}

TEST(DiffCpi, SwingsAreThoseOfTheRatio) {
  // As many instructions in each of 8 intervals, and cycles with a wave of 0.1 times the third
  // cosine: sqrt(2/8) x 0.1 x 4 = 0.2.
  SideIntervals side = Seconds(8);
  Weights weights = Own(std::vector<double>(8, 500), 2);
  for (size_t t = 0; t < 8; ++t) {
    weights.of_interval[t] *= 1 + 0.1 * std::cos(M_PI * 3 * (double(t) + 0.5) / 8);
  }
  Change change = MeasureChange(side, weights, side, weights);
  EXPECT_NEAR(change.before.variance, 0.2 * 0.2 / (3 * 8), 1e-12);
}

TEST(DiffCpi, StandingOfWhatHasNoRatio) {
  SideIntervals side = Seconds(8);
  Weights none = Own(std::vector<double>(8, 0), 1);
  Weights some = Own(std::vector<double>(8, 50), 1);
  Weights no_divisor = some;
  no_divisor.own_totals.assign(8, 0);
  no_divisor.own_count = no_divisor.own_squares = 0;
  Change only_after = MeasureChange(side, none, side, some);
  EXPECT_EQ(only_after.standing, Standing::kOnlyAfter);
  EXPECT_FALSE(only_after.is_tested());
  EXPECT_EQ(only_after.floor, 0);
  EXPECT_EQ(MeasureChange(side, some, side, none).standing, Standing::kOnlyBefore);
  EXPECT_EQ(MeasureChange(side, some, side, no_divisor).standing, Standing::kFewSamples);
  EXPECT_EQ(MeasureChange(side, none, side, none).standing, Standing::kFewSamples);
}

}  // namespace
}  // namespace twofold::testing
