// twofold table, against a capture whose sums are worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMs = kMillisecondNs;

// In ms, tar and gzip, which has two threads, in two intervals:
//            existed  CPU  user:kernel  woken  preempted  blocked
//   tar       1000    300      1:3       100      50      S 500, D 50
//              400    100    unknown       0       0      S 300
//   gzip   1000+7 ns  600      9:0       150     250
//             1000      0    unknown       0       0      idle 1000
//   gzip-io      -
//              500      0    unknown       0       0      stopped, traced, parked 100, other 200
std::string TwoProcesses(const std::string& io_name = "gzip-io") {
  CaptureMaker maker;
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId gzip = maker.AddThread("gzip", 200);
  ThreadId io = maker.AddSibling(io_name, 201);
  maker.AddAccount({.thread = tar,
                    .existed_ns = 1000 * kMs,
                    .user_ns = 4 * kMs,
                    .system_ns = 12 * kMs,
                    .on_cpu_ns = 300 * kMs,
                    .woken_ns = 100 * kMs,
                    .preempted_ns = 50 * kMs,
                    .blocked_ns = {500 * kMs, 50 * kMs}});
  maker.AddAccount({.thread = gzip,
                    .existed_ns = 1000 * kMs + 7,
                    .user_ns = 9,
                    .on_cpu_ns = 600 * kMs,
                    .woken_ns = 150 * kMs,
                    .preempted_ns = 250 * kMs});
  maker.EndInterval();
  maker.AddAccount(
      {.thread = tar, .existed_ns = 400 * kMs, .on_cpu_ns = 100 * kMs, .blocked_ns = {300 * kMs}});
  maker.AddAccount(
      {.thread = gzip, .existed_ns = 1000 * kMs, .blocked_ns = {0, 0, 0, 0, 0, 1000 * kMs}});
  maker.AddAccount({.thread = io,
                    .existed_ns = 500 * kMs,
                    .blocked_ns = {0, 0, 100 * kMs, 100 * kMs, 100 * kMs, 0, 200 * kMs}});
  maker.EndInterval();
  return maker.Finish();
}

std::string Table(const std::string& capture, std::vector<std::string> options) {
  std::string path = WriteTemporary("table.twofold", capture);
  options.insert(options.begin(), "table");
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

// Cells of a text without quotes.
std::vector<std::vector<std::string>> Csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_EQ(line.back(), '\r');
    line.pop_back();
    rows.emplace_back();
    std::istringstream cells(line + ",");
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

TEST(TableStates, SharesOfEachThreadsTimeMostCpuTimeFirst) {
  EXPECT_EQ(Table(TwoProcesses(), {}),
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "  pid tid existed  CPU user kern woken preem    S   D other thread\n"
            "  200 200  2.00 s 30.0 30.0    0   7.5  12.5    0   0  50.0 gzip\n"
            "  100 100  1.40 s 28.6  7.1 21.4   7.1   3.6 57.1 3.6     0 tar\n"
            "  200 201  500 ms    0    0    0     0     0    0   0   100 gzip-io\n"
            "total      3.90 s 25.6 19.2  6.4   6.4   7.7 20.5 1.3  38.5 3 threads\n");
}

TEST(TableStates, ByProcess) {
  EXPECT_EQ(Table(TwoProcesses(), {"--root", "process"}),
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "  pid threads existed  CPU user kern woken preem    S   D other process\n"
            "  200       2  2.50 s 24.0 24.0    0   6.0  10.0    0   0  60.0 gzip\n"
            "  100       1  1.40 s 28.6  7.1 21.4   7.1   3.6 57.1 3.6     0 tar\n"
            "total       3  3.90 s 25.6 19.2  6.4   6.4   7.7 20.5 1.3  38.5\n");
}

TEST(TableStates, CsvHasEveryStateInNanosecondsAndTheResidue) {
  EXPECT_EQ(Table(TwoProcesses(), {"--format", "csv"}),
            "capture_id,pid,tid,existed_ns,on_cpu_ns,user_ns,system_ns,woken_ns,preempted_ns,"
            "interruptible_ns,uninterruptible_ns,stopped_ns,traced_ns,parked_ns,idle_ns,other_ns,"
            "residue_ns,process,thread\r\n"
            "1,200,200,2000000007,600000000,600000000,0,150000000,250000000,"
            "0,0,0,0,0,1000000000,0,-7,gzip,gzip\r\n"
            "1,100,100,1400000000,400000000,100000000,300000000,100000000,50000000,"
            "800000000,50000000,0,0,0,0,0,0,tar,tar\r\n"
            "1,200,201,500000000,0,0,0,0,0,"
            "0,0,100000000,100000000,100000000,0,200000000,0,gzip,gzip-io\r\n");
}

TEST(TableStates, JsonIsAnArrayOfObjects) {
  EXPECT_EQ(Table(TwoProcesses(), {"--format", "json", "--root", "process", "--comm", "tar"}),
            "[\n"
            "{\"capture_id\": 1, \"pid\": 100, \"threads\": 1, \"existed_ns\": 1400000000, "
            "\"on_cpu_ns\": 400000000, \"user_ns\": 100000000, \"system_ns\": 300000000, "
            "\"woken_ns\": 100000000, \"preempted_ns\": 50000000, "
            "\"interruptible_ns\": 800000000, \"uninterruptible_ns\": 50000000, "
            "\"stopped_ns\": 0, \"traced_ns\": 0, \"parked_ns\": 0, \"idle_ns\": 0, "
            "\"other_ns\": 0, \"residue_ns\": 0, \"process\": \"tar\"}\n"
            "]\n");
}

TEST(TableStates, FiltersSelectThreadsAndIntervals) {
  std::string capture = TwoProcesses();
  auto tids = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"--format", "csv"});
    std::vector<std::vector<std::string>> rows = Csv(Table(capture, options));
    std::string text;
    for (size_t i = 1; i < rows.size(); ++i) text += rows[i][2] + ":" + rows[i][3] + " ";
    return text;
  };
  EXPECT_EQ(tids({"--pid", "200"}), "200:2000000007 201:500000000 ");
  EXPECT_EQ(tids({"--tid", "201"}), "201:500000000 ");
  EXPECT_EQ(tids({"--comm", "gzip-*"}), "201:500000000 ");
  EXPECT_EQ(tids({"--to", "1"}), "200:1000000007 100:1000000000 ");
  EXPECT_EQ(tids({"--from", "1"}), "100:400000000 200:1000000000 201:500000000 ");
  EXPECT_EQ(tids({"--from", "1", "--pid", "100"}), "100:400000000 ");
}

TEST(TableStates, WhereNoTickHitAThreadUserAndKernelAreUnknown) {
  std::string capture = TwoProcesses();
  EXPECT_THAT(Table(capture, {"--from", "1", "--pid", "100"}),
              HasSubstr(" 400 ms 25.0    -    -     0"));
  EXPECT_THAT(Table(capture, {"--from", "1", "--pid", "100", "--format", "csv"}),
              HasSubstr("400000000,100000000,,,0,"));
  EXPECT_THAT(Table(capture, {"--from", "1", "--pid", "100", "--format", "json"}),
              HasSubstr("\"user_ns\": null, \"system_ns\": null, "));
}

TEST(TableStates, NoMatchingRowIsSaid) {
  std::string path = WriteTemporary("table.twofold", TwoProcesses());
  RunResult result = RunTwofold({"table", "--pid", "1", "--format", "json", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.words,
            "twofold: --pid: nothing in the capture matches '1'. 'twofold table' lists processes "
            "and threads.\n");
  // Each is there, but not together.
  result = RunTwofold({"table", "--pid", "100", "--comm", "gzip", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("no row matches the filters"));
}

TEST(TableStates, ACaptureWithoutAccountsIsAnErrorThatSaysSo) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string path = WriteTemporary("old.twofold", maker.Finish());
  RunResult result = RunTwofold({"table", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.words, HasSubstr("old.twofold: the table states needs accounts"));
}

TEST(TableStates, IsTheViewOfThatNameAndTheSameFromADatabase) {
  std::string capture = WriteTemporary("same.twofold", TwoProcesses());
  std::string database = TemporaryPath("same-states.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, capture}).status, 0);
  std::string wanted = RunTwofold({"table", "--format", "csv", capture}).output;
  EXPECT_EQ(RunTwofold({"table", "--format", "csv", database}).output, wanted);
  EXPECT_EQ(RunTwofold({"table", "--root", "process", database}).output,
            RunTwofold({"table", "--root", "process", capture}).output);
  std::string query =
      "SELECT states.capture_id, pid, tid, existed_ns, on_cpu_ns, user_ns, system_ns, woken_ns, "
      "preempted_ns, interruptible_ns, uninterruptible_ns, stopped_ns, traced_ns, parked_ns, "
      "idle_ns, other_ns, residue_ns, process.name AS process, thread.name AS thread "
      "FROM states JOIN process USING (process_id) JOIN thread USING (thread_id) "
      "ORDER BY on_cpu_ns DESC, pid, tid";
  EXPECT_EQ(RunTwofold({"sql", "--csv", database, query}).output, wanted);
  EXPECT_EQ(RunTwofold({"sql", "--csv", capture, query}).output, wanted);
}

TEST(TableStates, SeveralCapturesKeepApart) {
  std::string one = WriteTemporary("one.twofold", TwoProcesses());
  std::string two = WriteTemporary("two.twofold", TwoProcesses());
  std::string database = TemporaryPath("two-states.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, one, two}).status, 0);
  RunResult result = RunTwofold({"table", "--pid", "100", database});
  EXPECT_EQ(result.output,
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "in   pid tid existed  CPU user kern woken preem    S   D other thread\n"
            " 1   100 100  1.40 s 28.6  7.1 21.4   7.1   3.6 57.1 3.6     0 tar\n"
            " 2   100 100  1.40 s 28.6  7.1 21.4   7.1   3.6 57.1 3.6     0 tar\n"
            "   total      2.80 s 28.6  7.1 21.4   7.1   3.6 57.1 3.6     0 2 threads\n");
}

TEST(TableStates, ACaptureWithoutAccountsBesideOthersIsNamed) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string one = WriteTemporary("one.twofold", TwoProcesses());
  std::string old = WriteTemporary("old.twofold", maker.Finish());
  std::string database = TemporaryPath("mixed-states.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, one, old}).status, 0);
  RunResult result = RunTwofold({"table", database});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("3 threads\n"));
  EXPECT_EQ(result.words, "twofold: old.twofold holds no accounts of threads\n");
}

TEST(TableStates, NamesCannotBreakAnyOutput) {
  std::string capture = TwoProcesses("=a,\"b\\\x1b[2J");
  EXPECT_THAT(Table(capture, {}), HasSubstr(" =a,\"b\\\\\\x1b[2J\n"));
  EXPECT_THAT(Table(capture, {"--format", "csv"}),
              HasSubstr(",gzip,\"'=a,\"\"b\\\\\\x1b[2J\"\r\n"));
  EXPECT_THAT(Table(capture, {"--format", "json"}),
              HasSubstr("\"thread\": \"=a,\\\"b\\\\\\\\\\\\x1b[2J\"}"));
}

TEST(TableStates, FitsIn80ColumnsWhateverItHolds) {
  CaptureMaker maker;
  constexpr uint64_t kYearNs = 365 * 86400 * kSecondNs;
  const uint64_t kTimes[] = {1, 999, kSecondNs, 118 * kSecondNs, 7200 * kSecondNs, kYearNs};
  uint32_t number = 4194000;
  for (uint64_t existed_ns : kTimes) {
    for (uint64_t part : {uint64_t{1}, existed_ns / 3, existed_ns, existed_ns * 3}) {
      ThreadId thread = maker.AddThread(std::string(40, 'n'), number++);
      maker.AddAccount({.thread = thread,
                        .existed_ns = existed_ns,
                        .user_ns = 1,
                        .system_ns = 2,
                        .on_cpu_ns = part,
                        .woken_ns = part,
                        .preempted_ns = part,
                        .blocked_ns = {part, part, part}});
    }
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  for (const char* root : {"thread", "process"}) {
    std::string text = RunOnTerminal(
        {"table", "--limit", "0", "--root", root, WriteTemporary("wide.twofold", capture)});
    std::istringstream lines(text);
    size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      EXPECT_LE(DisplayWidth(line), 80u) << line;
    }
    EXPECT_EQ(count, 27u);
    EXPECT_THAT(text, HasSubstr("nnnn\u2026\n"));
  }
}

TEST(TableStates, APipeCutsNothing) {
  std::string capture = TwoProcesses(std::string(200, 'n'));
  EXPECT_THAT(Table(capture, {}), HasSubstr(" " + std::string(200, 'n') + "\n"));
}

TEST(TableStates, ALimitSumsUpTheRest) {
  std::string capture = TwoProcesses();
  EXPECT_EQ(Table(capture, {"--limit", "1"}),
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "  pid tid existed  CPU user kern woken preem    S   D other thread\n"
            "  200 200  2.00 s 30.0 30.0    0   7.5  12.5    0   0  50.0 gzip\n"
            " rest      1.90 s 21.1  5.3 15.8   5.3   2.6 42.1 2.6  26.3 2 threads\n"
            "total      3.90 s 25.6 19.2  6.4   6.4   7.7 20.5 1.3  38.5 3 threads\n");
  std::string path = WriteTemporary("table.twofold", capture);
  EXPECT_EQ(RunTwofold({"table", "--limit", "1", path}).words,
            "twofold: shows the 1 with most CPU time of 3 threads, and what the others sum to; "
            "--limit 0 shows all\n");
  EXPECT_EQ(RunTwofold({"table", path}).words, "");
  // For programs all rows are there unless a limit is given, and that is said.
  RunResult csv = RunTwofold({"table", "--format", "csv", "--limit", "2", path});
  EXPECT_EQ(Csv(csv.output).size(), 3u);
  EXPECT_THAT(csv.words, HasSubstr("shows the 2 with most CPU time of 3 threads"));
}

TEST(TableStates, AThreadThatMovedIsOneInEachOfItsControlGroups) {
  CaptureMaker maker;
  DefinitionsBuilder& builder = maker.definitions();
  Process process;
  process.pid = Pid(1);
  process.parent_pid = Pid(1);
  process.name = builder.InternString("app");
  process.cgroup = builder.InternString("/before");
  Thread thread;
  thread.process = builder.AddProcess(process);
  thread.tid = Tid(1);
  thread.name = process.name;
  for (const auto& [cgroup, on_cpu_ns] :
       std::vector<std::pair<const char*, uint64_t>>{{"/before", 30 * kMs}, {"/after", 10 * kMs}}) {
    thread.cgroup = builder.InternString(cgroup);
    maker.AddAccount({.thread = builder.AddThread(thread),
                      .existed_ns = 100 * kMs,
                      .on_cpu_ns = on_cpu_ns,
                      .blocked_ns = {100 * kMs - on_cpu_ns}});
  }
  maker.EndInterval();
  const std::string capture = maker.Finish();
  const std::string text = Table(capture, {"--root", "cgroup"});
  EXPECT_THAT(text, HasSubstr("      1  100 ms 30.0 "));
  EXPECT_THAT(text, HasSubstr(" /before\n"));
  EXPECT_THAT(text, HasSubstr("      1  100 ms 10.0 "));
  EXPECT_THAT(text, HasSubstr(" /after\n"));
  EXPECT_THAT(Table(capture, {"--root", "comm"}), HasSubstr("      1  200 ms 20.0 "));
}

TEST(TableStates, ManyThreadsAreNotAllShownToPeople) {
  CaptureMaker maker;
  for (uint32_t i = 1; i <= 100; ++i) {
    ThreadId thread = maker.AddThread("worker", i);
    maker.AddAccount({.thread = thread,
                      .existed_ns = 1000 * kMs,
                      .on_cpu_ns = i * kMs,
                      .blocked_ns = {(1000 - i) * kMs}});
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  std::string text = Table(capture, {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 1 + 16 + 2);
  // 1 + 2 + ... + 84 ms of 84 s, 5050 ms of 100 s.
  EXPECT_THAT(text, HasSubstr(" rest      84.0 s  4.2"));
  EXPECT_THAT(text, HasSubstr("total       100 s  5.0"));
  EXPECT_EQ(Csv(Table(capture, {"--format", "csv"})).size(), 101u);
  text = Table(capture, {"--limit", "0"});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1 + 1 + 100 + 1);
}

TEST(TableStates, RowsAreOfThreadsProcessesNamesControlGroupsOrAll) {
  std::string capture = TwoProcesses("tar");  // gzip's second thread is called as another process
  EXPECT_EQ(Table(capture, {"--root", "comm"}),
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "threads existed  CPU user kern woken preem    S   D other thread\n"
            "      1  2.00 s 30.0 30.0    0   7.5  12.5    0   0  50.0 gzip\n"
            "      2  1.90 s 21.1  5.3 15.8   5.3   2.6 42.1 2.6  26.3 tar\n"
            "      3  3.90 s 25.6 19.2  6.4   6.4   7.7 20.5 1.3  38.5 total\n");
  EXPECT_EQ(Table(capture, {"--root", "none"}),
            "CPU to other in per cent of existed; S and D: blocked, letters as in ps\n"
            "threads existed  CPU user kern woken preem    S   D other\n"
            "      3  3.90 s 25.6 19.2  6.4   6.4   7.7 20.5 1.3  38.5\n");
  EXPECT_THAT(Table(capture, {"--root", "cgroup"}), HasSubstr("38.5 [no cgroup]\n"));
  EXPECT_THAT(Csv(Table(capture, {"--root", "comm", "--format", "csv"}))[0].back(), "thread");
}

}  // namespace
}  // namespace twofold::testing
