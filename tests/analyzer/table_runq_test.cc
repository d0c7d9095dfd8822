// twofold table --view runq, against histograms that are worked out by hand.
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

void Waits(CaptureMaker& maker, ThreadId thread, uint8_t bucket, uint64_t count) {
  if (!maker.interval().wait_counts) maker.interval().wait_counts.emplace();
  maker.interval().wait_counts->push_back({thread, bucket, count});
}

// gzip 200 has two threads, which wait 10 times: 5 below 1 us, 4 of 4 to 8 us, 1 of 17 s or more;
// woken 30 ms, preempted 20 ms. tar 100 waits once, 1 to 2 us; woken 1 ms. late 300 waits still.
std::string ThreeProcesses() {
  CaptureMaker maker;
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId gzip = maker.AddThread("gzip", 200);
  ThreadId io = maker.AddSibling("gzip-io", 201);
  ThreadId late = maker.AddThread("late", 300);
  maker.AddAccount({.thread = tar, .existed_ns = kSecondNs, .woken_ns = 1 * kMs});
  maker.AddAccount(
      {.thread = gzip, .existed_ns = kSecondNs, .woken_ns = 10 * kMs, .preempted_ns = 20 * kMs});
  Waits(maker, tar, 1, 1);
  Waits(maker, gzip, 0, 3);
  Waits(maker, gzip, 3, 4);
  maker.EndInterval();
  Waits(maker, gzip, 0, 1);
  Waits(maker, io, 0, 1);
  Waits(maker, io, kWaitBuckets - 1, 1);
  maker.AddAccount({.thread = io, .existed_ns = kSecondNs, .woken_ns = 20 * kMs});
  maker.AddAccount({.thread = late, .existed_ns = kSecondNs, .woken_ns = 500000});
  maker.EndInterval();
  return maker.Finish();
}

std::string Table(const std::string& capture, std::vector<std::string> options) {
  std::string path = WriteTemporary("runq.twofold", capture);
  options.insert(options.begin(), {"table", "--view", "runq"});
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, 0) << result.words;
  return result.output;
}

TEST(TableRunQueue, OneHistogramForAllThenOneForEachProcessLongestWaitFirst) {
  std::string text = Table(ThreeProcesses(), {});
  EXPECT_THAT(text, HasSubstr("Waiting for a CPU: since a thread was woken, or since it lost its "
                              "CPU\n\n"
                              "all processes: 11 waits, 31.5 ms woken + 20.0 ms preempted\n"
                              "  p50 < 2.00 us, p90 < 8.00 us, p99 >= 16.8 s, max >= 16.8 s\n"));
  EXPECT_THAT(text, HasSubstr("\ngzip (pid 200): 10 waits, 30.0 ms woken + 20.0 ms preempted\n"
                              "  p50 < 1.00 us, p90 < 8.00 us, p99 >= 16.8 s, max >= 16.8 s\n"));
  EXPECT_THAT(text, HasSubstr("\ntar (pid 100): 1 wait, 1.00 ms woken + 0 s preempted\n"
                              "  p50 < 2.00 us, p90 < 2.00 us, p99 < 2.00 us, max < 2.00 us\n"
                              "     from       to  waits\n"
                              "  1.00 us  2.00 us      1  **************************************\n"
                              "\nlate (pid 300): 0 waits, 500 us woken + 0 s preempted\n"));
  EXPECT_LT(text.find("gzip (pid"), text.find("tar (pid"));
}

TEST(TableRunQueue, BarsAreInProportionAndEmptyBucketsInBetweenAreThere) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  Waits(maker, thread, 0, 1000000);
  Waits(maker, thread, 3, 500000);
  Waits(maker, thread, 4, 1);
  maker.EndInterval();
  EXPECT_EQ(Table(maker.Finish(), {}),
            "Waiting for a CPU: since a thread was woken, or since it lost its CPU\n\n"
            "all processes: 1,500,001 waits\n"
            "  p50 < 1.00 us, p90 < 8.00 us, p99 < 8.00 us, max < 16.0 us\n"
            "     from       to      waits\n"
            "      0 s  1.00 us  1,000,000  **************************************\n"
            "  1.00 us  2.00 us          0\n"
            "  2.00 us  4.00 us          0\n"
            "  4.00 us  8.00 us    500,000  *******************\n"
            "  8.00 us  16.0 us          1  *\n"
            "\n"
            "a (pid 1): 1,500,001 waits\n"
            "  p50 < 1.00 us, p90 < 8.00 us, p99 < 8.00 us, max < 16.0 us\n"
            "     from       to      waits\n"
            "      0 s  1.00 us  1,000,000  **************************************\n"
            "  1.00 us  2.00 us          0\n"
            "  2.00 us  4.00 us          0\n"
            "  4.00 us  8.00 us    500,000  *******************\n"
            "  8.00 us  16.0 us          1  *\n");
}

TEST(TableRunQueue, CsvHasARowForEachBucketWithItsBounds) {
  EXPECT_EQ(Table(ThreeProcesses(), {"--format", "csv"}),
            "capture_id,pid,threads,process,woken_ns,preempted_ns,waits,p50_at_most_ns,"
            "p90_at_most_ns,p99_at_most_ns,max_at_most_ns,from_ns,to_ns,count\r\n"
            "1,200,2,gzip,30000000,20000000,10,1000,8000,,,0,1000,5\r\n"
            "1,200,2,gzip,30000000,20000000,10,1000,8000,,,4000,8000,4\r\n"
            "1,200,2,gzip,30000000,20000000,10,1000,8000,,,16777216000,,1\r\n"
            "1,100,1,tar,1000000,0,1,2000,2000,2000,2000,1000,2000,1\r\n"
            "1,300,1,late,500000,0,0,,,,,,,\r\n");
}

TEST(TableRunQueue, JsonByThread) {
  EXPECT_EQ(Table(ThreeProcesses(), {"--format", "json", "--root", "thread", "--tid", "201"}),
            "[\n"
            "{\"capture_id\": 1, \"pid\": 200, \"tid\": 201, \"process\": \"gzip\", \"thread\": "
            "\"gzip-io\", \"woken_ns\": 20000000, \"preempted_ns\": 0, \"waits\": 2, "
            "\"p50_at_most_ns\": 1000, \"p90_at_most_ns\": null, \"p99_at_most_ns\": null, "
            "\"max_at_most_ns\": null, \"from_ns\": 0, \"to_ns\": 1000, \"count\": 1},\n"
            "{\"capture_id\": 1, \"pid\": 200, \"tid\": 201, \"process\": \"gzip\", \"thread\": "
            "\"gzip-io\", \"woken_ns\": 20000000, \"preempted_ns\": 0, \"waits\": 2, "
            "\"p50_at_most_ns\": 1000, \"p90_at_most_ns\": null, \"p99_at_most_ns\": null, "
            "\"max_at_most_ns\": null, \"from_ns\": 16777216000, \"to_ns\": null, \"count\": 1}\n"
            "]\n");
}

TEST(TableRunQueue, FiltersSelectThreadsAndIntervals) {
  EXPECT_EQ(Table(ThreeProcesses(), {"--format", "csv", "--to", "1", "--comm", "gzip"}),
            "capture_id,pid,threads,process,woken_ns,preempted_ns,waits,p50_at_most_ns,"
            "p90_at_most_ns,p99_at_most_ns,max_at_most_ns,from_ns,to_ns,count\r\n"
            "1,200,1,gzip,10000000,20000000,7,8000,8000,8000,8000,0,1000,3\r\n"
            "1,200,1,gzip,10000000,20000000,7,8000,8000,8000,8000,4000,8000,4\r\n");
}

TEST(TableRunQueue, LimitKeepsThoseThatWaitedLongestAndSaysSo) {
  std::string path = WriteTemporary("runq.twofold", ThreeProcesses());
  RunResult result = RunTwofold({"table", "--view", "runq", "--limit", "1", path});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.output, HasSubstr("all processes: 11 waits"));
  EXPECT_THAT(result.output, HasSubstr("gzip (pid 200)"));
  EXPECT_EQ(result.output.find("tar (pid 100)"), std::string::npos);
  EXPECT_EQ(result.words,
            "twofold: shows the 1 of 3 processes that waited longest; --limit 0 shows all\n");
  EXPECT_EQ(RunTwofold({"table", "--view", "runq", "--limit", "0", path}).words, "");
}

TEST(TableRunQueue, ACaptureWithoutCountsIsAnErrorThatSaysSo) {
  CaptureMaker maker;
  maker.AddThread("a", 1);
  maker.EndInterval();
  std::string path = WriteTemporary("old.twofold", maker.Finish());
  RunResult result = RunTwofold({"table", "--view", "runq", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.words, HasSubstr("old.twofold: the table runq needs waits for a CPU"));
}

TEST(TableRunQueue, NamesAreEscapedAndLinesFitIn80Columns) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("\x1b[2J" + std::string(60, 'x'), 4194304);
  for (uint8_t bucket = 0; bucket < kWaitBuckets; ++bucket) {
    Waits(maker, thread, bucket, 1ULL << (bucket + 30));
  }
  maker.AddAccount({.thread = thread,
                    .existed_ns = kSecondNs,
                    .woken_ns = 365 * 86400 * kSecondNs,
                    .preempted_ns = 365 * 86400 * kSecondNs});
  maker.EndInterval();
  std::string capture = maker.Finish();
  for (const char* root : {"process", "thread"}) {
    std::string text = RunOnTerminal(
        {"table", "--view", "runq", "--root", root, WriteTemporary("wide.twofold", capture)});
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(DisplayWidth(line), 80u) << line;
  }
}

TEST(TableRunQueue, TheSameFromADatabase) {
  std::string capture = WriteTemporary("same_runq.twofold", ThreeProcesses());
  std::string database = TemporaryPath("same_runq.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, capture}).status, 0);
  EXPECT_EQ(RunTwofold({"table", "--view", "runq", database}).output,
            RunTwofold({"table", "--view", "runq", capture}).output);
}

}  // namespace
}  // namespace twofold::testing
