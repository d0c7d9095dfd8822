// Page faults: pages and bytes in every output, with their errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// In "app", `grow` touched 30 pages, all sampled, and `read` had the kernel touch about 400, by 4
// samples of a period of 100; one fault waited for a disk. In the second interval `grow` goes on.
std::string MakeCapture() {
  CaptureMaker maker({"faults"});
  const ThreadId app = maker.AddThread("app", 812);
  const StackId grow = maker.Stack({"main", "grow"});
  maker.Faulted({.kind = PageFaultKind::kMinor,
                 .thread = app,
                 .user_stack = grow,
                 .pages = 30,
                 .samples = 30});
  maker.Faulted({.kind = PageFaultKind::kMinor,
                 .thread = app,
                 .kernel_stack = maker.Stack({"k:vfs_read", "k:copy_to_user"}),
                 .user_stack = maker.Stack({"main", "read"}),
                 .pages = 400,
                 .samples = 4,
                 .variance_pages2 = 4 * 100 * 99});
  maker.Faulted({.kind = PageFaultKind::kMajor,
                 .thread = app,
                 .user_stack = maker.Stack({"main", "scan"}),
                 .pages = 1,
                 .samples = 1});
  maker.EndInterval();
  maker.Faulted({.kind = PageFaultKind::kMinor,
                 .thread = app,
                 .user_stack = grow,
                 .pages = 10,
                 .samples = 10});
  maker.Lose(LossCause::kRowMapFull, LossSource::kFaults, 5, 0);
  maker.EndInterval();
  return WriteTemporary("faults.twofold", maker.Finish());
}

RunResult Of(std::vector<std::string> words) {
  words.push_back(MakeCapture());
  return RunTwofold(words);
}

TEST(Faults, FoldedStacksAreInPages) {
  const RunResult result = Of({"fold", "--view", "faults"});
  EXPECT_EQ(result.output,
            "[lost: row map full] 5\n"
            "app;main;grow;[minor fault] 40\n"
            "app;main;read;vfs_read;copy_to_user;[minor fault] 400\n"
            "app;main;scan;[major fault] 1\n");
  EXPECT_THAT(result.words, HasSubstr("not every page fault was sampled: 446 pages +- 199 pages"));
}

TEST(Faults, OfOneKind) {
  EXPECT_EQ(Of({"fold", "--view", "faults", "--kind", "major"}).output,
            "app;main;scan;[major fault] 1\n");
  EXPECT_EQ(Of({"fold", "--view", "faults", "--kind", "mayor"}).status, 2);
}

TEST(Faults, OfAPartOfTheWindow) {
  EXPECT_EQ(Of({"fold", "--view", "faults", "--from", "1", "--pid", "812"}).output,
            "app;main;grow;[minor fault] 10\n");
}

TEST(Faults, RowsTellPagesBytesAndErrors) {
  EXPECT_EQ(Of({"export", "--format", "csv", "--view", "faults", "--pid", "812"}).output,
            "pages,count,bytes,standard_error_pages,first_frame,last_frame,stack\r\n"
            "40,40,163840,0,app,[minor fault],app;main;grow;[minor fault]\r\n"
            "400,4,1638400,199,app,[minor fault],"
            "app;main;read;vfs_read;copy_to_user;[minor fault]\r\n"
            "1,1,4096,0,app,[major fault],app;main;scan;[major fault]\r\n");
  const std::string json = Of({"export", "--format", "json", "--view", "faults"}).output;
  EXPECT_THAT(json, HasSubstr("\"unit\": \"pages\""));
  EXPECT_THAT(json, HasSubstr("{\"weight\": 400, \"count\": 4, \"bytes\": 1638400, "
                              "\"standard_error\": 199, "));
}

TEST(Faults, SpeedscopeHasAProfileInBytes) {
  const std::string text = Of({"export", "--format", "speedscope", "--view", "faults"}).output;
  EXPECT_THAT(text, HasSubstr("\"name\":\"Page faults\",\"unit\":\"none\""));
  EXPECT_THAT(text, HasSubstr("\"weights\":[5,40,400,1]"));
  EXPECT_THAT(text, HasSubstr("\"name\":\"Page faults, in bytes\",\"unit\":\"bytes\""));
  EXPECT_THAT(text, HasSubstr("\"weights\":[20480,163840,1638400,4096]"));
}

TEST(Faults, PictureTellsBoth) {
  const std::string svg = Of({"flame", "--view", "faults"}).output;
  EXPECT_THAT(svg,
              HasSubstr("faults view: 446 pages +- 199 pages, 1.74 MiB in a window of 2.00 s"));
  EXPECT_THAT(svg, HasSubstr("400 pages, 1.56 MiB, "));
}

TEST(Faults, FiltersOfStacksKeepBytes) {
  EXPECT_EQ(Of({"export", "--format", "csv", "--view", "faults", "--focus", "grow"}).output,
            "pages,count,bytes,standard_error_pages,first_frame,last_frame,stack\r\n"
            "40,40,163840,0,app,[minor fault],app;main;grow;[minor fault]\r\n");
}

TEST(Faults, TopFunctionsHaveBytesAndErrors) {
  EXPECT_EQ(Of({"table", "--view", "faults", "--pid", "812"}).output,
            "Functions of the view faults, 441 pages +- 199 pages in all, 1.72 MiB\n"
            "self  +-    bytes    % total     % module function\n"
            " 400 198 1.56 MiB 90.7   400  90.7 kernel copy_to_user\n"
            "  40      160 KiB  9.1    40   9.1 app    grow\n"
            "   1     4.00 KiB  0.2     1   0.2 app    scan\n"
            "   0          0 B  0.0   441 100.0 app    main\n"
            "   0          0 B  0.0   440  99.8        [minor fault]\n"
            "   0          0 B  0.0   400  90.7 app    read\n"
            "   0          0 B  0.0   400  90.7 kernel vfs_read\n"
            "   0          0 B  0.0     1   0.2        [major fault]\n");
  const std::string csv =
      Of({"table", "--view", "faults", "--format", "csv", "--focus", "read"}).output;
  EXPECT_THAT(csv, HasSubstr("function,module,self_pages,self_percent,self_bytes,"
                             "self_standard_error_pages,total_pages"));
  EXPECT_THAT(csv, HasSubstr("copy_to_user,kernel,400,100.00,1638400,199,400"));
}

TEST(Faults, SqlTellsModesAndBytes) {
  EXPECT_EQ(RunTwofold({"sql", MakeCapture(),
                        "SELECT kind, mode, loss, sum(pages), sum(bytes), sum(count) FROM faults"
                        " GROUP BY kind, mode, loss ORDER BY kind, mode",
                        "--format", "csv"})
                .output,
            "kind,mode,loss,sum(pages),sum(bytes),sum(count)\r\n"
            ",,row-map-full,5,,5\r\n"
            "major,user,,1,4096,1\r\n"
            "minor,kernel,,400,1638400,4\r\n"
            "minor,user,,40,163840,40\r\n");
}

TEST(Faults, InfoTellsMinorAndMajorOnes) {
  const std::string info = Of({"info"}).output;
  EXPECT_THAT(info, HasSubstr("\nPage faults\n"));
  EXPECT_THAT(info, HasSubstr("  minor         440 pages +- 199 pages, 1.72 MiB; 44 samples;"));
  EXPECT_THAT(info, HasSubstr("  major         1 page, 4.00 KiB; 1 sample; 0 % in the kernel\n"));
}

// Pages of two sizes have no sum in bytes.
TEST(Faults, BytesAreToldOfOneSizeOnly) {
  CaptureMaker maker({"faults"});
  maker.recording().host.page_bytes = 65536;
  maker.Faulted({.kind = PageFaultKind::kMinor,
                 .thread = maker.AddThread("app", 1),
                 .user_stack = maker.Stack({"main"}),
                 .pages = 2,
                 .samples = 2});
  maker.EndInterval();
  const std::string large = WriteTemporary("large_pages.twofold", maker.Finish());
  const auto csv_of = [](const std::string& path) {
    return RunTwofold({"export", "--format", "csv", "--view", "faults", path}).output;
  };
  EXPECT_THAT(csv_of(large), HasSubstr("\r\n2,2,131072,0,app"));
  const std::string merged = TemporaryPath("both_pages.twofold");
  ASSERT_EQ(RunTwofold({"merge", "--force", "-o", merged, large, MakeCapture()}).status, 0);
  EXPECT_THAT(csv_of(merged), HasSubstr("pages,count,standard_error_pages,"));
  EXPECT_THAT(csv_of(merged), Not(HasSubstr("bytes")));
}

TEST(Faults, CaptureWithoutThemIsToldHowToRecordThem) {
  CaptureMaker maker({"cpu"});
  maker.EndInterval();
  const RunResult result =
      RunTwofold({"fold", "--view", "faults", WriteTemporary("none.twofold", maker.Finish())});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("Record again with --record faults"));
}

}  // namespace
}  // namespace twofold::testing
