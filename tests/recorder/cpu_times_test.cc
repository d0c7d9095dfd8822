#include "recorder/host/cpu_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorder/host/online_cpus.h"

namespace twofold {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kTickNs = 10'000'000;
constexpr uint64_t kTicksPerSecond = 100;

TEST(ParseProcStatCpus, FieldsAreThoseOfProc) {
  // user nice system idle iowait irq softirq steal guest guest_nice
  const auto cpus = ParseProcStatCpus(
      "cpu  999 9 9 9 9 9 9 9 9 9\n"
      "cpu0 1 2 3 4 5 6 7 8 9 10\n"
      "cpu11 100 0 0 0 0 0 0 0 0 0\n"
      "intr 5 0\nctxt 7\n",
      kTicksPerSecond);
  ASSERT_THAT(cpus, SizeIs(2));
  EXPECT_EQ(cpus.at(0), (CpuTime{.cpu = 0,
                                 .user_ns = 3 * kTickNs,
                                 .system_ns = 3 * kTickNs,
                                 .irq_ns = 6 * kTickNs,
                                 .softirq_ns = 7 * kTickNs,
                                 .steal_ns = 8 * kTickNs,
                                 .idle_ns = 4 * kTickNs,
                                 .iowait_ns = 5 * kTickNs}));
  EXPECT_EQ(cpus.at(11).user_ns, 1'000'000'000u);
}

TEST(ParseProcStatCpus, OldKernelsHaveFewerFields) {
  const auto cpus = ParseProcStatCpus("cpu0 1 0 2 3\ncpu1 1 0 2 3 4", kTicksPerSecond);
  ASSERT_THAT(cpus, SizeIs(2));
  EXPECT_EQ(cpus.at(0).idle_ns, 3 * kTickNs);
  EXPECT_EQ(cpus.at(0).iowait_ns, 0u);
  EXPECT_EQ(cpus.at(1).iowait_ns, 4 * kTickNs);
}

TEST(ParseProcStatCpus, GarbageIsLeftOut) {
  EXPECT_THAT(ParseProcStatCpus("", kTicksPerSecond), IsEmpty());
  EXPECT_THAT(ParseProcStatCpus("cpu0 1 2 3 4\n", 0), IsEmpty());
  for (const char* line : {"cpu", "cpu0", "cpu0 1 2", "cpux 1 2 3 4", "cpu-1 1 2 3 4",
                           "cpu99999999999 1 2 3 4", "cpu0x 1 2 3 4", "intr 1 2 3 4", "cpu0 a b"}) {
    EXPECT_THAT(ParseProcStatCpus(line, kTicksPerSecond), IsEmpty()) << line;
  }
  EXPECT_THAT(ParseProcStatCpus("cpu0 broken\ncpu1 1 2 3 4\n", kTicksPerSecond), SizeIs(1));
}

TEST(ParseProcStatCpus, LongUptimesDoNotOverflow) {
  // A hundred years of ticks at 1000 Hz.
  const auto cpus = ParseProcStatCpus("cpu0 3155760000000 0 0 0", 1000);
  EXPECT_EQ(cpus.at(0).user_ns, 3'155'760'000'000'000'000u);
}

TEST(CpuTimes, DifferencesAreWhatWasAddedSinceTheCallBefore) {
  CpuTimes times;
  EXPECT_THAT(
      times.TakeDifferences("cpu0 10 0 20 30 0 0 0 0\ncpu1 1 1 1 1 1 1 1 1\n", kTicksPerSecond),
      IsEmpty());
  EXPECT_THAT(
      times.TakeDifferences("cpu0 12 1 20 35 0 0 0 9\ncpu1 1 1 1 1 1 1 1 1\n", kTicksPerSecond),
      ElementsAre(
          CpuTime{
              .cpu = 0, .user_ns = 3 * kTickNs, .steal_ns = 9 * kTickNs, .idle_ns = 5 * kTickNs},
          CpuTime{.cpu = 1}));
}

TEST(CpuTimes, CounterThatWentBackwardsCountsAgainOnceItIsPastWhereItWas) {
  CpuTimes times;
  times.TakeDifferences("cpu0 0 0 0 100 50 0 0 0\n", kTicksPerSecond);
  EXPECT_THAT(times.TakeDifferences("cpu0 0 0 0 90 40 0 0 0\n", kTicksPerSecond),
              ElementsAre(CpuTime{.cpu = 0}));
  EXPECT_THAT(times.TakeDifferences("cpu0 0 0 0 104 45 0 0 0\n", kTicksPerSecond),
              ElementsAre(CpuTime{.cpu = 0, .idle_ns = 4 * kTickNs}));
}

TEST(CpuTimes, CpusMayComeAndGo) {
  CpuTimes times;
  times.TakeDifferences("cpu0 1 0 0 0\ncpu1 1 0 0 0\n", kTicksPerSecond);
  EXPECT_THAT(times.TakeDifferences("cpu0 2 0 0 0\n", kTicksPerSecond),
              ElementsAre(CpuTime{.cpu = 0, .user_ns = kTickNs}));
  // Back again, and one that was never seen: neither has a reading before.
  EXPECT_THAT(times.TakeDifferences("cpu0 2 0 0 0\ncpu1 9 0 0 0\ncpu2 9 0 0 0\n", kTicksPerSecond),
              ElementsAre(CpuTime{.cpu = 0}));
  EXPECT_THAT(times.TakeDifferences("cpu1 10 0 0 0\ncpu2 11 0 0 0\n", kTicksPerSecond),
              ElementsAre(CpuTime{.cpu = 1, .user_ns = kTickNs},
                          CpuTime{.cpu = 2, .user_ns = 2 * kTickNs}));
}

TEST(CpuTimes, ThisHostTellsOfEveryOnlineCpu) {
  CpuTimes times;
  ASSERT_TRUE(times.TakeDifferences().has_value());
  const auto differences = times.TakeDifferences();
  ASSERT_TRUE(differences.has_value());
  EXPECT_THAT(*differences, SizeIs(OnlineCpus().size()));
}

}  // namespace
}  // namespace twofold
