// The view cpu, scaled to the exact time on a CPU that accounts tell, by hand-computed captures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;

std::string Fold(const std::string& capture, std::vector<std::string> options = {}) {
  std::string path = WriteTemporary("scaled.twofold", capture);
  options.insert(options.begin(), {"fold", "--view", "cpu"});
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

std::string Query(const std::string& capture, const std::string& query) {
  std::string path = WriteTemporary("scaled.twofold", capture);
  RunResult result = RunTwofold({"sql", "--csv", path, query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  return result.output;
}

Account OnCpu(ThreadId thread, uint64_t on_cpu_ns) {
  return {.thread = thread, .existed_ns = on_cpu_ns, .on_cpu_ns = on_cpu_ns};
}

// Samples stand for 10 ms. worker: 40 samples, 600 ms by its accounts; tiny: none, 3 ms; idle:
// none, nothing.
std::string Worker() {
  CaptureMaker maker;
  ThreadId worker = maker.AddThread("worker", 1);
  ThreadId tiny = maker.AddThread("tiny", 2);
  ThreadId idle = maker.AddThread("idle", 3);
  maker.Cpu(worker, maker.Stack({"main", "f"}), StackId(), 30);
  maker.AddAccount(OnCpu(worker, 200 * kMs));
  maker.AddAccount(OnCpu(tiny, 2 * kMs));
  maker.AddAccount(OnCpu(idle, 0));
  maker.EndInterval();
  maker.Cpu(worker, maker.Stack({"main", "g"}), StackId(), 10);
  maker.AddAccount(OnCpu(worker, 400 * kMs));
  maker.AddAccount(OnCpu(tiny, 1 * kMs));
  maker.EndInterval();
  return maker.Finish();
}

TEST(CpuScaling, OneFactorForEachThreadAndAFrameForThreadsWithoutSamples) {
  EXPECT_EQ(Fold(Worker()),
            "tiny;[not sampled] 3000\n"
            "worker;main;f 450000\n"
            "worker;main;g 150000\n");
  EXPECT_EQ(Fold(Worker(), {"--root", "none"}),
            "[not sampled] 3000\n"
            "main;f 450000\n"
            "main;g 150000\n");
}

TEST(CpuScaling, FiltersSelectScaledRows) {
  EXPECT_EQ(Fold(Worker(), {"--comm", "tiny"}), "tiny;[not sampled] 3000\n");
  EXPECT_EQ(Fold(Worker(), {"--state", "R", "--pid", "1"}),
            "worker;main;f 450000\nworker;main;g 150000\n");
  // A part of the window has the whole window's factor.
  EXPECT_EQ(Fold(Worker(), {"--from", "1"}), "tiny;[not sampled] 1000\nworker;main;g 150000\n");
}

TEST(CpuScaling, SqlShowsWhatWasSampledAndWhatItBecame) {
  EXPECT_EQ(Query(Worker(), "SELECT samples, time_ns, scaled_ns FROM cpu_sample"),
            "samples,time_ns,scaled_ns\r\n"
            "30,300000000,450000000\r\n"
            "10,100000000,150000000\r\n");
  EXPECT_EQ(Query(Worker(),
                  "SELECT thread_id, interval_id, state, count, value_ns, special_frame FROM cpu "
                  "WHERE special_frame IS NOT NULL"),
            "thread_id,interval_id,state,count,value_ns,special_frame\r\n"
            "2,1,R,0,2000000,[not sampled]\r\n"
            "2,2,R,0,1000000,[not sampled]\r\n");
}

TEST(CpuScaling, RowsOfAThreadAddUpToTheNanosecond) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (uint64_t interval = 0; interval < 7; ++interval) {
    for (uint64_t row = 0; row < 13; ++row) {
      std::string name = "f" + std::to_string(interval * 13 + row);
      maker.Cpu(thread, maker.Stack({name}), StackId(), 1 + row * row % 5);
    }
    maker.AddAccount(OnCpu(thread, 123456789 + interval));
    maker.EndInterval();
  }
  // 7 x 123456789 + 0 + 1 + ... + 6
  EXPECT_EQ(Query(maker.Finish(),
                  "SELECT sum(value_ns) AS ns, count(*) AS n, min(value_ns) > 0 AS kept FROM cpu"),
            "ns,n,kept\r\n864197544,91,1\r\n");
}

// A sample stands for 10 ms. long: 300 ms, enough for itself. job: 100 processes of 2 ms, 20
// samples expected of them together; 25 were taken, in as many of them.
TEST(CpuScaling, ThreadsTooShortForThemselvesShareTheTimeOfTheirNameAndProgram) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("long", 1);
  maker.Cpu(thread, maker.Stack({"h"}), StackId(), 28);
  maker.AddAccount(OnCpu(thread, 300 * kMs));
  StackId f = maker.Stack({"f"});
  StackId g = maker.Stack({"g"});
  for (uint32_t i = 0; i < 100; ++i) {
    ThreadId job = maker.AddThread("job", 100 + i);
    if (i < 25) maker.Cpu(job, i < 20 ? f : g, StackId(), 1);
    maker.AddAccount(OnCpu(job, 2 * kMs));
  }
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "job;f 160000\njob;g 40000\nlong;h 300000\n");
}

// server: 20 threads of names of their own, 10 ms each: 20 samples are expected of the program, 10
// were taken. x and y: 4 and 6 ms are all that is left, with one sample.
TEST(CpuScaling, ThenThreadsOfOneProgramShareTheirTimeThenAllThatAreLeft) {
  CaptureMaker maker;
  StackId a = maker.Stack({"a"});
  for (uint32_t i = 0; i < 20; ++i) {
    std::string name = "w" + std::to_string(i);
    ThreadId worker =
        i == 0 ? maker.AddThread("server", 1, name, 1) : maker.AddSibling(name, 1 + i);
    if (i % 2 == 0) maker.Cpu(worker, a, StackId(), 1);
    maker.AddAccount(OnCpu(worker, 10 * kMs));
  }
  ThreadId x = maker.AddThread("x", 50);
  ThreadId y = maker.AddThread("y", 60);
  maker.Cpu(x, maker.Stack({"b"}), StackId(), 1);
  maker.AddAccount(OnCpu(x, 4 * kMs));
  maker.AddAccount(OnCpu(y, 6 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "server;a 200000\nx;b 10000\n");
}

// A thread that ended is drained from rows and accounts in different intervals.
TEST(CpuScaling, RowsAndAccountsOfDifferentIntervalsAreOneTime) {
  for (bool account_first : {false, true}) {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("a", 1);
    for (bool first : {true, false}) {
      if (first == account_first) {
        maker.AddAccount(OnCpu(thread, 300 * kMs));
      } else {
        maker.Cpu(thread, maker.Stack({"f"}), StackId(), 31);
      }
      maker.interval().accounts = maker.interval().accounts.value_or(std::vector<Account>());
      maker.EndInterval();
    }
    EXPECT_EQ(Fold(maker.Finish()), "a;f 300000\n");
  }
}

TEST(CpuScaling, LongTimesDoNotOverflow) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Period(uint64_t{1} << 55);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 3);
  maker.Cpu(thread, maker.Stack({"g"}), StackId(), 1);
  maker.AddAccount({.thread = thread, .on_cpu_ns = uint64_t{1} << 60});
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT value_ns FROM cpu"),
            "value_ns\r\n864691128455135232\r\n288230376151711744\r\n");
}

TEST(CpuScaling, WithoutAccountsSamplesStayAsTheyAre) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  ThreadId other = maker.AddThread("b", 2);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 3);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "a;f 30000\n");
  // Accounts of one interval say nothing about another, nor about threads that have none.
  CaptureMaker mixed;
  thread = mixed.AddThread("a", 1);
  other = mixed.AddThread("b", 2);
  mixed.Cpu(thread, mixed.Stack({"f"}), StackId(), 3);
  mixed.EndInterval();
  mixed.Cpu(thread, mixed.Stack({"g"}), StackId(), 1);
  mixed.Cpu(other, mixed.Stack({"h"}), StackId(), 1);
  mixed.AddAccount(OnCpu(thread, 25 * kMs));
  mixed.EndInterval();
  EXPECT_EQ(Fold(mixed.Finish()), "a;f 30000\na;g 25000\nb;h 10000\n");
}

TEST(CpuScaling, WhereTheCpuWasNotSampledNothingIsShown) {
  CaptureMaker maker({"offcpu"});
  ThreadId thread = maker.AddThread("a", 1);
  maker.AddAccount(OnCpu(thread, 25 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM cpu"), "n\r\n0\r\n");
  EXPECT_EQ(RunTwofold({"fold", WriteTemporary("offcpu.twofold", capture)}).status, 1);
}

TEST(CpuScaling, LostSamplesAreNotCountedTwice) {
  // The thread ran for 50 ms; 2 of 5 samples were lost.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 3);
  maker.Lose(LossCause::kMapBusy, LossSource::kCpu, 2, 20 * kMs);
  maker.AddAccount(OnCpu(thread, 50 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "a;f 50000\n");
  std::string path = WriteTemporary("scaled.twofold", capture);
  RunResult result = RunTwofold({"info", path});
  EXPECT_THAT(result.output, HasSubstr("map-busy (cpu): 2 times, 20.0 ms, kept"));
  EXPECT_EQ(RunTwofold({"fold", "--strict", path}).status, 3);
}

TEST(CpuScaling, InfoShowsExactTotalsAndCountsNoStackForThem) {
  std::string path = WriteTemporary("scaled.twofold", Worker());
  RunResult result = RunTwofold({"info", path});
  EXPECT_THAT(result.output, HasSubstr("On-CPU time: 603 ms"));
  EXPECT_THAT(result.output, HasSubstr("2 distinct"));
}

TEST(CpuScaling, PicturesShowTheFrame) {
  std::string path = WriteTemporary("scaled.twofold", Worker());
  RunResult result = RunTwofold({"flame", path});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("<title>[not sampled]\n3.00 ms"));
}

}  // namespace
}  // namespace twofold::testing
