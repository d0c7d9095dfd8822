// Blocked and waiting time, scaled to the exact times that accounts tell, by hand-computed
// captures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kMs = kMillisecondNs;

std::string Fold(const std::string& capture, std::vector<std::string> options = {}) {
  std::string path = WriteTemporary("off-cpu.twofold", capture);
  options.insert(options.begin(), {"fold", "--view", "offcpu"});
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

std::string Query(const std::string& capture, const std::string& query) {
  std::string path = WriteTemporary("off-cpu.twofold", capture);
  RunResult result = RunTwofold({"sql", "--csv", path, query});
  EXPECT_EQ(result.status, 0) << query << "\n" << result.words;
  return result.output;
}

// The sum of the view offcpu, of the view runnable, and what accounts say of both, in nanoseconds.
std::string Sums(const std::string& capture) {
  return Query(capture,
               "SELECT (SELECT sum(value_ns) FROM offcpu) AS blocked,"
               " (SELECT sum(value_ns) FROM runnable) AS waiting,"
               " sum(interruptible_ns + uninterruptible_ns + stopped_ns + traced_ns + parked_ns"
               "  + idle_ns + other_ns) AS exact_blocked,"
               " sum(woken_ns + preempted_ns) AS exact_waiting FROM account");
}

// Blocked for `time_ns`, of which `sampled_ns` is estimated, in a function of that name.
BlockedRow Row(ThreadId thread, StackId stack, uint64_t time_ns, uint64_t sampled_ns = 0,
               BlockState state = BlockState::kInterruptible) {
  return {.thread = thread,
          .state = state,
          .user_stack = stack,
          .time_ns = time_ns,
          .count = 1,
          .sampled_ns = sampled_ns,
          .samples = 1};
}

Account Asleep(ThreadId thread, uint64_t interruptible_ns, uint64_t uninterruptible_ns = 0) {
  return {.thread = thread,
          .existed_ns = interruptible_ns + uninterruptible_ns,
          .blocked_ns = {interruptible_ns, uninterruptible_ns}};
}

TEST(OffCpuScaling, SampledPartsShareWhatWasNotMeasured) {
  // S: 100 ms exactly. 60 ms measured (50 + 10), sampled parts 10 + 30 ms must add up to 40 ms:
  // they do. D: 9 ms exactly; 5 ms measured, sampled 2 ms becomes 4 ms.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = 1 * kMs;
  maker.AddBlocked(Row(thread, maker.Stack({"long"}), 50 * kMs));
  maker.AddBlocked(Row(thread, maker.Stack({"mixed"}), 20 * kMs, 10 * kMs));
  maker.AddBlocked(Row(thread, maker.Stack({"short"}), 30 * kMs, 30 * kMs));
  maker.AddBlocked(
      Row(thread, maker.Stack({"disk"}), 7 * kMs, 2 * kMs, BlockState::kUninterruptible));
  maker.AddAccount(Asleep(thread, 100 * kMs, 9 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "a;disk 9000\na;long 50000\na;mixed 20000\na;short 30000\n");
  EXPECT_EQ(Sums(capture),
            "blocked,waiting,exact_blocked,exact_waiting\r\n109000000,,109000000,0\r\n");
}

TEST(OffCpuScaling, OneFactorForAllIntervals) {
  // 20 ms exactly, 4 ms measured: the sampled 5 + 3 ms become 10 + 6 ms.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = 4 * kMs;
  maker.AddBlocked(Row(thread, maker.Stack({"f"}), 5 * kMs, 5 * kMs));
  maker.AddAccount(Asleep(thread, 12 * kMs));
  maker.EndInterval();
  maker.interval().quantum_ns = 4 * kMs;
  maker.AddBlocked(Row(thread, maker.Stack({"g"}), 7 * kMs, 3 * kMs));
  maker.AddAccount(Asleep(thread, 8 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "a;f 10000\na;g 10000\n");
  EXPECT_EQ(Fold(capture, {"--from", "1"}), "a;g 10000\n");
  EXPECT_EQ(Query(capture, "SELECT time_ns, scaled_ns FROM blocked"),
            "time_ns,scaled_ns\r\n5000000,10000000\r\n7000000,10000000\r\n");
}

TEST(OffCpuScaling, RowsAddUpToTheNanosecond) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  uint64_t exact_ns = 0;
  for (uint64_t interval = 0; interval < 5; ++interval) {
    maker.interval().quantum_ns = 100 * kMs;
    for (uint64_t row = 0; row < 17; ++row) {
      std::string name = "f" + std::to_string(interval * 17 + row);
      maker.AddBlocked(Row(thread, maker.Stack({name}), 1000003 + row, 700001 + row * row));
    }
    exact_ns += 12345677 + interval;
    maker.AddAccount(Asleep(thread, 12345677 + interval));
    maker.EndInterval();
  }
  std::string sum = std::to_string(exact_ns);
  EXPECT_EQ(exact_ns, 61728395u);
  EXPECT_EQ(Query(maker.Finish(), "SELECT sum(value_ns) AS ns, count(*) AS n FROM offcpu"),
            "ns,n\r\n61728395,85\r\n");
}

TEST(OffCpuScaling, TimeOfWhichNothingWasSampledIsAFrame) {
  // tiny: 3 ms in blocks shorter than 1 ms, none of them chosen. In the second interval the
  // measured row has all of the account's time, so the rest lies in the first and third.
  CaptureMaker maker;
  ThreadId tiny = maker.AddThread("tiny", 1);
  maker.interval().quantum_ns = 1 * kMs;
  maker.AddAccount(Asleep(tiny, 2 * kMs));
  maker.EndInterval();
  maker.AddBlocked(Row(tiny, maker.Stack({"f"}), 50 * kMs));
  maker.AddAccount(Asleep(tiny, 50 * kMs));
  maker.EndInterval();
  maker.AddAccount(Asleep(tiny, 1 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "tiny;[not sampled] 3000\ntiny;f 50000\n");
  EXPECT_EQ(Fold(capture, {"--from", "2"}), "tiny;[not sampled] 1000\n");
  std::string path = WriteTemporary("off-cpu.twofold", capture);
  EXPECT_EQ(RunTwofold({"fold", "--view", "offcpu", "--state", "D", path}).status, 1);
  EXPECT_EQ(Query(capture,
                  "SELECT interval_id, thread_id, state, special_frame, time_ns,"
                  " standard_error_ns FROM unplaced"),
            "interval_id,thread_id,state,special_frame,time_ns,standard_error_ns\r\n"
            "1,1,S,[not sampled],2000000,1414214\r\n"
            "3,1,S,[not sampled],1000000,1000000\r\n");
}

TEST(OffCpuScaling, DifferencesOfClocksStayInTheRows) {
  // 1 part in 1000 at most: 999,500 and 1,000,900 ns of 1 ms, without any estimate.
  CaptureMaker maker;
  ThreadId less = maker.AddThread("less", 1);
  ThreadId more = maker.AddThread("more", 2);
  maker.AddBlocked(Row(less, maker.Stack({"f"}), 999500));
  maker.AddBlocked(Row(more, maker.Stack({"f"}), 1000900));
  maker.AddAccount(Asleep(less, 1 * kMs));
  maker.AddAccount(Asleep(more, 1 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT time_ns, scaled_ns FROM blocked"),
            "time_ns,scaled_ns\r\n999500,1000000\r\n1000900,1000000\r\n");
}

TEST(OffCpuScaling, MeasuredTimeBeyondTheAccountStays) {
  // 30 ms measured where the account knows 20 ms: that cannot be a matter of clocks. Nothing is
  // left for the sampled 5 ms.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.AddBlocked(Row(thread, maker.Stack({"f"}), 30 * kMs));
  maker.AddBlocked(Row(thread, maker.Stack({"g"}), 5 * kMs, 5 * kMs));
  maker.AddAccount(Asleep(thread, 20 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "a;f 30000\n");
}

TEST(OffCpuScaling, WithoutAnAccountRowsStayAsTheyAre) {
  CaptureMaker maker;
  ThreadId with = maker.AddThread("with", 1);
  ThreadId without = maker.AddThread("without", 2);
  for (ThreadId thread : {with, without}) {
    maker.AddBlocked(Row(thread, maker.Stack({"f"}), 5 * kMs, 5 * kMs));
  }
  maker.AddAccount(Asleep(with, 6 * kMs));
  maker.EndInterval();
  // An interval without accounts.
  maker.AddBlocked(Row(with, maker.Stack({"g"}), 7 * kMs, 7 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "with;f 6000\nwith;g 7000\nwithout;f 5000\n");
}

// A thread that ended is drained from rows and accounts in different intervals: 4 ms measured and 5
// sampled, 10 ms by its account.
TEST(OffCpuScaling, RowsAndAccountsOfDifferentIntervalsAreOneTime) {
  for (bool account_first : {false, true}) {
    CaptureMaker maker;
    ThreadId thread = maker.AddThread("a", 1);
    for (bool first : {true, false}) {
      maker.interval().quantum_ns = 1 * kMs;
      if (first == account_first) {
        maker.AddAccount(Asleep(thread, 10 * kMs));
      } else {
        maker.AddBlocked(Row(thread, maker.Stack({"f"}), 9 * kMs, 5 * kMs));
      }
      maker.interval().accounts = maker.interval().accounts.value_or(std::vector<Account>());
      maker.EndInterval();
    }
    std::string capture = maker.Finish();
    EXPECT_EQ(Fold(capture), "a;f 10000\n");
    EXPECT_EQ(Query(capture, "SELECT count(*) AS n FROM unplaced"), "n\r\n0\r\n");
  }
}

// T = 1 ms. job: 40 processes, 3 ms measured and 0.5 ms in shorter blocks each; 10 of these were
// kept: 10 ms of 20.
std::string Jobs() {
  CaptureMaker maker;
  maker.interval().quantum_ns = 1 * kMs;
  StackId wait = maker.Stack({"wait"});
  StackId f = maker.Stack({"f"});
  StackId g = maker.Stack({"g"});
  for (uint32_t i = 0; i < 40; ++i) {
    ThreadId job = maker.AddThread("job", 100 + i);
    maker.AddBlocked(Row(job, wait, 3 * kMs));
    if (i < 10) maker.AddBlocked(Row(job, i < 8 ? f : g, 1 * kMs, 1 * kMs));
    maker.AddAccount(Asleep(job, 3500000));
  }
  maker.EndInterval();
  return maker.Finish();
}

TEST(OffCpuScaling, ShortBlocksOfManyThreadsShareTheirTime) {
  std::string capture = Jobs();
  EXPECT_EQ(Fold(capture), "job;f 16000\njob;g 4000\njob;wait 120000\n");
  EXPECT_THAT(Sums(capture), HasSubstr("140000000,,140000000"));
}

// One of f's samples stands for w = 2 ms of S = 20 ms. A row of one: w x (1 - x / S) = 3.6 ms^2,
// and with 2 w^2 on top 11.6 ms^2. Of `wait` nothing was kept by chance.
TEST(OffCpuScaling, ErrorsAreOfScaledTimeAndHoldWhereNothingWasKept) {
  EXPECT_EQ(Query(Jobs(),
                  "SELECT DISTINCT scaled_ns, variance_us2, standard_error_ns, sample_ns"
                  " FROM blocked ORDER BY scaled_ns"),
            "scaled_ns,variance_us2,standard_error_ns,sample_ns\r\n"
            "2000000,3600000,3405877,2000000\r\n"
            "3000000,0,2828427,2000000\r\n");
}

// T = 1 ms. f: two blocks of 250 us were kept, which count 4 each, and one of 50 us, which counts
// 20: 2 x 4 x 3 + 20 x 19 = 404; the block that one of its 28 lies in counts 1 + 404 / 28 = 15. g:
// one of 500 us, which counts 2, 2 x 1; of the pool it is 1 + 406 / 30 = 15 as well. h is measured:
// exact, but for blocks of which none was kept.
TEST(OffCpuScaling, CountsHaveAnErrorOfWhatSamplesCountAs) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = 1 * kMs;
  BlockedRow row = Row(thread, maker.Stack({"f"}), 3 * kMs, 3 * kMs);
  row.count = 28;
  row.samples = 3;
  row.count_variance = 404;
  maker.AddBlocked(row);
  row = Row(thread, maker.Stack({"g"}), 1 * kMs, 1 * kMs);
  row.count = 2;
  row.count_variance = 2;
  maker.AddBlocked(row);
  maker.AddBlocked(Row(thread, maker.Stack({"h"}), 5 * kMs));
  maker.AddAccount(Asleep(thread, 9 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT count, count_variance, sample_count FROM blocked"),
            "count,count_variance,sample_count\r\n28,404,15\r\n2,2,15\r\n1,0,15\r\n");
}

// 30 ms in short blocks, none of which was kept, beside 20 that were measured: 50 waits tell that
// these were 30 at most. A thread whose rows have all of its time, but for clocks, has no others.
TEST(OffCpuScaling, WaitsTellHowManyBlocksThereMayHaveBeen) {
  CaptureMaker maker;
  ThreadId some = maker.AddThread("some", 1);
  ThreadId all = maker.AddThread("all", 2);
  maker.interval().quantum_ns = 10 * kMs;
  BlockedRow row = Row(some, maker.Stack({"f"}), 400 * kMs);
  row.count = 20;
  maker.AddBlocked(row);
  row.thread = all;
  maker.AddBlocked(row);
  maker.AddAccount(Asleep(some, 430 * kMs));
  maker.AddAccount(Asleep(all, 400 * kMs + 1000));
  maker.interval().wait_counts = {{some, 0, 50}, {all, 0, 50}};
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT thread_id, count_variance, sample_count FROM blocked"),
            "thread_id,count_variance,sample_count\r\n1,0,30\r\n2,0,30\r\n");
}

// Captures of older recorders. T = 1 ms. Three blocks of 250 us were kept, which count 4 each: 3 x
// (16 - 4).
TEST(OffCpuScaling, CountsWithoutAVarianceHaveAnErrorAllTheSame) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = 1 * kMs;
  BlockedRow row = Row(thread, maker.Stack({"f"}), 3 * kMs, 3 * kMs);
  row.count = 12;
  row.samples = 3;
  row.variance_us2 = 3 * 1000 * 750;
  maker.AddBlocked(row);
  // Measured ones count exactly.
  maker.AddBlocked(Row(thread, maker.Stack({"g"}), 5 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT count, count_variance FROM blocked"),
            "count,count_variance\r\n12,36\r\n1,0\r\n");
}

TEST(OffCpuScaling, LostRowsAreNotMadeUpForByThoseThatHappenedToBeSampled) {
  // T = 1 ms. chance: 16 ms of short blocks estimated as 12 ms: within 4 x sqrt(16 x 1) = 16 ms, so
  // scaled. lossy: 500 ms in a row that found no room, and 2 ms estimated: chance does not explain
  // 500 ms. exact: nothing estimated; all of its 400 ms were lost.
  CaptureMaker maker;
  ThreadId chance = maker.AddThread("chance", 1);
  ThreadId lossy = maker.AddThread("lossy", 2);
  ThreadId gone = maker.AddThread("gone", 3);
  maker.interval().quantum_ns = 1 * kMs;
  maker.AddBlocked(Row(chance, maker.Stack({"f"}), 12 * kMs, 12 * kMs));
  maker.AddBlocked(Row(lossy, maker.Stack({"f"}), 2 * kMs, 2 * kMs));
  maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 2, 898 * kMs);
  maker.AddAccount(Asleep(chance, 16 * kMs));
  maker.AddAccount(Asleep(lossy, 502 * kMs));
  maker.AddAccount(Asleep(gone, 400 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture),
            "chance;f 16000\n"
            "gone;[lost: row map full] 400000\n"
            "lossy;[lost: row map full] 500000\n"
            "lossy;f 2000\n");
  EXPECT_THAT(Sums(capture), HasSubstr("918000000,,918000000"));
  std::string path = WriteTemporary("off-cpu.twofold", capture);
  RunResult result = RunTwofold({"fold", "--view", "offcpu", path});
  EXPECT_THAT(result.words, HasSubstr("900 ms (98.0 %) were lost while recording"));
  // Lost time has threads here, so that filters select it.
  result = RunTwofold({"fold", "--view", "offcpu", "--pid", "3", path});
  EXPECT_EQ(result.output, "gone;[lost: row map full] 400000\n");
  EXPECT_THAT(result.words, Not(HasSubstr("may belong")));
}

TEST(OffCpuScaling, SeveralCausesOfLossAreSaid) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 1, 3 * kMs);
  maker.Lose(LossCause::kMapBusy, LossSource::kOffCpu, 1, 2 * kMs);
  maker.AddAccount(Asleep(thread, 5 * kMs));
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()), "a;[lost: several causes] 5000\n");
}

TEST(OffCpuScaling, LossesOfStacksKeepTheirTimeAndNameNoOther) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.AddBlocked(Row(thread, maker.Stack({"![stack lost: ran unseen]"}), 5 * kMs));
  maker.Lose(LossCause::kRanUnseen, LossSource::kOffCpu, 1, 5 * kMs);
  maker.EndInterval();
  maker.AddBlocked(Row(thread, maker.Stack({"![stack lost: too many at once]"}), 6 * kMs));
  maker.Lose(LossCause::kInsertsCapped, LossSource::kOffCpu, 1, 6 * kMs);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish()),
            "a;[stack lost: ran unseen] 5000\na;[stack lost: too many at once] 6000\n");
}

TEST(OffCpuScaling, BlocksLeftOutOnPurposeAreAFrame) {
  CaptureMaker maker;
  maker.recording().settings.min_block_ns = 10 * kMs;
  ThreadId thread = maker.AddThread("a", 1);
  ThreadId estimated = maker.AddThread("b", 2);
  maker.interval().quantum_ns = 20 * kMs;
  maker.AddBlocked(Row(thread, maker.Stack({"f"}), 40 * kMs));
  // An estimate of 30 ms, of which no more than 25 can be true.
  maker.AddBlocked(Row(estimated, maker.Stack({"f"}), 30 * kMs, 30 * kMs));
  maker.AddAccount(Asleep(thread, 100 * kMs));
  maker.AddAccount(Asleep(estimated, 25 * kMs));
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "a;[outside --min-block/--max-block] 60000\na;f 40000\nb;f 25000\n");
  EXPECT_THAT(Sums(capture), HasSubstr("125000000,,125000000"));
}

TEST(OffCpuScaling, WaitsAddUpToo) {
  // woken: 10 ms exactly, 4 measured, 3 estimated -> 6. preempted: 2 ms of which nothing was
  // sampled.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.interval().quantum_ns = 1 * kMs;
  StackId read = maker.Stack({"main", "read"});
  maker.AddBlocked(Row(thread, read, 50 * kMs));
  maker.AddWaiting({.thread = thread, .user_stack = read, .time_ns = 4 * kMs, .count = 1});
  maker.AddWaiting({.thread = thread,
                    .user_stack = maker.Stack({"main", "poll"}),
                    .time_ns = 3 * kMs,
                    .sampled_ns = 3 * kMs,
                    .samples = 3});
  maker.AddAccount({.thread = thread,
                    .existed_ns = 62 * kMs,
                    .woken_ns = 10 * kMs,
                    .preempted_ns = 2 * kMs,
                    .blocked_ns = {50 * kMs}});
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture), "a;main;read 50000\n");
  EXPECT_EQ(Fold(capture, {"--runnable"}),
            "a;[not sampled];[preempted] 2000\n"
            "a;main;poll;[woken] 6000\n"
            "a;main;read 50000\n"
            "a;main;read;[woken] 4000\n");
  EXPECT_EQ(Fold(capture, {"--runnable", "--state", "R"}),
            "a;[not sampled];[preempted] 2000\n"
            "a;main;poll;[woken] 6000\n"
            "a;main;read;[woken] 4000\n");
  EXPECT_EQ(Fold(capture, {"--runnable", "--state", "S"}), "a;main;read 50000\n");
  EXPECT_EQ(
      Sums(capture),
      "blocked,waiting,exact_blocked,exact_waiting\r\n50000000,12000000,50000000,12000000\r\n");
}

TEST(OffCpuScaling, RunnableNeedsRecordedWaitsAndTheViewOffcpu) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string path = WriteTemporary("off-cpu.twofold", maker.Finish());
  RunResult result = RunTwofold({"fold", "--view", "offcpu", "--runnable", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("waits for a CPU"));
  result = RunTwofold({"fold", "--view", "cpu", "--runnable", path});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("--view offcpu"));
}

TEST(OffCpuScaling, TheErrorOfARowIsInItsUnit) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  BlockedRow row = Row(thread, maker.Stack({"f"}), 5 * kMs, 5 * kMs);
  row.variance_us2 = 2250000;  // 1500 us squared
  maker.AddBlocked(row);
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT variance_us2, standard_error_ns FROM blocked"),
            "variance_us2,standard_error_ns\r\n2250000,1500000\r\n");
}

TEST(OffCpuScaling, LongTimesDoNotOverflow) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  constexpr uint64_t kYear = uint64_t{1} << 55;
  maker.AddBlocked(Row(thread, maker.Stack({"f"}), kYear, kYear));
  maker.AddBlocked(Row(thread, maker.Stack({"g"}), 3 * kYear, 3 * kYear));
  maker.AddAccount(Asleep(thread, 8 * kYear));
  maker.EndInterval();
  EXPECT_EQ(Query(maker.Finish(), "SELECT value_ns FROM offcpu"),
            "value_ns\r\n72057594037927936\r\n216172782113783808\r\n");
}

}  // namespace
}  // namespace twofold::testing
