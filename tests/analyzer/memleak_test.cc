// The view memleak in every output, against sums worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr uint64_t kKiB = 1024;

struct Program {
  CaptureMaker maker;
  ThreadId thread;
  StackId leak;
  StackId cache;
  StackId page;

  Program() : maker({"memleak"}) {
    Settings& settings = maker.recording().settings;
    settings.leak_scope = "user";
    settings.leak_sample_bytes = 4 * kKiB;
    settings.leak_age_ns = 10 * kSecondNs;
    thread = maker.AddThread("app", 1);
    leak = maker.Stack({"main", "leak"});
    cache = maker.Stack({"main", "cache"});
    page = maker.Stack({"k:fault", "k:alloc"});
  }

  // By `leak`: of 40 KiB that were allocated in each of two intervals nothing was freed. By
  // `cache`: 100 KiB were allocated in the first, of which 30 KiB were freed then and 60 KiB later.
  void Run(bool ends) {
    maker.Allocated({AllocationKind::kMalloc, thread, {}, leak, 40 * kKiB, 640, 10});
    maker.Allocated({AllocationKind::kMalloc, thread, {}, cache, 100 * kKiB, 25, 25, 30 * kKiB, 7});
    maker.EndInterval();
    maker.Allocated({AllocationKind::kMalloc, thread, {}, leak, 40 * kKiB, 640, 10});
    maker.Allocated({AllocationKind::kMalloc, thread, {}, cache, 0, 0, 0, 60 * kKiB, 15});
    maker.Allocated(
        {AllocationKind::kPages, thread, page, leak, 8 * kKiB, 2, 2, 0, 0, 4 * kKiB, 1});
    if (ends) {
      // Each with a standard error of 3 KiB and 4 KiB: 5 KiB together.
      maker.Outstanding(
          {AllocationKind::kMalloc, thread, {}, leak, 1, 40 * kKiB, 640, 10, 9 * kKiB * kKiB});
      maker.Outstanding(
          {AllocationKind::kMalloc, thread, {}, leak, 3, 40 * kKiB, 640, 10, 16 * kKiB * kKiB});
      maker.Outstanding({AllocationKind::kMalloc, thread, {}, cache, 0, 10 * kKiB, 3, 3, 0});
      maker.Outstanding({AllocationKind::kPages, thread, page, leak, 1, 4 * kKiB, 1, 1, 0});
    }
    maker.EndInterval();
  }
};

std::string Path(bool ends = true) {
  Program program;
  program.Run(ends);
  return WriteTemporary("memleak.twofold",
                        ends ? program.maker.Finish() : program.maker.CutShort());
}

RunResult Of(std::vector<std::string> words, bool ends = true) {
  words.push_back(Path(ends));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(Memleak, FoldedStacksAreInBytesAndEndInTheirKinds) {
  RunResult result = Of({"fold", "--view", "memleak"});
  EXPECT_EQ(result.output,
            "app;[lost: allocation table full] 4096\n"
            "app;main;leak;[malloc] 81920\n"
            "app;main;leak;fault;alloc;[pages] 4096\n");
  EXPECT_THAT(result.words, HasSubstr("10.0 KiB younger than 10.0 s are left out; --min-age 0"));
  EXPECT_THAT(result.words, HasSubstr("kept by chance: 88.0 KiB +- 5.00 KiB"));
  EXPECT_THAT(result.words, HasSubstr("4.00 KiB (4.5 %) were lost while recording"));
}

TEST(Memleak, MinAgeChoosesByTheYoungestOfAnAge) {
  EXPECT_EQ(Of({"fold", "--view", "memleak", "--min-age", "0", "--kind", "malloc"}).output,
            "app;main;cache;[malloc] 10240\napp;main;leak;[malloc] 81920\n");
  // Ages from 10, 20 and 40 s on.
  EXPECT_EQ(Of({"fold", "--view", "memleak", "--min-age", "10.5", "--kind", "malloc"}).output,
            "app;main;leak;[malloc] 40960\n");
  EXPECT_EQ(Of({"fold", "--view", "memleak", "--min-age", "40", "--kind", "malloc"}).output,
            "app;main;leak;[malloc] 40960\n");
  RunResult none =
      RunTwofold({"fold", "--view", "memleak", "--min-age", "41", "--kind", "malloc", Path(true)});
  EXPECT_EQ(none.status, 1);
  EXPECT_EQ(none.output, "");
}

TEST(Memleak, PartOfTheWindowShowsGrowth) {
  RunResult result = Of({"fold", "--view", "memleak", "--to", "1"});
  EXPECT_EQ(result.output, "app;main;cache;[malloc] 71680\napp;main;leak;[malloc] 40960\n");
  EXPECT_THAT(result.words, HasSubstr("shows how memory grew in that time"));
  EXPECT_THAT(result.words, Not(HasSubstr("more than they allocated")));
  result = Of({"fold", "--view", "memleak", "--from", "1"});
  EXPECT_EQ(result.output,
            "app;[lost: allocation table full] 4096\n"
            "app;main;leak;[malloc] 40960\n"
            "app;main;leak;fault;alloc;[pages] 4096\n");
  EXPECT_THAT(result.words, HasSubstr("stacks that freed 60.0 KiB more than they allocated"));
  // All of it: what was freed is taken off.
  EXPECT_EQ(Of({"fold", "--view", "memleak", "--from", "0", "--kind", "malloc"}).output,
            "app;main;cache;[malloc] 10240\napp;main;leak;[malloc] 81920\n");
}

TEST(Memleak, CaptureThatWasCutShortShowsWhatWasNotFreed) {
  RunResult result = Of({"fold", "--view", "memleak"}, false);
  EXPECT_EQ(result.output,
            "app;[lost: allocation table full] 4096\n"
            "app;main;cache;[malloc] 10240\n"
            "app;main;leak;[malloc] 81920\n"
            "app;main;leak;fault;alloc;[pages] 4096\n");
  EXPECT_THAT(result.words, HasSubstr("whatever its age"));
}

TEST(Memleak, LastIntervalThatTellsWhatIsLeftCounts) {
  Program program;
  program.maker.Outstanding({AllocationKind::kMmap, program.thread, {}, program.leak, 1, 7, 1, 1});
  program.maker.EndInterval();
  program.maker.Outstanding({AllocationKind::kMmap, program.thread, {}, program.leak, 1, 5, 1, 1});
  program.maker.EndInterval();
  program.maker.Allocated({AllocationKind::kMalloc, program.thread, {}, program.cache, 9, 1, 1});
  program.maker.EndInterval();
  RunResult result = RunTwofold(
      {"fold", "--view", "memleak", WriteTemporary("left.twofold", program.maker.CutShort())});
  EXPECT_EQ(result.output, "app;main;leak;[mmap] 5\n");
  EXPECT_THAT(result.words, HasSubstr("tells what was left 2.00 s after the start"));
}

TEST(Memleak, RowsTellBytesCountsAndErrors) {
  EXPECT_EQ(Of({"export", "--format", "csv", "--view", "memleak", "--kind", "malloc"}).output,
            "bytes,count,standard_error_bytes,first_frame,last_frame,stack\r\n"
            "81920,1280,5120,app,[malloc],app;main;leak;[malloc]\r\n");
  std::string json = Of({"export", "--format", "json", "--view", "memleak"}).output;
  EXPECT_THAT(json, HasSubstr("\"unit\": \"bytes\""));
  EXPECT_THAT(json, HasSubstr("{\"weight\": 81920, \"count\": 1280, \"standard_error\": 5120, "));
  EXPECT_THAT(Of({"export", "--format", "speedscope", "--view", "memleak"}).output,
              HasSubstr("\"unit\":\"bytes\""));
}

TEST(Memleak, TopFunctionsAreByBytes) {
  EXPECT_EQ(Of({"table", "--view", "memleak"}).output,
            "Functions of the view memleak, 88.0 KiB +- 5.00 KiB in all\n"
            "    self       +-    %    total    % module function\n"
            "80.0 KiB 5.00 KiB 90.9 84.0 KiB 95.5 app    leak\n"
            "4.00 KiB           4.5 4.00 KiB  4.5        [lost: allocation table full]\n"
            "4.00 KiB           4.5 4.00 KiB  4.5 kernel alloc\n"
            "     0 B           0.0 84.0 KiB 95.5 app    main\n"
            "     0 B           0.0 80.0 KiB 90.9        [malloc]\n"
            "     0 B           0.0 4.00 KiB  4.5        [pages]\n"
            "     0 B           0.0 4.00 KiB  4.5 kernel fault\n");
}

TEST(Memleak, PictureTellsTheErrorAndTheGrowth) {
  std::string svg = Of({"flame", "--view", "memleak"}).output;
  EXPECT_THAT(svg, HasSubstr("memleak view: 88.0 KiB +- 5.00 KiB in a window of 2.00 s"));
  EXPECT_THAT(svg, HasSubstr("<title>leak\n84.0 KiB, 95.5 %</title>"));
  svg = Of({"flame", "--view", "memleak", "--from", "1"}).output;
  EXPECT_THAT(svg, HasSubstr("Growth of memory"));
  EXPECT_THAT(svg, HasSubstr("memleak view: 48.0 KiB in a window of 1.00 s"));
}

TEST(Memleak, InfoTellsWhatWasLeftAndHowWellItIsKnown) {
  RunResult result = Of({"info"});
  EXPECT_THAT(result.output,
              HasSubstr("\nMemory\n"
                        "  scope         what programs allocate; every allocation from "
                        "4.00 KiB on,\n"
                        "                smaller ones by chance: numbers are estimates\n"
                        "  allocated     188 KiB in 1,307 allocations\n"
                        "  freed         90.0 KiB in 22 allocations\n"
                        "  not freed     94.0 KiB +- 5.00 KiB in 1,284 allocations; of "
                        "these 84.0 KiB +-\n"
                        "                5.00 KiB at least 10.0 s old\n"
                        "  untracked     4.00 KiB in 1 allocation, of which it is not "
                        "known whether they\n"
                        "                were freed\n"));
  EXPECT_THAT(result.output, HasSubstr("\nMemory that was not freed, old or untracked: 88.0 KiB\n"
                                       "    memory    share  pid  process  executable\n"
                                       "  88.0 KiB  100.0 %    1  app      /usr/bin/app\n"));
  EXPECT_THAT(result.output, HasSubstr("stacks        3 distinct"));
  EXPECT_THAT(Of({"info"}, false).output,
              HasSubstr("not freed     94.0 KiB in 1,284 allocations, of unknown age\n"));
}

TEST(Memleak, FiltersThatDoNotFitAreRefused) {
  const std::string path = Path();
  RunResult result = RunTwofold({"fold", "--view", "memleak", "--state", "S", path});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("the view memleak cannot be filtered so"));
  result = RunTwofold({"fold", "--view", "memleak", "--min-age", "5", "--from", "1", path});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("--min-age"));
  EXPECT_EQ(RunTwofold({"fold", "--view", "memleak", "--min-age", "old", path}).status, 2);
  EXPECT_EQ(RunTwofold({"fold", "--view", "memleak", "--kind", "heap", path}).status, 2);
  EXPECT_EQ(RunTwofold({"table", "--view", "memleak", "--state", "S", path}).status, 2);
  EXPECT_EQ(RunTwofold({"fold", "--view", "cpu", "--min-age", "5", path}).status, 2);
  result = RunTwofold({"diff", "--view", "memleak", path, path});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.words, HasSubstr("the view memleak cannot be compared"));
}

// A capture of a leak that is as large as numbers go, begun at that second.
std::string PathOfHuge(int64_t start_s, bool ends) {
  Program program;
  program.maker.recording().start_realtime_ns = start_s * int64_t(kSecondNs);
  program.maker.Allocated(
      {AllocationKind::kMalloc, program.thread, {}, program.leak, INT64_MAX, INT64_MAX, 1});
  if (ends) {
    program.maker.Outstanding({AllocationKind::kMalloc,
                               program.thread,
                               {},
                               program.leak,
                               1,
                               INT64_MAX,
                               INT64_MAX,
                               1,
                               INT64_MAX});
  }
  program.maker.EndInterval();
  return WriteTemporary("huge" + std::to_string(start_s) + ".twofold",
                        ends ? program.maker.Finish() : program.maker.CutShort());
}

// A capture's numbers stay below 2^63; those of two need not.
TEST(Memleak, NumbersThatNoHostHasAreErrors) {
  for (bool ends : {true, false}) {
    std::string one = PathOfHuge(1, ends);
    std::string both = TemporaryPath("both.twofold");
    ASSERT_EQ(RunTwofold({"merge", "--force", "-o", both, one, PathOfHuge(2, ends)}).status, 0);
    for (const char* command : {"fold", "flame", "table"}) {
      EXPECT_EQ(RunTwofold({command, "--view", "memleak", one}).status, 0) << command << ends;
      RunResult result = RunTwofold({command, "--view", "memleak", both});
      EXPECT_EQ(result.status, 1) << command << ends;
      EXPECT_THAT(result.words, HasSubstr("both.twofold")) << command << ends;
      EXPECT_THAT(result.words, HasSubstr("add up to more than 2^63")) << command << ends;
    }
  }
}

TEST(Memleak, SqlHasTheAgesAndTheSettings) {
  RunResult result = RunTwofold({"sql", "--format", "csv", Path(),
                                 "SELECT kind, age, min_age_ns / 1000000000 AS min_s, max_age_ns / "
                                 "1000000000 AS max_s, bytes, "
                                 "standard_error_bytes FROM outstanding ORDER BY outstanding_id"});
  EXPECT_EQ(result.output,
            "kind,age,min_s,max_s,bytes,standard_error_bytes\r\n"
            "malloc,1,10,20,40960,3072\r\n"
            "malloc,3,40,80,40960,4096\r\n"
            "malloc,0,0,10,10240,0\r\n"
            "pages,1,10,20,4096,0\r\n");
  result =
      RunTwofold({"sql", "--format", "csv", Path(),
                  "SELECT arguments, leak_scope, leak_sample_bytes, leak_age_ns FROM capture"});
  EXPECT_EQ(result.output,
            "arguments,leak_scope,leak_sample_bytes,leak_age_ns\r\n0,user,4096,10000000000\r\n");
  result =
      RunTwofold({"sql", "--format", "csv", Path(),
                  "SELECT sum(bytes), sum(count) FROM memory_growth WHERE special_frame IS NULL"});
  EXPECT_EQ(result.output, "sum(bytes),sum(count)\r\n96256,1284\r\n");
}

TEST(Memleak, CaptureWithoutMemorySaysHowToRecordIt) {
  CaptureMaker maker;
  maker.EndInterval();
  RunResult result =
      RunTwofold({"fold", "--view", "memleak", WriteTemporary("no.twofold", maker.Finish())});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("--record memleak"));
}

}  // namespace
}  // namespace twofold::testing
