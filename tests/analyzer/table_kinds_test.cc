// twofold table --by kind, against captures whose sums are worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMs = kMillisecondNs;

// Stacks of the kinds that the tests need.
struct Stacks {
  explicit Stacks(CaptureMaker& maker)
      : pipe(maker.Stack({"k:vfs_read", "k:pipe_read", "k:schedule"})),
        futex(maker.Stack({"k:do_futex", "k:futex_wait", "k:schedule"})),
        disk(maker.Stack({"k:vfs_read", "k:filemap_read", "k:io_schedule"})),
        fault(maker.Stack({"k:exc_page_fault", "k:filemap_fault", "k:io_schedule"})),
        sleep(maker.Stack({"k:hrtimer_nanosleep", "k:do_nanosleep"})),
        unknown(maker.Stack({"k:my_ioctl", "k:my_driver_wait", "k:schedule"})) {}
  StackId pipe, futex, disk, fault, sleep, unknown;
};

void Sampled(CaptureMaker& maker, ThreadId thread, StackId kernel, uint64_t time_ns) {
  BlockedRow row;
  row.thread = thread;
  row.state = BlockState::kInterruptible;
  row.kernel_stack = kernel;
  row.time_ns = time_ns;
  row.sampled_ns = time_ns;
  row.samples = 1;
  row.count = 1;
  maker.interval().blocked->push_back(row);
}

// In ms, in one interval:
//   tar 100      CPU 100, woken 30, preempted 20; S: pipe 450; D: disk 300, page fault 100
//   gzip 200     CPU 400; S 600, of which samples have a third: pipe 200, lock 100
//   gzip-io 201  S 500, of which nothing was kept
std::string ThreeThreads() {
  CaptureMaker maker;
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId gzip = maker.AddThread("gzip", 200);
  ThreadId io = maker.AddSibling("gzip-io", 201);
  Stacks stacks(maker);
  maker.interval().quantum_ns = 100 * kMs;
  maker.AddAccount({.thread = tar,
                    .existed_ns = 1000 * kMs,
                    .user_ns = 1 * kMs,
                    .system_ns = 3 * kMs,
                    .on_cpu_ns = 100 * kMs,
                    .woken_ns = 30 * kMs,
                    .preempted_ns = 20 * kMs,
                    .blocked_ns = {450 * kMs, 400 * kMs}});
  maker.Blocked(tar, BlockState::kInterruptible, maker.NoStack(), stacks.pipe, 450 * kMs);
  maker.Blocked(tar, BlockState::kUninterruptible, maker.NoStack(), stacks.disk, 300 * kMs);
  maker.Blocked(tar, BlockState::kUninterruptible, maker.NoStack(), stacks.fault, 100 * kMs);
  maker.AddAccount({.thread = gzip,
                    .existed_ns = 1000 * kMs,
                    .on_cpu_ns = 400 * kMs,
                    .blocked_ns = {600 * kMs}});
  Sampled(maker, gzip, stacks.pipe, 200 * kMs);
  Sampled(maker, gzip, stacks.futex, 100 * kMs);
  maker.AddAccount({.thread = io, .existed_ns = 500 * kMs, .blocked_ns = {500 * kMs}});
  maker.EndInterval();
  return maker.Finish();
}

std::string Table(const std::string& capture, std::vector<std::string> options) {
  std::string path = WriteTemporary("kinds.twofold", capture);
  options.insert(options.begin(), {"table", "--by", "kind"});
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

TEST(TableKinds, SharesOfEachThreadsTimeByWhatItWaitedFor) {
  EXPECT_EQ(Table(ThreeThreads(), {}),
            "CPU to other in per cent of existed; wait: for a CPU; ?: no stack tells\n"
            "  pid tid existed  CPU wait disk lock pipe fault    ? other thread\n"
            "  200 200  1.00 s 40.0    0    0 20.0 40.0     0    0     0 gzip\n"
            "  100 100  1.00 s 10.0  5.0 30.0    0 45.0  10.0    0     0 tar\n"
            "  200 201  500 ms    0    0    0    0    0     0  100     0 gzip-io\n"
            "total      2.50 s 20.0  2.0 12.0  8.0 34.0   4.0 20.0     0 3 threads\n");
}

TEST(TableKinds, ByProcess) {
  EXPECT_EQ(Table(ThreeThreads(), {"--root", "process"}),
            "CPU to other in per cent of existed; wait: for a CPU; ?: no stack tells\n"
            "  pid threads existed  CPU wait disk lock pipe fault    ? other process\n"
            "  200       2  1.50 s 26.7    0    0 13.3 26.7     0 33.3     0 gzip\n"
            "  100       1  1.00 s 10.0  5.0 30.0    0 45.0  10.0    0     0 tar\n"
            "total       3  2.50 s 20.0  2.0 12.0  8.0 34.0   4.0 20.0     0\n");
}

TEST(TableKinds, CsvAndJsonHaveEveryKind) {
  EXPECT_EQ(Table(ThreeThreads(), {"--format", "csv"}),
            "capture_id,pid,tid,existed_ns,on_cpu_ns,user_ns,system_ns,woken_ns,preempted_ns,"
            "blocked_ns,disk_ns,lock_ns,sleep_ns,network_ns,pipe_ns,poll_ns,page_fault_ns,"
            "child_ns,signal_ns,stopped_ns,idle_worker_ns,other_ns,unknown_ns,process,thread\r\n"
            "1,200,200,1000000000,400000000,,,0,0,"
            "600000000,0,200000000,0,0,400000000,0,0,0,0,0,0,0,0,gzip,gzip\r\n"
            "1,100,100,1000000000,100000000,25000000,75000000,30000000,20000000,"
            "850000000,300000000,0,0,0,450000000,0,100000000,0,0,0,0,0,0,tar,tar\r\n"
            "1,200,201,500000000,0,0,0,0,0,"
            "500000000,0,0,0,0,0,0,0,0,0,0,0,0,500000000,gzip,gzip-io\r\n");
  EXPECT_THAT(Table(ThreeThreads(), {"--format", "json", "--tid", "100"}),
              HasSubstr("\"blocked_ns\": 850000000, \"disk_ns\": 300000000, \"lock_ns\": 0, "));
}

// Sums of the columns from disk_ns to unknown_ns, less blocked_ns, for each row of the CSV table.
std::vector<int64_t> Residues(const std::string& csv) {
  std::vector<int64_t> residues;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<int64_t> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, ',');) {
      cells.push_back(std::strtoll(cell.c_str(), nullptr, 10));
    }
    int64_t residue = -cells[9];
    for (size_t i = 10; i < 23; ++i) residue += cells[i];
    residues.push_back(residue);
  }
  return residues;
}

TEST(TableKinds, KindsAddUpToBlockedTimeForEveryPartOfTheWindow) {
  // All that samples tell of the thread lies in the second interval; a thread of 100 ns whose kinds
  // have a third each.
  CaptureMaker maker;
  ThreadId late = maker.AddThread("late", 1);
  ThreadId thirds = maker.AddThread("thirds", 2);
  Stacks stacks(maker);
  maker.interval().quantum_ns = 100 * kMs;
  maker.AddAccount({.thread = late, .existed_ns = 100 * kMs, .blocked_ns = {100 * kMs}});
  maker.EndInterval();
  maker.interval().quantum_ns = 100 * kMs;
  maker.AddAccount({.thread = late, .existed_ns = 300 * kMs, .blocked_ns = {300 * kMs}});
  Sampled(maker, late, stacks.pipe, 150 * kMs);
  Sampled(maker, late, stacks.sleep, 50 * kMs);
  maker.AddAccount({.thread = thirds, .existed_ns = 100, .blocked_ns = {100}});
  for (StackId stack : {stacks.pipe, stacks.sleep, stacks.futex}) {
    Sampled(maker, thirds, stack, 1000);
  }
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Residues(Table(capture, {"--format", "csv"})), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(Residues(Table(capture, {"--format", "csv", "--from", "1"})),
            (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(Residues(Table(capture, {"--format", "csv", "--to", "1"})), (std::vector<int64_t>{0}));
  // The whole: three quarters and a quarter of 400 ms. The second interval: of 300 ms.
  EXPECT_THAT(Table(capture, {"--format", "csv", "--pid", "1"}),
              HasSubstr(",400000000,0,0,100000000,0,300000000,"));
  EXPECT_THAT(Table(capture, {"--format", "csv", "--pid", "1", "--from", "1"}),
              HasSubstr(",300000000,0,0,75000000,0,225000000,"));
  EXPECT_THAT(Table(capture, {"--format", "csv", "--pid", "1", "--to", "1"}),
              HasSubstr(",100000000,0,0,0,0,0,0,0,0,0,0,0,0,100000000,late"));
}

TEST(TableKinds, StatesNeedNoStacks) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("mixed", 1);
  Stacks stacks(maker);
  // S, D, T, t, P, I, ?
  maker.AddAccount(
      {.thread = thread,
       .existed_ns = 280 * kMs,
       .blocked_ns = {10 * kMs, 20 * kMs, 30 * kMs, 40 * kMs, 50 * kMs, 60 * kMs, 70 * kMs}});
  maker.Blocked(thread, BlockState::kStopped, maker.NoStack(), stacks.pipe, 30 * kMs);
  maker.Blocked(thread, BlockState::kTraced, maker.NoStack(), maker.NoStack(), 40 * kMs);
  maker.Blocked(thread, BlockState::kParked, maker.NoStack(), maker.NoStack(), 50 * kMs);
  maker.Blocked(thread, BlockState::kIdle, maker.NoStack(), stacks.unknown, 60 * kMs);
  maker.Blocked(thread, BlockState::kOther, maker.NoStack(), stacks.unknown, 70 * kMs);
  maker.Blocked(thread, BlockState::kInterruptible, maker.NoStack(),
                maker.Stack({"![stack lost: map full]"}), 10 * kMs);
  maker.EndInterval();
  // Stopped 30 + 40, idle 50 + 60, other 70, unknown 10 + 20.
  EXPECT_THAT(Table(maker.Finish(), {"--format", "csv"}),
              HasSubstr(",280000000,0,0,0,0,0,0,0,0,0,70000000,110000000,70000000,30000000,"));
}

TEST(TableKinds, UsersFunctionsTellKinds) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  Stacks stacks(maker);
  maker.AddAccount({.thread = thread, .existed_ns = 100 * kMs, .blocked_ns = {100 * kMs}});
  maker.Blocked(thread, BlockState::kInterruptible, maker.NoStack(), stacks.unknown, 100 * kMs);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_THAT(Table(capture, {}), HasSubstr("  1   1  100 ms   0    0   100 a\n"));
  std::string path = WriteTemporary("my_kinds.txt", "disk  my_driver_*\n");
  EXPECT_THAT(Table(capture, {"--wait-kinds", path}),
              HasSubstr("  pid tid existed CPU wait disk other thread\n"));
  std::string wrong = WriteTemporary("wrong_kinds.txt", "\ntape  my_driver_*\n");
  RunResult result = RunTwofold({"table", "--by", "kind", "--wait-kinds", wrong, "x.twofold"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("wrong_kinds.txt, line 2: there is no kind of waiting"));
}

TEST(TableKinds, WhatIsNotRecordedIsSaid) {
  CaptureMaker maker({"cpu"});
  ThreadId thread = maker.AddThread("a", 1);
  maker.AddAccount({.thread = thread, .existed_ns = 100});
  maker.EndInterval();
  std::string path = WriteTemporary("no_blocked.twofold", maker.Finish());
  RunResult result = RunTwofold({"table", "--by", "kind", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("kinds of waiting need blocked time, and the capture holds "
                                      "none"));
}

TEST(TableKinds, OptionsOfOtherTablesAreRefused) {
  std::string path = WriteTemporary("kinds.twofold", ThreeThreads());
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--limit", "x"},
                                                  {"--view", "runq", "--by", "kind"},
                                                  {"--view", "longest", "--root", "thread"},
                                                  {"--by", "colour"},
                                                  {"--state", "D"}}) {
    std::vector<std::string> words = {"table", path};
    words.insert(words.end(), options.begin(), options.end());
    RunResult result = RunTwofold(words);
    EXPECT_EQ(result.status, 2) << options[0];
  }
}

TEST(TableKinds, ALimitSumsUpTheRest) {
  std::string path = WriteTemporary("kinds.twofold", ThreeThreads());
  auto lines = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"table", "--by", "kind"});
    options.push_back(path);
    std::istringstream text(RunTwofold(options).output);
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) all.push_back(line);
    return all;
  };
  std::vector<std::string> all = lines({});
  std::vector<std::string> one = lines({"--limit", "1"});
  ASSERT_EQ(one.size(), 5u);
  EXPECT_EQ(one[2], all[2]);
  EXPECT_THAT(one[3], HasSubstr("rest"));
  EXPECT_THAT(one[3], HasSubstr("2 threads"));
  EXPECT_EQ(one[4], all.back());
}

TEST(TableKinds, TheSameFromADatabase) {
  std::string capture = WriteTemporary("same_kinds.twofold", ThreeThreads());
  std::string database = TemporaryPath("same_kinds.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, capture}).status, 0);
  EXPECT_EQ(RunTwofold({"table", "--by", "kind", database}).output,
            RunTwofold({"table", "--by", "kind", capture}).output);
}

TEST(TableKinds, FitsIn80ColumnsWhateverItHolds) {
  CaptureMaker maker;
  Stacks stacks(maker);
  uint32_t number = 4194000;
  for (uint64_t part_ns : {uint64_t{1}, uint64_t{333}, kSecondNs, 365 * 86400 * kSecondNs}) {
    ThreadId thread = maker.AddThread(std::string(40, 'n'), number++);
    uint64_t sum_ns = 7 * part_ns;
    for (StackId stack : {stacks.pipe, stacks.futex, stacks.disk, stacks.fault, stacks.sleep,
                          stacks.unknown, maker.NoStack()}) {
      maker.Blocked(thread, BlockState::kInterruptible, maker.NoStack(), stack, part_ns);
    }
    maker.AddAccount({.thread = thread,
                      .existed_ns = sum_ns + 3 * part_ns,
                      .on_cpu_ns = part_ns,
                      .woken_ns = part_ns,
                      .preempted_ns = part_ns,
                      .blocked_ns = {sum_ns}});
  }
  maker.EndInterval();
  std::string text =
      RunOnTerminal({"table", "--by", "kind", WriteTemporary("wide.twofold", maker.Finish())});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  EXPECT_THAT(text, HasSubstr("nnnn\u2026\n"));
}

}  // namespace
}  // namespace twofold::testing
