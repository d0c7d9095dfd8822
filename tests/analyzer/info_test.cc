// What twofold info says of settings, CPUs, estimates and cost; accounts_test.cc has the rest of
// the part "Accounting".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;
constexpr uint64_t kUs = 1000;

std::string Info(const std::string& capture) {
  RunResult result = RunTwofold({"info", WriteTemporary("info.twofold", capture)});
  EXPECT_EQ(result.status, 0) << result.words;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  return result.output;
}

// Info of a capture whose intervals have these quanta.
std::string InfoOfQuanta(const std::vector<uint64_t>& quanta_ns, uint64_t min_block_ns = 0,
                         uint64_t max_block_ns = 0) {
  CaptureMaker maker;
  maker.recording().settings.quantum_ns = quanta_ns[0];
  maker.recording().settings.min_block_ns = min_block_ns;
  maker.recording().settings.max_block_ns = max_block_ns;
  for (uint64_t quantum_ns : quanta_ns) {
    maker.interval().quantum_ns = quantum_ns;
    maker.EndInterval();
  }
  return Info(maker.Finish());
}

TEST(InfoSettings, TellsWhichBlocksWereKept) {
  EXPECT_THAT(InfoOfQuanta({0, 0}), HasSubstr("  blocks        all were kept\n"));
  EXPECT_THAT(InfoOfQuanta({100 * kUs, 100 * kUs}),
              HasSubstr("  blocks        those shorter than 100 us were kept by chance\n"));
  EXPECT_THAT(InfoOfQuanta({100 * kUs, 800 * kUs}),
              HasSubstr("  blocks        those shorter than 100 us were kept by chance; this rose "
                        "to 800\n                us\n"));
  EXPECT_THAT(InfoOfQuanta({100 * kUs, 800 * kUs, 200 * kUs}),
              HasSubstr("this rose to 800\n                us, and was 200 us at the end\n"));
  EXPECT_THAT(InfoOfQuanta({0, kSecondNs}),
              HasSubstr("  blocks        all were kept at first, then by chance those shorter than "
                        "1.00 s\n"));
  EXPECT_THAT(InfoOfQuanta({0}, 5 * kMs),
              HasSubstr("  blocks        all were kept; none shorter than 5.00 ms\n"));
  EXPECT_THAT(InfoOfQuanta({0}, 0, kSecondNs), HasSubstr("kept; none longer than 1.00 s\n"));
  EXPECT_THAT(InfoOfQuanta({0}, 5 * kMs, kSecondNs),
              HasSubstr("kept; none outside 5.00 ms to 1.00 s\n"));
}

TEST(InfoSettings, BlocksAndWakersAreLeftOutWhereOnlyTheCpuWasRecorded) {
  CaptureMaker maker({"cpu"});
  maker.EndInterval();
  std::string text = Info(maker.Finish());
  EXPECT_THAT(text, Not(HasSubstr("\n  blocks ")));
  EXPECT_THAT(text, Not(HasSubstr("\n  wakers ")));
}

TEST(InfoSettings, TellsWakers) {
  for (auto [wakers, wanted] :
       {std::pair{0u, "none"}, {1u, "who woke whom"}, {8u, "chains of up to 8"}}) {
    CaptureMaker maker;
    maker.recording().settings.wakers = wakers;
    maker.EndInterval();
    EXPECT_THAT(Info(maker.Finish()), HasSubstr("  wakers        " + std::string(wanted) + "\n"));
  }
}

TEST(InfoSettings, TellsEveryScope) {
  auto scope = [](auto set) {
    CaptureMaker maker;
    set(maker.recording().settings);
    maker.EndInterval();
    return Info(maker.Finish());
  };
  EXPECT_THAT(scope([](Settings& settings) {
                settings.scope = "threads";
                settings.tids = {12, 34};
              }),
              HasSubstr("  scope         threads 12,34\n"));
  EXPECT_THAT(scope([](Settings& settings) {
                settings.scope = "cgroup";
                settings.cgroup = "/system.slice/nginx.service";
              }),
              HasSubstr("  scope         the control group /system.slice/nginx.service\n"));
  EXPECT_THAT(scope([](Settings& settings) { settings.comm = "nginx*"; }),
              HasSubstr("  scope         the whole host; only threads named nginx*\n"));
}

TEST(InfoCpus, SharesOfTheHostsTimeAndTheBusiestCpu) {
  CaptureMaker maker;
  // In ms, 2 CPUs and 2 s: user 300, system 100, irq 2, softirq 98, steal 500, idle 600, iowait
  // 400.
  maker.interval().cpu_times = {
      {0, 300 * kMs, 0, 2 * kMs, 98 * kMs, 0, 400 * kMs, 200 * kMs},
      {1, 0, 100 * kMs, 0, 0, 500 * kMs, 200 * kMs, 200 * kMs},
  };
  maker.EndInterval();
  EXPECT_THAT(Info(maker.Finish()),
              HasSubstr("\nCPUs of the host\n"
                        "  2 CPUs        user 15.0 %, system 5.0 %, interrupts 0.1 %, soft "
                        "interrupts 4.9\n"
                        "                %, stolen 25.0 %, idle 30.0 %, idle for a disk 20.0 %\n"
                        "  busiest       CPU 1, busy for 60.0 %\n\n"));
}

TEST(InfoCpus, IsLeftOutWhereItWasNotRecorded) {
  CaptureMaker maker;
  maker.EndInterval();
  EXPECT_THAT(Info(maker.Finish()), Not(HasSubstr("CPUs of the host")));
}

TEST(InfoAccounting, TellsWhatWasMeasuredAndWhatEstimated) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  ThreadId other = maker.AddThread("b", 2);
  StackId stack = maker.Stack({"k:vfs_read", "k:pipe_read"});
  maker.interval().quantum_ns = 10 * kMs;
  // 300 ms measured; 100 ms estimated by 10 blocks, for 120 ms of both threads.
  for (auto [time_ns, sampled_ns, variance_us2] : {std::tuple{300 * kMs, 0 * kMs, 0},
                                                   {60 * kMs, 60 * kMs, 9000000},
                                                   {40 * kMs, 40 * kMs, 16000000}}) {
    BlockedRow row;
    row.thread = thread;
    row.state = BlockState::kInterruptible;
    row.kernel_stack = stack;
    row.time_ns = time_ns;
    row.sampled_ns = sampled_ns;
    row.samples = sampled_ns > 0 ? 1 : 0;
    row.variance_us2 = uint64_t(variance_us2);
    maker.interval().blocked->push_back(row);
  }
  maker.AddAccount({.thread = thread, .existed_ns = 400 * kMs, .blocked_ns = {400 * kMs}});
  maker.AddAccount({.thread = other, .existed_ns = 20 * kMs, .blocked_ns = {20 * kMs}});
  maker.EndInterval();
  EXPECT_THAT(Info(maker.Finish()),
              HasSubstr("\n  blocked       300 ms measured, 120 ms estimated by 10 shorter blocks, "
                        "each for\n                12.0 ms\n"));
}

// 10 ms a sample. `few` 1 and 2 share a pool of 32 ms of CPU time in which one sample hit, and of
// 32 ms of short blocks of which one was kept: all of the views' time is few 1's, the accounts tell
// whose it was. The account of the second interval is of no time that was sampled, and a thread
// without one has what its rows say.
TEST(InfoProcesses, TimesAreThoseOfTheAccounts) {
  CaptureMaker maker;
  ThreadId first = maker.AddThread("few", 1);
  ThreadId second = maker.AddThread("few", 2);
  ThreadId unknown = maker.AddThread("unknown", 3);
  StackId stack = maker.Stack({"f"});
  maker.Period(10 * kMs);
  maker.interval().quantum_ns = 10 * kMs;
  maker.Cpu(first, stack, maker.NoStack(), 1);
  maker.Cpu(unknown, stack, maker.NoStack(), 2);
  BlockedRow row;
  row.thread = first;
  row.state = BlockState::kInterruptible;
  row.user_stack = stack;
  row.time_ns = 10 * kMs;
  row.sampled_ns = 10 * kMs;
  row.samples = 1;
  maker.AddBlocked(row);
  maker.AddAccount({.thread = first,
                    .existed_ns = 20 * kMs,
                    .on_cpu_ns = 12 * kMs,
                    .blocked_ns = {3 * kMs, 5 * kMs}});
  maker.AddAccount(
      {.thread = second, .existed_ns = 47 * kMs, .on_cpu_ns = 20 * kMs, .blocked_ns = {27 * kMs}});
  maker.EndInterval();
  maker.interval().cpu.reset();
  maker.interval().blocked.reset();
  maker.AddAccount({.thread = first, .existed_ns = 5 * kMs, .on_cpu_ns = 5 * kMs});
  maker.EndInterval();
  std::string text = Info(maker.Finish());
  EXPECT_THAT(text, HasSubstr("\nOn-CPU time: 52.0 ms\n"
                              "     time   share  pid  process  executable\n"
                              "  20.0 ms  38.5 %    2  few      /usr/bin/few\n"
                              "  20.0 ms  38.5 %    3  unknown  /usr/bin/unknown\n"
                              "  12.0 ms  23.1 %    1  few      /usr/bin/few\n"));
  EXPECT_THAT(text, HasSubstr("\nBlocked time: 35.0 ms\n"
                              "     time   share  pid  process  executable\n"
                              "  27.0 ms  77.1 %    2  few      /usr/bin/few\n"
                              "  8.00 ms  22.9 %    1  few      /usr/bin/few\n"));
}

TEST(InfoCost, TellsInsertsOfTheLastIntervalAndTheLimit) {
  CaptureMaker maker;
  maker.recording().settings.max_overhead_permyriad = 125;
  maker.cost().map_inserts = 5000;
  maker.cost().bpf_ns = 30 * kMs;
  maker.EndInterval();
  maker.cost().map_inserts = 12;
  maker.cost().user_ns = 40 * kMs;
  maker.cost().system_ns = 10 * kMs;
  maker.EndInterval();
  // 80 ms of 2 s and 4 CPUs.
  EXPECT_THAT(Info(maker.Finish()),
              HasSubstr("\n  map inserts   5,012; 12 per second in the last interval\n"
                        "  together      1.0 % of the host; --max-overhead was 1.25 %\n"));
}

TEST(InfoCost, LimitAndInsertsAreLeftOutWhereThereAreNone) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string text = Info(maker.Finish());
  EXPECT_THAT(text, Not(HasSubstr("--max-overhead")));
  EXPECT_THAT(text, Not(HasSubstr("map inserts")));
}

TEST(InfoCost, StartingUpAndTheLatestReadingAreToldApart) {
  CaptureMaker maker;
  maker.cost().startup_ns = 350 * kMs;
  maker.cost().user_ns = 40 * kMs;
  maker.interval().late_ns = 2 * kMs;
  maker.EndInterval();
  maker.interval().late_ns = 340 * kMs;
  maker.EndInterval();
  const std::string text = Info(maker.Finish());
  EXPECT_THAT(text, HasSubstr("\n  recorder      40.0 ms: "));
  EXPECT_THAT(text, HasSubstr("\n  starting up   350 ms, which is not in the above"));
  EXPECT_THAT(text, HasSubstr("\n  latest        interval 1 was read 340 ms after its end\n"));
}

TEST(InfoSteps, EachIsALineInOrder) {
  CaptureMaker maker;
  EXPECT_THAT(Info(maker.Finish()), Not(HasSubstr("given up")));
  CaptureMaker second;
  second.interval().detail_steps = {
      {1000 * kMs, DetailKind::kQuantum, kMs, 30 * kMs, false, 150},
      {2000 * kMs, DetailKind::kWaitStacks, 1, 0, false, 140},
      {2000 * kMs, DetailKind::kWakers, 8, 0, false, 140},
      {3000 * kMs, DetailKind::kShortUserStacks, 0, 10 * kMs, false, 130},
      {3000 * kMs, DetailKind::kSampleRate, 99, 25, false, 130},
      {4000 * kMs, DetailKind::kStacks, 1, 0, false, 120},
      {6000 * kMs, DetailKind::kLimit, 0, 1, false, 110},
      {60'000 * kMs, DetailKind::kLimit, 1, 0, true, 20}};
  second.EndInterval();
  EXPECT_THAT(
      Info(second.Finish()),
      HasSubstr("\nWhat was given up to keep to --max-overhead\n"
                "  at 1.00 s     T rises from 1.00 ms to 30.0 ms; recording took 1.5 % of the\n"
                "                host\n"
                "  at 2.00 s     no stacks of waits for a CPU; recording took 1.4 % of the host\n"
                "  at 2.00 s     no wakers; recording took 1.4 % of the host\n"
                "  at 3.00 s     no user stacks of blocks shorter than 10.0 ms; recording took\n"
                "                1.3 % of the host\n"
                "  at 3.00 s     from the next interval on samples at 25 Hz instead of 99 Hz;\n"
                "                recording took 1.3 % of the host\n"
                "  at 4.00 s     no stacks of blocks and waits, only exact times by thread and\n"
                "                state; recording took 1.2 % of the host\n"
                "  at 6.00 s     nothing is left to give up, and the limit is missed; recording\n"
                "                took 1.1 % of the host\n"
                "  at 60.0 s     the limit is kept again; recording took 0.2 % of the host\n"));
}

TEST(InfoEnd, TellsOfOverhead) {
  CaptureMaker maker;
  maker.EndInterval();
  EXPECT_THAT(
      Info(maker.Finish(EndReason::kOverhead)),
      HasSubstr("  ended         as --or-stop asks: it cost more than --max-overhead allows\n"));
}

}  // namespace
}  // namespace twofold::testing
