// Filters of stacks in `twofold diff`, on captures whose differences are known to the sample.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <sstream>

#include "analyzer/fold/stack_filter.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

constexpr int kSeconds = 30;

// Samples of 10 ms that each stack ("main;run;read") has in every second.
using Stacks = std::map<std::string, uint64_t>;

// Twelve functions of 100 samples a second that stay as they are: 1200 together.
Stacks Steady() {
  Stacks stacks;
  for (char c = 'a'; c < 'm'; ++c) stacks[std::string("main;run;work_") + c] = 100;
  return stacks;
}

std::string Record(const std::string& name, const Stacks& stacks) {
  CaptureMaker maker({"cpu"});
  ThreadId app = maker.AddThread("app", 100);
  std::vector<std::pair<StackId, uint64_t>> rows;
  for (const auto& [path, samples] : stacks) {
    std::vector<std::string> frames;
    std::istringstream stream(path);
    for (std::string frame; std::getline(stream, frame, ';');) frames.push_back(frame);
    rows.emplace_back(maker.Stack(frames), samples);
  }
  for (int t = 0; t < kSeconds; ++t) {
    for (const auto& [stack, samples] : rows) maker.Cpu(app, stack, maker.NoStack(), samples);
    maker.EndInterval();
  }
  return WriteTemporary(name, maker.Finish());
}

struct Row {
  std::string verdict;
  double before_cost = 0;
  double after_cost = 0;
  double change = 0;
  uint64_t before_samples = 0;  // a second
  uint64_t after_samples = 0;
};

using Rows = std::map<std::string, Row>;  // by "self,read" or "stack,app;main;read"

Rows RowsOf(const std::string& csv) {
  Rows rows;
  std::istringstream stream(csv);
  std::string line;
  std::getline(stream, line);
  while (std::getline(stream, line)) {
    std::vector<std::string> cells;
    std::istringstream cell_stream(line);
    for (std::string cell; std::getline(cell_stream, cell, ',');) cells.push_back(cell);
    auto number = [&](size_t i) { return std::strtod(cells[i].c_str(), nullptr); };
    constexpr double kSampleNs = 1e7 * kSeconds;
    rows[cells[0] + "," + cells[1]] = {cells[2],
                                       number(3),
                                       number(4),
                                       number(5),
                                       uint64_t(number(10) / kSampleNs),
                                       uint64_t(number(11) / kSampleNs)};
  }
  return rows;
}

// Both sides as the tests below have them: `read` doubles when it is called by `serve` alone.
class DiffFilters : public ::testing::Test {
 protected:
  void SetUp() override {
    Stacks before = Steady();
    before["main;serve;read"] = 100;
    before["main;run;read"] = 100;
    Stacks after = before;
    after["main;serve;read"] = 200;
    before_ = Record("before.twofold", before);
    after_ = Record("after.twofold", after);
  }

  RunResult Run(std::vector<std::string> options) {
    options.insert(options.begin(), "diff");
    options.insert(options.end(), {before_, after_});
    return RunTwofold(options);
  }

  Rows Diff(std::vector<std::string> options) {
    options.insert(options.end(), {"--format", "csv"});
    RunResult result = Run(options);
    EXPECT_EQ(result.status, 0) << result.words;
    return RowsOf(result.output);
  }

  std::string before_;
  std::string after_;
};

TEST_F(DiffFilters, AreThoseOfOtherViews) {
  std::string help = RunTwofold({"diff", "--help"}).output;
  for (const StackFilter* filter : StackFilters()) {
    EXPECT_NE(help.find("--" + std::string(filter->option) + " "), std::string::npos)
        << filter->option;
  }
}

TEST_F(DiffFilters, CostsAreThoseOfTheWhole) {
  Rows rows = Diff({"--focus", "^serve$"});
  const Row& read = rows["self,read"];
  EXPECT_EQ(read.before_samples, 100u);
  EXPECT_EQ(read.after_samples, 200u);
  // Nanoseconds per second of all CPU time, not of the time that was chosen.
  EXPECT_NEAR(read.before_cost, 1e9 * 100 / 1400, 1000);
  EXPECT_NEAR(read.after_cost, 1e9 * 200 / 1500, 1000);
  // Functions that do not match tell what all changed by: as a share each went from 1/14 to 1/15.
  EXPECT_NEAR(read.change, 1, 0.001);
  EXPECT_EQ(read.verdict, "more");
  EXPECT_EQ(rows.count("self,work_a"), 0u);
  EXPECT_EQ(rows.count("total,run"), 0u);
  EXPECT_EQ(rows["total,main"].before_samples, 100u);
}

TEST_F(DiffFilters, IgnoreLeavesTheOthers) {
  Rows rows = Diff({"--ignore", "^serve$"});
  EXPECT_EQ(rows["self,read"].before_samples, 100u);
  EXPECT_EQ(rows["self,read"].after_samples, 100u);
  EXPECT_NE(rows["self,read"].verdict, "more");
  EXPECT_EQ(rows.count("total,serve"), 0u);
  EXPECT_EQ(rows["self,work_a"].after_samples, 100u);
}

TEST_F(DiffFilters, HideGivesTimeToCallers) {
  Rows rows = Diff({"--hide", "^read$"});
  EXPECT_EQ(rows.count("self,read"), 0u);
  EXPECT_EQ(rows["self,serve"].before_samples, 100u);
  EXPECT_EQ(rows["self,serve"].after_samples, 200u);
  EXPECT_EQ(rows["self,run"].after_samples, 100u);
  EXPECT_EQ(rows["self,serve"].verdict, "more");
}

TEST_F(DiffFilters, ShowFromCutsCallers) {
  Rows rows = Diff({"--show-from", "^serve$"});
  EXPECT_EQ(rows["stack,app;serve;read"].after_samples, 200u);
  EXPECT_EQ(rows.count("total,main"), 0u);
  EXPECT_EQ(rows.count("self,work_a"), 0u);
}

TEST_F(DiffFilters, AreAppliedTogether) {
  Rows rows = Diff({"--focus", "^serve$", "--hide", "^main$", "--root", "none"});
  EXPECT_EQ(rows["stack,serve;read"].before_samples, 100u);
  EXPECT_EQ(rows.count("total,main"), 0u);
}

TEST_F(DiffFilters, LookIntoFilesToo) {
  std::string all = Run({}).output;
  EXPECT_EQ(Run({"--focus", "^/usr/bin/app$"}).output, all);
  EXPECT_EQ(Run({"--ignore", "^/usr/lib/other$"}).output, all);
  EXPECT_EQ(Run({"--ignore", "^/usr/bin/app$"}).status, 1) << "nothing is left";
}

TEST_F(DiffFilters, NothingThatMatchesIsSaidSo) {
  RunResult result = Run({"--focus", "nowhere"});
  EXPECT_EQ(result.status, 1) << result.words;
  EXPECT_NE(result.words.find("before: no time matches the filters"), std::string::npos);
  EXPECT_NE(result.words.find("after: no time matches the filters"), std::string::npos);
  EXPECT_EQ(Run({"--focus", "nowhere", "--fail-if", "regression > 5 %"}).status, 5);
}

TEST_F(DiffFilters, WrongValuesAreMistakes) {
  for (const StackFilter* filter : StackFilters()) {
    if (filter->value_name.empty()) continue;
    RunResult result = Run({"--" + std::string(filter->option), "("});
    EXPECT_EQ(result.status, 2) << filter->option;
    EXPECT_EQ(result.output, "");
    EXPECT_NE(result.words.find(filter->option), std::string::npos) << result.words;
  }
}

TEST_F(DiffFilters, ChooseWhatFailIfLooksAt) {
  auto gate = [&](const char* filter, const char* value) {
    return Run({filter, value, "--fail-if", "regression > 50 %"}).status;
  };
  EXPECT_EQ(gate("--focus", "^serve$"), 4);
  EXPECT_EQ(gate("--ignore", "^serve$"), 0);
}

TEST_F(DiffFilters, EveryFormOfInputWorks) {
  std::string database = TemporaryPath("filters.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, before_, before_}).status, 0);
  RunResult result =
      RunTwofold({"diff", "--format", "csv", "--focus", "^serve$", "--before", database, "--before",
                  before_, "--after", after_, "--after", after_, "--after", after_});
  EXPECT_EQ(result.status, 0) << result.words;
  Rows rows = RowsOf(result.output);
  EXPECT_EQ(rows["self,read"].before_samples, 300u);
  EXPECT_EQ(rows["self,read"].after_samples, 600u);
  EXPECT_NEAR(rows["self,read"].change, 1, 0.001);
}

TEST_F(DiffFilters, PicturesShowWhatIsChosen) {
  std::string picture = Run({"--focus", "^serve$", "--format", "svg"}).output;
  EXPECT_NE(picture.find("<title>serve\n"), std::string::npos);
  EXPECT_EQ(picture.find("<title>work_a\n"), std::string::npos);
  EXPECT_EQ(picture.find("are not drawn"), std::string::npos);
}

// Frames are small when they are small on both sides: `grows` is, before, and must not look new.
TEST(DiffMinPercent, KeepsWhatIsLargeOnOneSide) {
  Stacks before = Steady();
  before["main;run;grows"] = 10;
  before["main;run;small"] = 10;
  before["main;run;tiny.isra.0"] = 50;
  Stacks after = before;
  after["main;run;grows"] = 100;
  after.erase("main;run;tiny.isra.0");
  after["main;run;tiny"] = 5;  // the same function, of another build
  std::string a = Record("a.twofold", before);
  std::string b = Record("b.twofold", after);
  RunResult result = RunTwofold({"diff", "--min-percent", "2", "--format", "csv", a, b});
  EXPECT_EQ(result.status, 0) << result.words;
  Rows rows = RowsOf(result.output);
  EXPECT_EQ(rows["self,grows"].before_samples, 10u);
  EXPECT_EQ(rows["self,grows"].after_samples, 100u);
  EXPECT_EQ(rows["self,tiny"].before_samples, 50u);
  EXPECT_EQ(rows["self,tiny"].after_samples, 5u);
  EXPECT_EQ(rows.count("self,small"), 0u);
  // Its time is still its callers'.
  EXPECT_EQ(rows["total,run"].before_samples, 1270u);
  EXPECT_EQ(rows["total,run"].after_samples, 1315u);
  std::string picture = RunTwofold({"diff", "--min-percent", "2", "--format", "svg", a, b}).output;
  EXPECT_NE(picture.find("<title>[below 2 %]\n"), std::string::npos);
  EXPECT_EQ(picture.find("<title>small\n"), std::string::npos);
}

TEST(DiffMinPercent, CountsOfWhatTheOtherFiltersLeft) {
  Stacks stacks = Steady();
  stacks["main;serve;read"] = 10;
  stacks["main;serve;write"] = 1;
  std::string a = Record("a.twofold", stacks);
  Rows rows = RowsOf(
      RunTwofold({"diff", "--focus", "serve", "--min-percent", "20", "--format", "csv", a, a})
          .output);
  EXPECT_EQ(rows["self,read"].before_samples, 10u);
  EXPECT_EQ(rows.count("self,write"), 0u);
  EXPECT_EQ(rows["total,serve"].before_samples, 11u);
}

TEST(DiffMinPercent, NothingIsSmallerThanZero) {
  std::string a = Record("a.twofold", Steady());
  EXPECT_EQ(RunTwofold({"diff", "--min-percent", "0", a, a}).output,
            RunTwofold({"diff", a, a}).output);
}

// Blocks that go on from interval to interval are one block, with and without filters.
TEST(DiffFiltersOfBlocks, FocusChangesNoNumber) {
  auto record = [](const std::string& name, uint64_t pipe_ms) {
    CaptureMaker maker({"cpu", "offcpu"});
    ThreadId app = maker.AddThread("app", 100);
    StackId work = maker.Stack({"main", "work"});
    StackId pipe = maker.Stack({"k:do_syscall_64", "k:pipe_read", "k:schedule"});
    StackId futex = maker.Stack({"k:do_syscall_64", "k:futex_wait_queue", "k:schedule"});
    for (int t = 0; t < kSeconds; ++t) {
      maker.Cpu(app, work, maker.NoStack(), 50);
      maker.AddBlocked(
          {.thread = app,
           .state = BlockState::kInterruptible,
           .kernel_stack = pipe,
           .user_stack = work,
           .time_ns = pipe_ms * kMillisecondNs,
           .count = 1,
           .parts = uint8_t((t > 0 ? kBegunBefore : 0) | (t + 1 < kSeconds ? kOpenAtEnd : 0))});
      maker.Blocked(app, BlockState::kInterruptible, work, futex, 200 * kMillisecondNs, 100);
      maker.EndInterval();
    }
    return WriteTemporary(name, maker.Finish());
  };
  std::string a = record("a.twofold", 100);
  std::string b = record("b.twofold", 300);
  auto line_of = [&](std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"diff", "--view", "offcpu", "--per", "cpu-second", "--format", "csv"});
    options.insert(options.end(), {a, b});
    RunResult result = RunTwofold(options);
    EXPECT_EQ(result.status, 0) << result.words;
    size_t at = result.output.find("\nself,pipe_read,");
    EXPECT_NE(at, std::string::npos) << result.output;
    return result.output.substr(at + 1, result.output.find('\r', at) - at - 1);
  };
  std::string all = line_of({});
  std::string chosen = line_of({"--focus", "pipe_read"});
  // Verdict, p and what could be seen depend on how many are tested; costs and changes do not.
  auto costs = [](const std::string& line) {
    size_t verdict_end = line.find(',', std::string("self,pipe_read,").size());
    return line.substr(verdict_end, line.find_last_of(',', line.size()) - verdict_end);
  };
  EXPECT_EQ(costs(chosen).substr(0, 30), costs(all).substr(0, 30)) << all << "\n" << chosen;
  auto tail = [](const std::string& line) { return line.substr(line.find(",3000000000,")); };
  EXPECT_EQ(tail(chosen), tail(all));
}

}  // namespace
}  // namespace twofold::testing
