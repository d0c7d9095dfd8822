// Executed programs: the table and the SQL view, each way to end once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>

#include "analyzer/text/shell_words.h"
#include "format/base/escape_text.h"
#include "tests/analyzer/capture_maker.h"
#include "tests/analyzer/terminal.h"

namespace twofold::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Zeros(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += word + '\0';
  return text;
}

constexpr int64_t kMs = kMillisecondNs;

// One shell starts one program after the other.
void Start(CaptureMaker& maker) {
  auto run = [&](ThreadId thread, uint64_t at_ms, const std::string& file,
                 const std::vector<std::string>& words, uint16_t error = 0) {
    ExecRow row;
    row.thread = thread;
    row.time_ns = at_ms * kMillisecondNs;
    row.error = error;
    row.parent_pid = Pid(812);
    row.parent_name = maker.Text("bash");
    row.file = maker.Text(file);
    row.arguments = maker.Text(Zeros(words));
    row.arguments_cut = file == "/bin/cut";
    maker.Executed(row);
  };
  run(maker.AddImage("ls", 1001, 100 * kMs, 105 * kMs, 0), 100, "/bin/ls", {"ls", "-l", "my file"});
  run(maker.AddImage("grep", 1002, 200 * kMs, 260 * kMs, 2), 200, "/bin/grep", {});
  run(maker.AddImage("sleep", 1003, 300 * kMs, 800 * kMs, kKilledBySignal + 15), 300,
      "/usr/bin/sleep", {"sleep", "60"});
  // env executes python.
  run(maker.AddImage("env", 1004, 400 * kMs, 401 * kMs), 400, "/usr/bin/env", {"env", "python3"});
  run(maker.AddImage("python3", 1004, 401 * kMs), 401, "/usr/bin/python3", {"python3"});
  run(maker.AddImage("gone", 1005, 500 * kMs, 510 * kMs), 500, "/bin/cut", {"cut"});
  maker.EndInterval();
  ThreadId bash = maker.AddThread("bash", 1006);
  run(bash, 1100, "/usr/local/bin/missing", {}, ENOENT);
  run(bash, 1200, "", {}, 999);
  maker.EndInterval();
}

RunResult Of(std::vector<std::string> words) {
  CaptureMaker maker({"exec"});
  Start(maker);
  words.push_back(WriteTemporary("exec.twofold", maker.Finish()));
  RunResult result = RunTwofold(words);
  EXPECT_EQ(result.status, 0) << result.words;
  return result;
}

TEST(Exec, TableTellsWhatBecameOfEachProgram) {
  RunResult result = Of({"table", "--view", "exec"});
  EXPECT_EQ(result.output,
            "6 programs executed in 2.00 s, 3.0 a second; 2 attempts failed\n"
            " at s  pid name    parent    lasted ended     file\n"
            "0.100 1001 ls      812 bash 5.00 ms exit 0    /bin/ls -l 'my file'\n"
            "0.200 1002 grep    812 bash 60.0 ms exit 2    /bin/grep\n"
            "0.300 1003 sleep   812 bash  500 ms SIGTERM   /usr/bin/sleep 60\n"
            "0.400 1004 env     812 bash 1.00 ms exec      /usr/bin/env python3\n"
            "0.401 1004 python3 812 bash         running   /usr/bin/python3\n"
            "0.500 1005 gone    812 bash 10.0 ms unknown   /bin/cut ...\n"
            "1.100 1006 bash    812 bash         ENOENT    /usr/local/bin/missing\n"
            "1.200 1006 bash    812 bash         errno 999 [unreadable]\n");
}

TEST(Exec, LimitKeepsTheLastOnes) {
  RunResult result = Of({"table", "--view", "exec", "--limit", "2", "--format", "csv"});
  EXPECT_EQ(result.output,
            "capture_id,start_ns,pid,name,parent_pid,parent_name,file,duration_ns,ended,exit_code,"
            "exit_signal,error,error_name,arguments,arguments_cut\r\n"
            "1,1100000000,1006,bash,812,bash,/usr/local/bin/missing,,failed,,,2,ENOENT,,0\r\n"
            "1,1200000000,1006,bash,812,bash,,,failed,,,999,,,0\r\n");
  EXPECT_THAT(result.words, HasSubstr("shows the last 2 of 8; --limit 0 shows all"));
}

TEST(Exec, FiltersChooseTheProgramsAndTheTimeTheyAreDividedBy) {
  EXPECT_THAT(Of({"table", "--view", "exec", "--pid", "1004"}).output,
              HasSubstr("2 programs executed in 2.00 s, 1.0 a second; 0 attempts failed\n"));
  EXPECT_THAT(Of({"table", "--view", "exec", "--from", "1"}).output,
              HasSubstr("0 programs executed in 1.00 s, 0.0 a second; 2 attempts failed\n"));
  std::string output = Of({"table", "--view", "exec", "--comm", "sleep"}).output;
  EXPECT_THAT(output, HasSubstr("1 program executed"));
  EXPECT_THAT(output, Not(HasSubstr("grep")));
}

TEST(Exec, JsonHasArgumentsAsAShellReadsThem) {
  EXPECT_THAT(
      Of({"table", "--view", "exec", "--format", "json", "--pid", "1001"}).output,
      HasSubstr("\"ended\": \"exited\", \"exit_code\": 0, \"exit_signal\": null, \"error\": null, "
                "\"error_name\": null, \"arguments\": \"ls -l 'my file'\", \"arguments_cut\": 0}"));
}

TEST(Exec, InfoCountsThemAndTheirErrors) {
  EXPECT_THAT(Of({"info"}).output,
              HasSubstr("\nExecuted programs\n"
                        "  executed      6\n"
                        "  failed        2 attempts: ENOENT 1, errno 999 1\n"));
  CaptureMaker maker({"exec"});
  maker.recording().settings.arguments = true;
  Start(maker);
  EXPECT_THAT(RunTwofold({"info", WriteTemporary("args.twofold", maker.Finish())}).output,
              HasSubstr("  executed      6, with their arguments\n"));
}

TEST(Exec, ShellWordsAreQuotedWhereAShellWouldSplitThem) {
  EXPECT_EQ(ShellWords(""), "");
  EXPECT_EQ(ShellWords(Zeros({"a", "", "b c", "it's", "$HOME", "x=1", "\n"})),
            "a '' 'b c' 'it'\"'\"'s' '$HOME' x=1 '\n'");
  EXPECT_EQ(ShellWords("cut"), "cut");
  EXPECT_EQ(ShellWords(std::string("a\0cut", 5)), "a cut");
}

TEST(Exec, HarmlessShellWordsAreStillWhatAShellReads) {
  const auto harmless = [](const std::vector<std::string>& words) {
    return HarmlessShellWords(ShellWords(Zeros(words)));
  };
  EXPECT_EQ(harmless({"echo", "it's", "b c"}), "echo 'it'\"'\"'s' 'b c'");
  EXPECT_EQ(harmless({"a\\b", "\x1b[31m", "it's\n"}), "$'a\\\\b' $'\\x1b[31m' 'it'\"'\"$'s\\x0a'");
  EXPECT_EQ(harmless({"\u200b", "\xff"}), "$'\\xe2\\x80\\x8b' $'\\xff'");
}

TEST(Exec, QuotesAndBackslashesOfArgumentsAreEscapedOnce) {
  CaptureMaker maker({"exec"});
  ExecRow row;
  row.thread = maker.AddImage("echo", 1, 1);
  row.time_ns = 1;
  row.file = maker.Text("/bin/echo");
  row.arguments = maker.Text(Zeros({"it's my echo", "it's", "a\\b"}));
  maker.Executed(row);
  maker.EndInterval();
  const std::string path = WriteTemporary("quotes.twofold", maker.Finish());
  const std::string words = "'it'\"'\"'s' $'a\\\\b'";
  EXPECT_THAT(RunTwofold({"table", "--view", "exec", path}).output,
              HasSubstr("/bin/echo " + words + "\n"));
  EXPECT_THAT(RunTwofold({"table", "--view", "exec", "--format", "csv", path}).output,
              HasSubstr("\"'it'\"\"'\"\"'s my echo' 'it'\"\"'\"\"'s' $'a\\\\b'\","));
  EXPECT_THAT(RunTwofold({"table", "--view", "exec", "--format", "json", path}).output,
              HasSubstr("'it'\\\"'\\\"'s' $'a\\\\\\\\b'\""));
}

TEST(Exec, LongAndHostileTextsStayWithin80Columns) {
  CaptureMaker maker({"exec"});
  ExecRow row;
  row.thread = maker.AddImage("\x1b[31mevil", 1, 1);
  row.time_ns = 1;
  row.parent_pid = Pid(UINT32_MAX);
  row.parent_name = maker.Text(std::string(300, 'p'));
  row.file = maker.Text("\x1b]0;x\x07" + std::string(4000, 'f'));
  row.arguments = maker.Text(Zeros({"a", "'", std::string(300, 'x'), "\r\n"}));
  maker.Executed(row);
  maker.EndInterval();
  std::string path = WriteTemporary("evil.twofold", maker.Finish());
  EXPECT_THAT(RunTwofold({"table", "--view", "exec", path}).output,
              HasSubstr(std::string(4000, 'f')))
      << "a pipe cuts nothing";
  std::string output = RunOnTerminal({"table", "--view", "exec", path});
  EXPECT_EQ(output.find('\x1b'), std::string::npos);
  std::istringstream lines(output);
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    EXPECT_LE(DisplayWidth(line), 80u) << line;
  }
  EXPECT_EQ(count, 3u);
}

TEST(Exec, IsTheSameInPlaceAndLoaded) {
  CaptureMaker maker({"exec"});
  Start(maker);
  std::string path = WriteTemporary("exec-load.twofold", maker.Finish());
  std::string database = TemporaryPath("exec.db");
  ASSERT_EQ(RunTwofold({"load", "-o", database, path}).status, 0);
  const std::string query = "SELECT * FROM exec ORDER BY exec_call_id";
  std::string here = RunTwofold({"sql", "--format", "csv", path, query}).output;
  EXPECT_EQ(here, RunTwofold({"sql", "--format", "csv", database, query}).output);
  EXPECT_THAT(here, HasSubstr("executed another"));
  EXPECT_EQ(RunTwofold({"table", "--view", "exec", path}).output,
            RunTwofold({"table", "--view", "exec", database}).output);
}

TEST(Exec, CaptureWithoutThemSaysHowToRecordThem) {
  CaptureMaker maker;
  maker.EndInterval();
  std::string path = WriteTemporary("no-exec.twofold", maker.Finish());
  RunResult result = RunTwofold({"table", "--view", "exec", path});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.words, HasSubstr("--record exec"));
  EXPECT_EQ(RunTwofold({"fold", "--view", "exec", path}).status, 2);
}

}  // namespace
}  // namespace twofold::testing
