// Views as folded text, against totals worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "analyzer/output/microseconds.h"
#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;

std::string Fold(const std::string& capture, std::vector<std::string> options,
                 int wanted_status = 0) {
  std::string path = WriteTemporary("fold.twofold", capture);
  options.insert(options.begin(), "fold");
  options.push_back(path);
  RunResult result = RunTwofold(options);
  EXPECT_EQ(result.status, wanted_status) << result.words;
  return result.output;
}

// tar is on the CPU and blocked, gzip has two threads; two intervals.
std::string TwoProcesses() {
  CaptureMaker maker;
  ThreadId tar = maker.AddThread("tar", 100);
  ThreadId gzip = maker.AddThread("gzip", 200);
  ThreadId helper = maker.AddSibling("gzip-io", 201);
  for (int i = 0; i < 2; ++i) {
    maker.Cpu(tar, maker.Stack({"main", "read"}), maker.Stack({"k:sys_read", "k:copy"}), 3);
    maker.Cpu(tar, maker.Stack({"main"}), StackId(), 2);
    maker.Cpu(gzip, maker.Stack({"main", "deflate"}), StackId(), 40);
    maker.Cpu(helper, StackId(), StackId(), 1);
    maker.Blocked(tar, BlockState::kUninterruptible, maker.Stack({"main", "read"}),
                  maker.Stack({"k:sys_read", "k:io_schedule"}), 250 * kMillisecondNs);
    maker.Blocked(helper, BlockState::kInterruptible, maker.Stack({"main", "wait"}),
                  maker.Stack({"k:futex_wait"}), 700 * kMillisecondNs);
    maker.EndInterval();
  }
  return maker.Finish();
}

TEST(FoldCpu, CountsSamplesTimesPeriodAndMergesFramesByName) {
  // 10 ms a sample, two intervals: equal names at different addresses are one frame.
  EXPECT_EQ(Fold(TwoProcesses(), {"--view", "cpu"}),
            "gzip 20000\n"
            "gzip;main;deflate 800000\n"
            "tar;main 40000\n"
            "tar;main;read;sys_read;copy 60000\n");
}

TEST(FoldCpu, IsTheDefaultView) {
  EXPECT_EQ(Fold(TwoProcesses(), {}), Fold(TwoProcesses(), {"--view=cpu"}));
}

TEST(FoldCpu, UsesThePeriodOfEachInterval) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Period(5 * kMillisecondNs);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 10);
  maker.EndInterval();
  maker.Period(20 * kMillisecondNs);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 10);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {}), "a;f 250000\n");
}

TEST(FoldOffcpu, SumsBlockedTimeOverStatesAndIntervals) {
  EXPECT_EQ(Fold(TwoProcesses(), {"--view", "offcpu"}),
            "gzip;main;wait;futex_wait 1400000\n"
            "tar;main;read;sys_read;io_schedule 500000\n");
}

TEST(Fold, FirstFrameIsProcessThreadOrNone) {
  EXPECT_EQ(Fold(TwoProcesses(), {"--view", "offcpu", "--root", "thread"}),
            "gzip-io;main;wait;futex_wait 1400000\n"
            "tar;main;read;sys_read;io_schedule 500000\n");
  EXPECT_EQ(Fold(TwoProcesses(), {"--view", "cpu", "--root", "none"}),
            "[no stack] 20000\n"
            "main 40000\n"
            "main;deflate 800000\n"
            "main;read;sys_read;copy 60000\n");
}

TEST(Fold, FramesWithoutNamesShowModuleAndOffset) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"[/usr/lib/libz.so.1+0x1f0]", "[anon+0x40]"}), StackId(), 1);
  maker.Cpu(thread, maker.Stack({"!<[stack lost: map full]>"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {}),
            "a;<[stack lost: map full]> 10000\n"
            "a;[libz.so.1+0x1f0];[anon+0x40] 10000\n");
}

TEST(Fold, SameNamesAcrossUserAndKernelAreOneLine) {
  // The same texts, once as user frames, once split between user and kernel.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f", "g"}), StackId(), 1);
  maker.Cpu(thread, maker.Stack({"f"}), maker.Stack({"k:g"}), 2);
  maker.Cpu(thread, StackId(), maker.Stack({"k:f", "k:g"}), 4);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {}), "a;f;g 70000\n");
}

TEST(Fold, OrdersByFramesNotByBytesOfLines) {
  // '!' sorts before ';', so sorting whole lines would part "main" from "main;x".
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"main!", "x"}), StackId(), 1);
  maker.Cpu(thread, maker.Stack({"main", "x"}), StackId(), 1);
  maker.Cpu(thread, maker.Stack({"main"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {}), "a;main 10000\na;main;x 10000\na;main!;x 10000\n");
}

TEST(Fold, LostTimeIsAFrameSoThatTotalsAddUp) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"f"}), StackId(),
                5 * kMillisecondNs);
  maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 2, 3 * kMillisecondNs);
  maker.Lose(LossCause::kMapBusy, LossSource::kCpu, 1, 20 * kMillisecondNs);
  maker.Lose(LossCause::kProcessUnknown, LossSource::kRecorder, 9, 0);
  maker.EndInterval();
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture, {"--view", "offcpu"}), "[lost: row map full] 3000\na;f 5000\n");
  EXPECT_EQ(Fold(capture, {"--view", "cpu"}), "[lost: map busy] 20000\n");
}

TEST(Fold, LossesWhoseTimeIsInRowsAreNotCountedTwice) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"![stack lost: map full]"}),
                StackId(), 5 * kMillisecondNs);
  maker.Lose(LossCause::kStackMapFull, LossSource::kOffCpu, 2, 5 * kMillisecondNs);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {"--view", "offcpu"}), "a;[stack lost: map full] 5000\n");
}

TEST(Fold, FiltersSayWhatLostTimeTheyLeaveOut) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 7);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"f"}), StackId(), 5000);
  maker.Lose(LossCause::kRowMapFull, LossSource::kOffCpu, 2, 3000);
  maker.EndInterval();
  std::string path = WriteTemporary("lost.twofold", maker.Finish());
  RunResult result = RunTwofold({"fold", "--view", "offcpu", "--pid", "7", path});
  EXPECT_EQ(result.output, "a;f 5\n");
  EXPECT_THAT(result.words, HasSubstr("3.00 us were lost"));
  // Time filters select lost time as well: an interval is all that it has.
  result = RunTwofold({"fold", "--view", "offcpu", "--from", "0", "--to", "9", path});
  EXPECT_EQ(result.output, "[lost: row map full] 3\na;f 5\n");
  result = RunTwofold({"fold", "--view", "offcpu", "--from", "5", path});
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.words, ::testing::Not(HasSubstr("were lost")));
  EXPECT_THAT(result.words, HasSubstr("--from: nothing in the capture matches '5'"));
}

TEST(FoldFilters, SelectByPidTidCommAndState) {
  std::string capture = TwoProcesses();
  std::string tar = "tar;main;read;sys_read;io_schedule 500000\n";
  std::string gzip = "gzip;main;wait;futex_wait 1400000\n";
  auto offcpu = [&](std::vector<std::string> options, int wanted_status = 0) {
    options.insert(options.begin(), {"--view", "offcpu"});
    return Fold(capture, options, wanted_status);
  };
  EXPECT_EQ(offcpu({"--pid", "100"}), tar);
  EXPECT_EQ(offcpu({"--pid", "100,200"}), gzip + tar);
  EXPECT_EQ(offcpu({"--pid", "1"}, 1), "");
  EXPECT_EQ(offcpu({"--tid", "201"}), gzip);
  EXPECT_EQ(offcpu({"--tid", "200"}, 1), "");
  EXPECT_EQ(offcpu({"--comm", "tar"}), tar);
  EXPECT_EQ(offcpu({"--comm", "ta"}, 1), "");
  EXPECT_EQ(offcpu({"--comm", "gzip-*"}), gzip);
  EXPECT_EQ(offcpu({"--comm", "gzip"}), gzip);  // the process's name
  EXPECT_EQ(offcpu({"--comm", "' OR 1=1 --"}, 1), "");
  EXPECT_EQ(offcpu({"--state", "D"}), tar);
  EXPECT_EQ(offcpu({"--state", "SD"}), gzip + tar);
  EXPECT_EQ(offcpu({"--state", "S", "--comm", "tar"}, 1), "");
}

TEST(FoldFilters, CommMatchesNamesThatHoldLettersOfPatterns) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("[x]*", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {"--comm", "[x]*"}), "[x]*;f 10000\n");
}

TEST(FoldFilters, FromAndToTakeWholeIntervals) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (int second = 0; second < 4; ++second) {
    maker.Cpu(thread, maker.Stack({"s" + std::to_string(second)}), StackId(), 1);
    maker.EndInterval();
  }
  std::string capture = maker.Finish();
  EXPECT_EQ(Fold(capture, {"--from", "1", "--to", "3"}), "a;s1 10000\na;s2 10000\n");
  EXPECT_EQ(Fold(capture, {"--from", "2.5"}), "a;s2 10000\na;s3 10000\n");
  EXPECT_EQ(Fold(capture, {"--to", "0.1"}), "a;s0 10000\n");
}

TEST(FoldFilters, WrongValuesAreUsageErrors) {
  std::string capture = TwoProcesses();
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--pid", "1,,2"},
                                             {"--pid", "x"},
                                             {"--pid", ""},
                                             {"--pid=-1"},
                                             {"--tid", "99999999999"},
                                             {"--state", "Q"},
                                             {"--state", ""},
                                             {"--from", "soon"},
                                             {"--from=-1"},
                                             {"--to", "nan"},
                                             {"--comm", ""},
                                             {"--root", "pid"}}) {
    EXPECT_EQ(Fold(capture, options, 2), "") << options[0] << " " << options.back();
  }
}

TEST(FoldRounding, LargestRemaindersKeepTheTotal) {
  // 0.4 + 0.4 + 0.4 + 1.3 us = 2.5 us, which is 3 us rounded: 1 for the whole one, two for the
  // largest remainders, first come first.
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  for (const char* name : {"p", "q", "r"}) {
    maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({name}), StackId(), 400);
  }
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"z"}), StackId(), 1300);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {"--view", "offcpu"}), "a;p 1\na;q 1\na;r 0\na;z 1\n");
}

TEST(FoldRounding, SumIsRightForManyValues) {
  std::vector<FoldedStack> stacks;
  uint64_t total_ns = 0;
  uint64_t state = 12345;
  for (int i = 0; i < 5000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    uint64_t value = (state >> 40) % (i % 3 == 0 ? 1000 : 5000000);
    stacks.push_back({0, 0, 0, 0, value});
    total_ns += value;
    std::vector<uint64_t> rounded = RoundToMicroseconds(stacks);
    if (i % 500 != 0) continue;
    EXPECT_EQ(std::accumulate(rounded.begin(), rounded.end(), uint64_t{0}),
              (total_ns + 500) / 1000);
    for (size_t j = 0; j < stacks.size(); ++j) {
      EXPECT_LE(rounded[j], stacks[j].value / 1000 + 1);
      EXPECT_GE(rounded[j], stacks[j].value / 1000);
    }
  }
}

TEST(FoldRounding, WholeMicrosecondsStayAsTheyAre) {
  EXPECT_EQ(RoundToMicroseconds({{0, 0, 0, 0, 1000}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 7000}}),
            (std::vector<uint64_t>{1, 0, 7}));
  EXPECT_EQ(RoundToMicroseconds({}), std::vector<uint64_t>{});
  EXPECT_EQ(RoundToMicroseconds({{0, 0, 0, 0, 999}}), std::vector<uint64_t>{1});
  EXPECT_EQ(RoundToMicroseconds({{0, 0, 0, 0, 499}}), std::vector<uint64_t>{0});
}

TEST(Fold, HostileNamesCannotBreakALine) {
  const std::vector<std::string> names = {"a;b",
                                          "line\nbreak",
                                          "esc\x1b[2J",
                                          "\xe2\x80\xae"
                                          "rtl",
                                          "back\\slash",
                                          "tab\there 12",
                                          "12",
                                          "\x7f",
                                          "<script>"};
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("pro;cess\n", 1);
  for (const std::string& name : names) maker.Cpu(thread, maker.Stack({name}), StackId(), 1);
  maker.EndInterval();
  std::string text = Fold(maker.Finish(), {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), static_cast<long>(names.size()));
  std::vector<std::string> back;
  for (size_t start = 0; start < text.size();) {
    size_t end = text.find('\n', start);
    std::string line = text.substr(start, end - start);
    start = end + 1;
    for (char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
    size_t semicolon = line.find(';');
    size_t space = line.rfind(' ');
    EXPECT_EQ(line.find(';', semicolon + 1), std::string::npos) << line;
    EXPECT_EQ(UnescapeText(line.substr(0, semicolon)), "pro;cess\n");
    EXPECT_EQ(line.substr(space), " 10000");
    back.push_back(UnescapeText(line.substr(semicolon + 1, space - semicolon - 1)));
  }
  EXPECT_THAT(back, ::testing::UnorderedElementsAreArray(names));
}

TEST(Fold, AnEmptyThreadNameIsSaid) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 1);
  maker.EndInterval();
  EXPECT_EQ(Fold(maker.Finish(), {}), "[no name];f 10000\n");
}

TEST(Fold, PartialCapturesSaySoAndStrictTells) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Cpu(thread, maker.Stack({"f"}), StackId(), 1);
  maker.EndInterval();
  std::string path = WriteTemporary("cut.twofold", maker.CutShort());
  RunResult result = RunTwofold({"fold", path});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "a;f 10000\n");
  EXPECT_EQ(result.words, "twofold: cut.twofold is partial: cut short after interval 0 (1.00 s)\n");
  result = RunTwofold({"fold", "--strict", path});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "a;f 10000\n");
}

TEST(Fold, StrictMindsLossesButNotNotices) {
  CaptureMaker notice;
  notice.Lose(LossCause::kProcessUnknown, LossSource::kRecorder, 1, 0);
  notice.EndInterval();
  std::string path = WriteTemporary("notice.twofold", notice.Finish());
  EXPECT_EQ(RunTwofold({"fold", "--strict", path}).status, 0);
  CaptureMaker loss;
  loss.Lose(LossCause::kProgramMissed, LossSource::kOffCpu, 1, 0);
  loss.EndInterval();
  path = WriteTemporary("loss.twofold", loss.Finish());
  EXPECT_EQ(RunTwofold({"fold", "--strict", path}).status, 3);
  EXPECT_EQ(RunTwofold({"fold", path}).status, 0);
}

TEST(Fold, AViewThatWasNotRecordedIsAnErrorWithTheWayOut) {
  CaptureMaker maker({"cpu"});
  maker.EndInterval();
  std::string path = WriteTemporary("cpu-only.twofold", maker.Finish());
  RunResult result = RunTwofold({"fold", "--view", "offcpu", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("--record offcpu"));
}

TEST(Fold, ImplausibleTimesAreAnErrorAndNeverAWrongSum) {
  CaptureMaker maker;
  ThreadId thread = maker.AddThread("a", 1);
  maker.Blocked(thread, BlockState::kInterruptible, maker.Stack({"f"}), StackId(), kSecondNs);
  maker.EndInterval();
  std::string path = WriteTemporary("x.twofold", maker.Finish());
  std::string database = TemporaryPath("huge.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, path}).status, 0);
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(database.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(handle,
                   "INSERT INTO blocked SELECT 2, interval_id, thread_id, state, NULL, 1, "
                   "1, 9223372036854775807, 1, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0 FROM blocked",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(handle);
  RunResult result = RunTwofold({"fold", "--view", "offcpu", database});
  EXPECT_EQ(result.status, 1);
  EXPECT_EQ(result.output, "");
  EXPECT_THAT(result.words, HasSubstr("292 years"));
}

TEST(Fold, ReadsStandardInput) {
  RunResult result = RunTwofold({"fold", "--view", "offcpu", "-"}, TwoProcesses());
  EXPECT_EQ(result.status, 0) << result.words;
  EXPECT_THAT(result.output, HasSubstr("gzip;main;wait;futex_wait 1400000\n"));
}

}  // namespace
}  // namespace twofold::testing
