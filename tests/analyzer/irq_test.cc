// Interrupts: the table, the SQL view, and what is said of captures without them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kUs = 1000;

// Two CPUs for two seconds: a disk on CPU 0, packets on both.
std::string MakeCapture() {
  CaptureMaker maker({"irq"});
  const ThreadId worker = maker.AddThread("worker", 812);
  const auto add = [&](IrqKind kind, uint32_t cpu, uint32_t number, const std::string& handler,
                       uint64_t count, uint64_t time_us, uint64_t longest_us) {
    maker.Interrupted({.kind = kind,
                       .cpu = cpu,
                       .number = number,
                       .handler = maker.Text(handler),
                       .count = count,
                       .time_ns = time_us * kUs,
                       .longest_ns = longest_us * kUs});
  };
  add(IrqKind::kHard, 0, 24, "disk", 10, 100, 40);
  add(IrqKind::kSoft, 0, 3, "NET_RX", 100, 3000, 90);
  add(IrqKind::kSoft, 1, 3, "NET_RX", 20, 1000, 95);
  maker.InterruptedThread(
      {.kind = IrqKind::kSoft, .thread = worker, .count = 90, .time_ns = 2000 * kUs});
  maker.InterruptedThread(
      {.kind = IrqKind::kHard, .thread = worker, .count = 1, .time_ns = 10 * kUs});
  maker.EndInterval();
  add(IrqKind::kHard, 0, 24, "disk", 1, 50, 0);
  maker.EndInterval();
  return WriteTemporary("irq.twofold", maker.Finish());
}

RunResult Of(std::vector<std::string> words) {
  words.push_back(MakeCapture());
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(Irq, TableHasHandlersAndThreadsMostFirst) {
  EXPECT_EQ(Of({"table", "--view", "irq"}).output,
            "131 interrupts took 4.15 ms, 0.05 % of the time of all CPUs: hard ones 150 us, soft "
            "ones 4.00 ms\n"
            "   time   share  count     mean  longest  most on        kind  number  handler\n"
            "4.00 ms  96.4 %    120  33.3 us  95.0 us  CPU 0, 75.0 %  soft       3  NET_RX\n"
            " 150 us   3.6 %     11  13.6 us  40.0 us  CPU 0          hard      24  disk\n"
            "\n"
            "Threads that they took most from, and the share of their time on a CPU\n"
            "   time  share     hard     soft  pid  tid  thread\n"
            "2.01 ms         10.0 us  2.00 ms  812  812  worker\n");
}

TEST(Irq, TableForProgramsHasHandlers) {
  EXPECT_EQ(Of({"table", "--view", "irq", "--format", "csv"}).output,
            "capture_id,kind,number,handler,cpus,count,time_ns,longest_ns,busiest_cpu,"
            "busiest_cpu_time_ns\r\n"
            "1,soft,3,NET_RX,2,120,4000000,95000,0,3000000\r\n"
            "1,hard,24,disk,1,11,150000,40000,0,150000\r\n");
}

TEST(Irq, TimeIsThatOfTheIntervalsChosen) {
  EXPECT_EQ(Of({"table", "--view", "irq", "--format", "csv", "--from", "1"}).output,
            "capture_id,kind,number,handler,cpus,count,time_ns,longest_ns,busiest_cpu,"
            "busiest_cpu_time_ns\r\n"
            "1,hard,24,disk,1,1,50000,,0,50000\r\n");
}

TEST(Irq, SqlHasTheLengthOfTheInterval) {
  const RunResult result =
      RunTwofold({"sql", MakeCapture(),
                  "SELECT handler, cpu, interval_ns, time_ns, longest_ns FROM irq "
                  "WHERE kind = 'hard' ORDER BY interval_id",
                  "--format", "csv"});
  EXPECT_EQ(result.output,
            "handler,cpu,interval_ns,time_ns,longest_ns\r\n"
            "disk,0,1000000000,100000,40000\r\n"
            "disk,0,1000000000,50000,\r\n");
}

TEST(Irq, CaptureWithoutThemIsToldHowToRecordThem) {
  CaptureMaker maker({"cpu"});
  maker.EndInterval();
  const RunResult result =
      RunTwofold({"table", "--view", "irq", WriteTemporary("no_irq.twofold", maker.Finish())});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("Record again with --record irq"));
}

}  // namespace
}  // namespace twofold::testing
