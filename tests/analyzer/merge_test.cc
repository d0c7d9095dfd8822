// Merged captures: every view is the sum, every row says where it comes from, and damage of one
// costs nothing of the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/analyzer/capture_maker.h"

namespace twofold::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A host on which process 7, the same everywhere, was on the CPU and blocked.
std::string HostCapture(const std::string& host, uint64_t samples, uint64_t blocked_ns,
                        bool cut_short = false) {
  CaptureMaker maker({"cpu", "offcpu"});
  maker.recording().host.hostname = host;
  maker.recording().start_realtime_ns += int64_t(std::hash<std::string>()(host) >> 40);
  ThreadId thread = maker.AddThread("app", 7);
  StackId user = maker.Stack({"main", "work"});
  StackId own = maker.Stack({"main", "only_on_" + host});
  StackId kernel = maker.Stack({"k:schedule"});
  for (int i = 0; i < 2; ++i) {
    maker.Cpu(thread, user, {}, samples);
    maker.Cpu(thread, own, {}, 1);
    maker.Blocked(thread, BlockState::kInterruptible, user, kernel, blocked_ns);
    Account account;
    account.thread = thread;
    account.existed_ns = kSecondNs;
    account.on_cpu_ns = (samples + 1) * 10 * kMillisecondNs;
    account.blocked_ns[0] = kSecondNs - account.on_cpu_ns;
    maker.AddAccount(account);
    maker.Lose(LossCause::kStackMapFull, LossSource::kCpu, samples, 0);
    maker.EndInterval();
  }
  return cut_short ? maker.CutShort() : maker.Finish();
}

// Sums of folded lines by stack.
std::map<std::string, uint64_t> SumOf(const std::vector<std::string>& folds) {
  std::map<std::string, uint64_t> sums;
  for (const std::string& fold : folds) {
    std::istringstream lines(fold);
    for (std::string line; std::getline(lines, line);) {
      size_t space = line.rfind(' ');
      sums[line.substr(0, space)] += std::stoull(line.substr(space + 1));
    }
  }
  return sums;
}

class Merge : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(TemporaryPath("merge"));
    fs::create_directory(TemporaryPath("merge"));
    one_ = WriteTemporary("merge/one.twofold", HostCapture("web1", 20, 300 * kMillisecondNs));
    two_ = WriteTemporary("merge/two.twofold", HostCapture("web2", 30, 500 * kMillisecondNs));
  }

  std::string Merged(const std::vector<std::string>& paths, std::string* words = nullptr) {
    std::vector<std::string> arguments = {"merge", "--force", "-o", merged_};
    arguments.insert(arguments.end(), paths.begin(), paths.end());
    RunResult result = RunTwofold(arguments);
    EXPECT_EQ(result.status, 0) << result.words;
    if (words != nullptr) *words = result.words;
    return merged_;
  }

  static std::string Output(std::vector<std::string> arguments) {
    RunResult result = RunTwofold(arguments);
    EXPECT_EQ(result.status, 0) << arguments[0] << ": " << result.words;
    return result.output;
  }

  std::string one_;
  std::string two_;
  std::string merged_ = TemporaryPath("merge/merged.twofold");
};

TEST_F(Merge, EveryViewIsTheSum) {
  std::string words;
  Merged({one_, two_}, &words);
  EXPECT_THAT(words, HasSubstr("(2 captures of 2 hosts)"));
  for (const char* view : {"cpu", "offcpu"}) {
    for (const char* root : {"process", "thread", "none"}) {
      std::vector<std::string> folds;
      for (const std::string& path : {one_, two_}) {
        folds.push_back(Output({"fold", "--view", view, "--root", root, path}));
      }
      EXPECT_EQ(SumOf({Output({"fold", "--view", view, "--root", root, merged_})}), SumOf(folds))
          << view << " " << root;
    }
  }
  EXPECT_THAT(Output({"fold", merged_}), HasSubstr("app;main;work 1000000\n"));
  EXPECT_THAT(Output({"fold", merged_}), HasSubstr("app;main;only_on_web1 20000\n"));
}

// Every table, row by row, is that of the captures loaded one after the other.
TEST_F(Merge, LoadsAsTheCapturesThemselves) {
  Merged({one_, two_});
  const std::string from_merged = TemporaryPath("merge/merged.db");
  const std::string from_both = TemporaryPath("merge/both.db");
  EXPECT_THAT(RunTwofold({"load", "-o", from_merged, merged_}).words, HasSubstr("2 captures"));
  Output({"load", "-o", from_both, one_, two_});
  EXPECT_EQ(ReadAll(from_merged), ReadAll(from_both));
  EXPECT_EQ(Output({"sql", "--csv", merged_, "SELECT file_name, hostname FROM capture"}),
            "file_name,hostname\r\none.twofold,web1\r\ntwo.twofold,web2\r\n");
}

TEST_F(Merge, EqualPidsOfTwoHostsStayApart) {
  Merged({one_, two_});
  EXPECT_EQ(Output({"sql", "--csv", merged_,
                    "SELECT hostname, pid, sum(existed_ns) / 1000000000 AS s FROM account "
                    "JOIN thread USING (thread_id) JOIN process USING (process_id) "
                    "JOIN capture USING (capture_id) GROUP BY capture_id"}),
            "hostname,pid,s\r\nweb1,7,2\r\nweb2,7,2\r\n");
  const std::string table = Output({"table", "--format", "csv", merged_});
  EXPECT_THAT(table, AllOf(HasSubstr("capture_id"), HasSubstr("\r\n1,"), HasSubstr("\r\n2,")));
  EXPECT_THAT(Output({"info", merged_}),
              AllOf(HasSubstr("one.twofold: whole"), HasSubstr("two.twofold: whole"),
                    HasSubstr("web1"), HasSubstr("web2")));
}

TEST_F(Merge, OneCaptureCanBeChosen) {
  Merged({one_, two_});
  for (const char* name : {"web1", "one.twofold", "*1", "one*", "1"}) {
    for (const char* view : {"cpu", "offcpu"}) {
      EXPECT_EQ(Output({"fold", "--view", view, "--capture", name, merged_}),
                Output({"fold", "--view", view, one_}))
          << name;
    }
  }
  EXPECT_THAT(RunTwofold({"fold", "--capture", "web3", merged_}).words,
              HasSubstr("nothing in the capture matches 'web3'"));
  EXPECT_THAT(Output({"fold", "--root", "capture", merged_}),
              AllOf(HasSubstr("one.twofold;main;work 400000\n"),
                    HasSubstr("two.twofold;main;work 600000\n")));
  EXPECT_EQ(RunTwofold({"fold", "--capture", "", merged_}).status, 2);
}

TEST_F(Merge, FilesOfOneNameAreToldApartByNumber) {
  fs::create_directory(TemporaryPath("merge/other"));
  const std::string twin = WriteTemporary("merge/other/one.twofold", ReadAll(two_));
  Merged({one_, twin});
  EXPECT_EQ(Output({"fold", "--capture", "2", merged_}), Output({"fold", two_}));
  EXPECT_THAT(Output({"fold", "--root", "capture", merged_}),
              AllOf(HasSubstr("one.twofold #1;main;work 400000\n"),
                    HasSubstr("one.twofold #2;main;work 600000\n")));
}

TEST_F(Merge, OfMergedFilesIsFlat) {
  const std::string three =
      WriteTemporary("merge/three.twofold", HostCapture("web3", 5, 100 * kMillisecondNs));
  const std::string inner = TemporaryPath("merge/inner.twofold");
  Output({"merge", "-o", inner, one_, two_});
  Output({"merge", "-o", merged_, inner, three});
  const std::string flat = TemporaryPath("merge/flat.twofold");
  Output({"merge", "-o", flat, one_, two_, three});
  EXPECT_EQ(ReadAll(merged_), ReadAll(flat));
}

TEST_F(Merge, TheSameRecordingTwiceIsAnError) {
  // Also as a part of a merged file, under another name, and cut short.
  const std::string copy = WriteTemporary("merge/copy.twofold", ReadAll(one_));
  const std::string cut = WriteTemporary("merge/cut.twofold", ReadAll(one_).substr(0, 900));
  const std::string inner = TemporaryPath("merge/inner.twofold");
  Output({"merge", "-o", inner, one_, two_});
  for (const std::string& again : {one_, copy, cut, inner}) {
    RunResult result = RunTwofold({"merge", "-o", merged_, one_, again});
    EXPECT_EQ(result.status, 1) << again;
    EXPECT_THAT(result.words, HasSubstr("the same recording as"));
    EXPECT_FALSE(fs::exists(merged_));
  }
}

TEST_F(Merge, ImportedCapturesAreToldApartByTheirBytes) {
  std::vector<std::string> imported;
  for (const char* text : {"a;b 1\n", "a;b 2\n"}) {
    const std::string path = TemporaryPath("merge/" + std::to_string(imported.size()) + ".import");
    Output({"import", "--unit", "us", "-o", path, WriteTemporary("merge/text", text)});
    imported.push_back(path);
  }
  Merged(imported);
  EXPECT_EQ(Output({"fold", merged_}), "a;b 3\n");
  EXPECT_EQ(RunTwofold({"merge", "--force", "-o", merged_, imported[0], imported[0]}).status, 1);
}

TEST_F(Merge, AnInputIsNeverReplaced) {
  const std::string before = ReadAll(one_);
  const std::string link = TemporaryPath("merge/link.twofold");
  fs::create_hard_link(one_, link);
  for (const std::string& output : {one_, link}) {
    RunResult result = RunTwofold({"merge", "--force", "-o", output, one_, two_});
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.words, HasSubstr("the output is one of the captures"));
  }
  EXPECT_EQ(RunTwofold({"merge", "-o", one_, two_, link}).status, 2);
  const std::string other = WriteTemporary("merge/other", "x");
  EXPECT_THAT(RunTwofold({"merge", "-o", other, one_, two_}).words, HasSubstr("exists already"));
  EXPECT_EQ(ReadAll(one_), before);
  EXPECT_EQ(ReadAll(other), "x");
}

TEST_F(Merge, WorksInPipes) {
  Merged({one_, two_});
  RunResult piped = RunTwofold({"merge", "-o", "-", one_, two_});
  EXPECT_EQ(piped.output, ReadAll(merged_));
  EXPECT_EQ(RunTwofold({"fold", "-"}, piped.output).output, Output({"fold", merged_}));
  RunResult from_input = RunTwofold({"merge", "-o", "-", "-", two_}, ReadAll(one_));
  EXPECT_EQ(from_input.status, 0) << from_input.words;
  EXPECT_EQ(RunTwofold({"fold", "-"}, from_input.output).output, Output({"fold", merged_}));
}

TEST_F(Merge, PartialAndDamagedCapturesStayLabelled) {
  const std::string cut =
      WriteTemporary("merge/cut.twofold", HostCapture("web9", 5, 100 * kMillisecondNs, true));
  std::string words;
  Merged({one_, cut}, &words);
  EXPECT_THAT(words, HasSubstr("is partial, and stays so"));
  EXPECT_EQ(RunTwofold({"merge", "--strict", "--force", "-o", merged_, one_, cut}).status, 3);
  RunResult fold = RunTwofold({"fold", merged_});
  EXPECT_THAT(fold.words, HasSubstr("cut.twofold is partial: cut short after interval 1"));
  EXPECT_EQ(SumOf({fold.output}),
            SumOf({RunTwofold({"fold", one_}).output, RunTwofold({"fold", cut}).output}));
  RunResult verify = RunTwofold({"verify", merged_});
  EXPECT_EQ(verify.status, 0);
  EXPECT_THAT(verify.output, HasSubstr("capture 1 (one.twofold): ok (2 intervals"));
  EXPECT_THAT(verify.output, HasSubstr("capture 2 (cut.twofold): partial: cut short"));

  // The second one loses its first block.
  Merged({one_, two_});
  std::string bytes = ReadAll(merged_);
  bytes[bytes.size() - ReadAll(two_).size() + 80] ^= 1;
  const std::string damaged = WriteTemporary("merge/damaged.twofold", bytes);
  EXPECT_EQ(RunTwofold({"fold", damaged}).output, Output({"fold", one_}));
  EXPECT_THAT(RunTwofold({"fold", damaged}).words,
              HasSubstr("nothing of this capture can be read"));
  verify = RunTwofold({"verify", damaged});
  EXPECT_EQ(verify.status, 1);
  EXPECT_THAT(verify.output, HasSubstr("capture 1 (one.twofold): ok"));
  EXPECT_THAT(verify.output, HasSubstr("capture 2 (two.twofold): damaged: at byte 0"));
  EXPECT_EQ(RunTwofold({"info", damaged}).status, 0);
  EXPECT_EQ(RunTwofold({"diff", damaged, one_}).status, 0);
  EXPECT_EQ(RunTwofold({"fold", "--strict", damaged}).status, 3);
  // Merged again it stays.
  const std::string again = TemporaryPath("merge/again.twofold");
  const std::string three = WriteTemporary("merge/3", HostCapture("web3", 5, kMillisecondNs));
  EXPECT_THAT(RunTwofold({"merge", "-o", again, damaged, three}).words,
              HasSubstr("two.twofold in "));
  EXPECT_EQ(Output({"sql", "--csv", again, "SELECT count(*) AS n FROM capture"}), "n\r\n3\r\n");

  // Nothing can be read at all.
  bytes.resize(bytes.size() - ReadAll(two_).size() - ReadAll(one_).size());
  RunResult nothing = RunTwofold({"fold", WriteTemporary("merge/nothing.twofold", bytes)});
  EXPECT_EQ(nothing.status, 1);
  EXPECT_THAT(nothing.words, HasSubstr("none of the captures"));
}

TEST_F(Merge, EveryCommandReadsMergedFiles) {
  Merged({one_, two_});
  EXPECT_THAT(Output({"flame", merged_}), HasSubstr("<svg"));
  for (const char* format : {"pprof", "speedscope", "json", "csv", "folded"}) {
    EXPECT_NE(Output({"export", "--format", format, merged_}), "");
  }
  for (const char* view : {"states", "top"}) {
    EXPECT_THAT(Output({"table", "--view", view, merged_}), Not(::testing::IsEmpty()));
  }
  // A side of a comparison is all captures in it.
  const std::string both = TemporaryPath("merge/both.db");
  Output({"load", "-o", both, one_, two_});
  EXPECT_EQ(Output({"diff", "--format", "csv", merged_, one_}),
            Output({"diff", "--format", "csv", both, one_}));
  const std::string named = TemporaryPath("merge/named.twofold");
  Output({"symbolize", "--debug-dir", TemporaryPath("merge"), "-o", named, merged_});
  EXPECT_EQ(Output({"fold", named}), Output({"fold", merged_}));
  EXPECT_THAT(RunTwofold({"verify", named}).output, HasSubstr("capture 2 (two.twofold): ok"));
}

TEST_F(Merge, GoldenCapturesAddUp) {
  std::vector<std::string> paths;
  for (const char* name : {"accounts", "shares", "waits", "cut_short"}) {
    paths.push_back(std::string(TWOFOLD_TESTS_DIR) + "/../../testdata/" + name +
                    "/capture.twofold");
  }
  Merged(paths);
  for (const char* view : {"cpu", "offcpu"}) {
    std::vector<std::string> folds;
    uint64_t lines = 0;
    for (const std::string& path : paths) {
      folds.push_back(RunTwofold({"fold", "--view", view, path}).output);
      lines += uint64_t(std::count(folds.back().begin(), folds.back().end(), '\n'));
    }
    // Microseconds are rounded so that totals are right: a line may differ by one for each capture.
    std::map<std::string, uint64_t> sums = SumOf(folds);
    std::map<std::string, uint64_t> merged =
        SumOf({RunTwofold({"fold", "--view", view, merged_}).output});
    EXPECT_GT(merged.size(), 20U);
    for (const auto& [stack, value_us] : merged) {
      EXPECT_NEAR(double(value_us), double(sums[stack]), 4) << stack;
    }
  }
  // In nanoseconds nothing is rounded.
  const std::string sums =
      "SELECT sum(value_ns) AS t FROM cpu UNION ALL SELECT sum(value_ns) FROM offcpu UNION ALL "
      "SELECT sum(existed_ns) FROM account UNION ALL SELECT sum(count) FROM loss UNION ALL "
      "SELECT sum(bpf_ns + user_ns + system_ns) FROM cost";
  std::vector<uint64_t> expected(5);
  for (const std::string& path : paths) {
    std::istringstream rows(Output({"sql", "--csv", path, sums}));
    std::string row;
    std::getline(rows, row);
    for (uint64_t& value : expected) {
      std::getline(rows, row);
      value += std::strtoull(row.c_str(), nullptr, 10);
    }
  }
  std::istringstream rows(Output({"sql", "--csv", merged_, sums}));
  std::string row;
  std::getline(rows, row);
  for (uint64_t value : expected) {
    std::getline(rows, row);
    EXPECT_EQ(std::strtoull(row.c_str(), nullptr, 10), value);
  }
}

TEST_F(Merge, UsedWronglyItSaysHow) {
  EXPECT_EQ(RunTwofold({"merge"}).status, 2);
  EXPECT_EQ(RunTwofold({"merge", "-o", merged_, one_}).status, 2);
  EXPECT_EQ(RunTwofold({"merge", one_, two_}).status, 2);
  const std::string text = WriteTemporary("merge/text", "no capture");
  RunResult result = RunTwofold({"merge", "-o", merged_, one_, text});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr(text));
  EXPECT_FALSE(fs::exists(merged_));
  EXPECT_EQ(RunTwofold({"merge", "-o", merged_, one_, TemporaryPath("merge/missing")}).status, 1);
}

}  // namespace
}  // namespace twofold::testing
