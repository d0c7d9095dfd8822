// The recorder as a person meets it: endings, exit status, and every kind of wrong use.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

using testing::Test;

const std::set<std::string> kNothing;

// Runs the recorder with an output in the workplace.
Outcome RunRecorder(const Workplace& workplace, const std::vector<std::string>& words) {
  std::vector<std::string> all = {RecorderPath(), "-o", workplace.Path("capture.twofold")};
  all.insert(all.end(), words.begin(), words.end());
  return RunToEnd(workplace, all);
}

void ExpectSentence(const Outcome& outcome, int status, const std::string& part) {
  EXPECT_EQ(outcome.status, status);
  EXPECT_NE(outcome.errors.find(part), std::string::npos) << "it said: " << outcome.errors;
  EXPECT_EQ(outcome.errors.find("twofold-record: "), 0u) << "it said: " << outcome.errors;
  EXPECT_EQ(outcome.errors.find('\n'), outcome.errors.size() - 1) << "it said: " << outcome.errors;
}

TEST(RecorderCommandLine, ReturnsTheStatusOfACommandThatFailed) {
  const Workplace workplace;
  EXPECT_EQ(RunRecorder(workplace, {"--", "sh", "-c", "exit 7"}).status, 7);
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kCommandEnded);
  EXPECT_EQ(capture.end->command_status, 7);
  EXPECT_EQ(capture.recording.settings.command, "sh");
}

TEST(RecorderCommandLine, CommandKilledByASignalGivesTheShellsStatus) {
  const Workplace workplace;
  EXPECT_EQ(RunRecorder(workplace, {"--", "sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
}

TEST(RecorderCommandLine, TooFewOpenFilesAreNotTheKernelsFault) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {"/bin/sh", "-c",
                                               "ulimit -n 40; exec " + RecorderPath() + " -o " +
                                                   workplace.Path("x") + " -- true"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("more open files than this process may have. Raise the limit"),
            std::string::npos)
      << outcome.errors;
  EXPECT_EQ(outcome.errors.find("uname"), std::string::npos) << outcome.errors;
}

TEST(RecorderCommandLine, CommandThatDoesNotExistLeavesNothing) {
  const Workplace workplace;
  ExpectSentence(RunRecorder(workplace, {"--", "no-such-command-anywhere"}), 1,
                 "no-such-command-anywhere: cannot run the command: No such file or directory");
  EXPECT_EQ(workplace.Files(), kNothing);
}

TEST(RecorderCommandLine, ArgumentsOfTheCommandAreNotInTheCapture) {
  const Workplace workplace;
  ASSERT_EQ(RunRecorder(workplace, {"--", "sh", "-c", "true a-secret-argument"}).status, 0);
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  for (const std::string& text : capture.definitions.strings) {
    EXPECT_EQ(text.find("a-secret-argument"), std::string::npos);
  }
  EXPECT_EQ(capture.recording.settings.command, "sh");
}

TEST(RecorderCommandLine, CheckSaysThatRecordingWorksHereAndRecordsNothing) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {RecorderPath(), "--check"});
  EXPECT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(outcome.output.find("\nyes  the recording itself "), std::string::npos);
  EXPECT_NE(outcome.output.find("\nRecording works here.\n"), std::string::npos);
  EXPECT_EQ(outcome.errors, "");
  std::istringstream lines(outcome.output);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(RecorderCommandLine, CheckWithoutPrivilegesNamesThemAndFails) {
  const Workplace workplace;
  // Root without capabilities: an ordinary user could not reach the program in every checkout.
  const Outcome outcome = RunToEnd(
      workplace, {"setpriv", "--bounding-set=-all", "--inh-caps=-all", RecorderPath(), "--check"});
  EXPECT_EQ(outcome.status, 1) << outcome.errors;
  EXPECT_NE(outcome.output.find("\nno   privileges "), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("CAP_SYS_ADMIN"), std::string::npos);
  EXPECT_NE(outcome.output.find("\nRecording does not work here.\n"), std::string::npos);
}

TEST(RecorderCommandLine, CtrlCEndsARecordingInGoodOrder) {
  const Workplace workplace;
  Program workload({WorkloadPath("sleep_shares"), "30"}, workplace.Path("out"),
                   workplace.Path("err"));
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "-p",
                    std::to_string(workload.pid())},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  WaitForRecordingTo(workplace.Path("capture.twofold"));
  // Two whole intervals.
  std::this_thread::sleep_for(std::chrono::milliseconds(2600));
  recorder.Signal(SIGINT);
  EXPECT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("recorder-err"));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kInterrupted);
  EXPECT_FALSE(capture.partial());
  EXPECT_GE(capture.intervals.size(), 3u);
  EXPECT_FALSE(std::filesystem::exists(workplace.Path("capture.twofold.partial")));
}

TEST(RecorderCommandLine, KilledRecorderLeavesAReadablePartWithNames) {
  const Workplace workplace;
  Program workload({WorkloadPath("sleep_shares"), "30"}, workplace.Path("out"),
                   workplace.Path("err"));
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "--interval", "0.5",
                    "-p", std::to_string(workload.pid())},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  std::this_thread::sleep_for(std::chrono::milliseconds(2300));
  recorder.Signal(SIGKILL);
  recorder.Wait();
  EXPECT_FALSE(std::filesystem::exists(workplace.Path("capture.twofold")));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold.partial"));
  EXPECT_TRUE(capture.partial());
  EXPECT_FALSE(capture.end.has_value());
  ASSERT_GE(capture.intervals.size(), 2u);
  EXPECT_GT(BlockedNs(capture, {.function = "sleep_in_seventy"}), WindowNs(capture) / 2);
}

TEST(RecorderCommandLine, RecordingEndsWhenTheLastTargetExits) {
  const Workplace workplace;
  Program first({WorkloadPath("sleep_shares"), "3"}, workplace.Path("out1"),
                workplace.Path("err1"));
  Program second({WorkloadPath("sleep_shares"), "4"}, workplace.Path("out2"),
                 workplace.Path("err2"));
  const std::string pids = std::to_string(first.pid()) + "," + std::to_string(second.pid());
  Program recorder({RecorderPath(), "-o", workplace.Path("capture.twofold"), "-p", pids},
                   workplace.Path("recorder-out"), workplace.Path("recorder-err"));
  // A parent must collect its children before they are gone for good.
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  EXPECT_EQ(recorder.Wait(), 0) << ReadWhole(workplace.Path("recorder-err"));
  const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
  ASSERT_TRUE(capture.end.has_value());
  EXPECT_EQ(capture.end->reason, EndReason::kTargetsExited);
  EXPECT_GT(WindowNs(capture), 1'000'000'000u);
}

TEST(RecorderCommandLine, CaptureGoesToAPipe) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {"sh", "-c",
                                               RecorderPath() + " -o - -- sleep 0.3 | cat > " +
                                                   workplace.Path("piped.twofold")});
  EXPECT_EQ(outcome.status, 0) << outcome.errors;
  EXPECT_FALSE(LoadCapture(workplace.Path("piped.twofold")).partial());
}

TEST(RecorderCommandLine, WhatTheCommandWritesDoesNotDamageACaptureInAPipe) {
  const Workplace workplace;
  const std::string twofold = std::string(TWOFOLD_BIN_DIR) + "/twofold";
  for (const std::string output : {"-", "/dev/stdout", "/dev/fd/1"}) {
    const Outcome outcome =
        RunToEnd(workplace, {"sh", "-c",
                             RecorderPath() + " -o " + output +
                                 " -- sh -c 'seq 1 1000; sleep 0.2; echo the end' | " + twofold +
                                 " verify -"});
    EXPECT_EQ(outcome.status, 0) << outcome.output << outcome.errors;
    EXPECT_EQ(outcome.output.find("the end"), std::string::npos) << outcome.output;
    EXPECT_NE(outcome.errors.find("\nthe end\n"), std::string::npos) << outcome.errors;
    EXPECT_NE(outcome.errors.find("Note: what the command writes to standard output goes to "
                                  "standard error"),
              std::string::npos)
        << outcome.errors;
  }
}

TEST(RecorderCommandLine, CaptureAndWordsMayNotGoToTheSamePlace) {
  const Workplace workplace;
  const Outcome outcome =
      RunToEnd(workplace, {"sh", "-c", RecorderPath() + " -o - -d 1 2>&1 | cat"});
  EXPECT_NE(outcome.output.find("twofold-record: -o -: standard error goes to the same place"),
            std::string::npos)
      << outcome.output;
}

TEST(RecorderCommandLine, OutputThatExistsIsNotTouched) {
  const Workplace workplace;
  std::ofstream(workplace.Path("capture.twofold")) << "precious";
  const Outcome outcome = RunRecorder(workplace, {"-d", "1"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("capture.twofold"), std::string::npos) << outcome.errors;
  EXPECT_NE(outcome.errors.find("exists"), std::string::npos) << outcome.errors;
  EXPECT_EQ(ReadWhole(workplace.Path("capture.twofold")), "precious");
}

TEST(RecorderCommandLine, OutputThatCannotBeWrittenIsASentence) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(
      workplace, {RecorderPath(), "-d", "1", "-o", workplace.Path("missing/capture.twofold")});
  ExpectSentence(outcome, 1, "missing/capture.twofold");
  EXPECT_EQ(workplace.Files(), kNothing);
}

TEST(RecorderCommandLine, FullDiskEndsWithAWordAndKeepsWhatWasWritten) {
  const Workplace workplace;
  // A limit on the file's size stands for a full disk; SIGXFSZ must not kill the recorder.
  const Outcome outcome =
      RunToEnd(workplace,
               {"prlimit", "--fsize=16384", RecorderPath(), "-o", workplace.Path("capture.twofold"),
                "--interval", "0.2", "--", WorkloadPath("many_stacks"), "6", "5000"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.errors.find("capture.twofold"), std::string::npos) << outcome.errors;
  EXPECT_FALSE(std::filesystem::exists(workplace.Path("capture.twofold")));
  const std::string part = workplace.Path("capture.twofold.partial");
  if (std::filesystem::exists(part)) {
    EXPECT_TRUE(LoadCapture(part).partial());
  }
}

TEST(RecorderCommandLine, ProcessThatDoesNotExistIsASentence) {
  const Workplace workplace;
  // The largest pid that the kernel can be told to give is 4194304, and that one is never given.
  ExpectSentence(RunRecorder(workplace, {"-d", "1", "-p", "4194304"}), 1, "no process 4194304");
  EXPECT_EQ(workplace.Files(), kNothing);
}

TEST(RecorderCommandLine, WrongUseIsASentenceAndStatusTwo) {
  struct {
    std::vector<std::string> words;
    std::string part;
  } const cases[] = {
      {{"-d", "-5"}, "negative"},
      {{"-d", "soon"}, "no number of seconds"},
      {{"-d"}, "duration"},
      {{"-p", "abc"}, "no process id"},
      {{"-p", "1", "--", "true"}, "cannot be recorded together"},
      {{"--frequency", "0"}, "--frequency"},
      {{"--interval", "0"}, "--interval"},
      {{"--memory", "1"}, "--memory"},
      {{"--record", "cpu,everything"}, "everything"},
      {{"--no-such-option"}, "no-such-option"},
      {{"ls"}, "goes behind --"},
      {{"--"}, "a command is missing"},
  };
  for (const auto& wrong : cases) {
    SCOPED_TRACE(wrong.words.front());
    const Workplace workplace;
    ExpectSentence(RunRecorder(workplace, wrong.words), 2, wrong.part);
    EXPECT_EQ(workplace.Files(), kNothing);
  }
}

TEST(RecorderCommandLine, MissingPrivilegeIsNamed) {
  const Workplace workplace;
  std::filesystem::permissions(workplace.Path("."), std::filesystem::perms::all);
  const std::string copy = workplace.Path("twofold-record");
  std::filesystem::copy_file(RecorderPath(), copy);
  std::filesystem::permissions(copy, std::filesystem::perms(0755));
  ExpectSentence(RunToEnd(workplace, {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                      copy, "-d", "1", "-o", workplace.Path("capture.twofold")}),
                 1, "CAP_SYS_ADMIN and CAP_SYSLOG");
  EXPECT_EQ(workplace.Files(), std::set<std::string>{"twofold-record"});
}

// Where there are counters they are recorded; where there are none the recorder says so, records
// the rest, and claims nothing.
TEST(RecorderCommandLine, HardwareCountersAreRecordedOrSaidToBeMissing) {
  const Workplace workplace;
  const Outcome check = RunToEnd(workplace, {RecorderPath(), "--check"});
  const bool there = check.output.find("yes  hardware counter, cycles") != std::string::npos &&
                     check.output.find("yes  hardware counter, instr") != std::string::npos;
  const std::string path = workplace.Path("capture.twofold");
  const Outcome both = RunToEnd(workplace, {RecorderPath(), "-o", path, "--record", "cpi,cpu", "--",
                                            WorkloadPath("burn_shares"), "1"});
  ASSERT_EQ(both.status, 0) << both.errors;
  const Capture capture = LoadCapture(path);
  EXPECT_FALSE(capture.intervals.at(0).cpu->rows.empty());
  const std::vector<std::string>& sources = capture.recording.settings.sources;
  EXPECT_EQ(std::count(sources.begin(), sources.end(), "cpi"), there ? 1 : 0);
  EXPECT_EQ(capture.intervals.at(0).counters.has_value(), there);
  EXPECT_EQ(both.errors.find("cycles and instructions are not recorded") == std::string::npos,
            there);
  for (const char* other : {"exec", "tcp"}) {
    const Outcome with_other =
        RunToEnd(workplace, {RecorderPath(), "-o", workplace.Path(std::string(other) + ".twofold"),
                             "--record", std::string("cpi,") + other, "--", "true"});
    EXPECT_EQ(with_other.status, 0) << with_other.errors;
  }
  const Outcome alone = RunToEnd(workplace, {RecorderPath(), "-o", workplace.Path("alone.twofold"),
                                             "--record", "cpi", "--", "true"});
  if (there) {
    EXPECT_EQ(alone.status, 0) << alone.errors;
    EXPECT_FALSE(capture.intervals.at(0).counters->rows.empty());
  } else {
    ExpectSentence(alone, 1, "cycles and instructions cannot be recorded");
    EXPECT_EQ(workplace.Files().count("alone.twofold"), 0u);
  }
}

TEST(RecorderCommandLine, QuietHasNoNotes) {
  // Where there are no hardware counters, a note says so.
  const Workplace loud, quiet;
  EXPECT_NE(RunRecorder(loud, {"--record", "cpu,cpi", "--", "true"}).errors, "");
  const Outcome outcome = RunRecorder(quiet, {"--quiet", "--record", "cpu,cpi", "--", "true"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.errors, "");
}

TEST(RecorderCommandLine, ProcessThatHasEndedIsASentence) {
  // Nobody collected it yet, so its pid is still there.
  const Workplace workplace;
  Program ended({"true"}, workplace.Path("out"), workplace.Path("err"));
  const std::string pid = std::to_string(ended.pid());
  ASSERT_TRUE(Eventually(
      [&] { return ReadWhole("/proc/" + pid + "/stat").find(") Z ") != std::string::npos; }));
  ExpectSentence(RunRecorder(workplace, {"-d", "1", "-p", pid}), 1,
                 "process " + pid + " has ended");
  EXPECT_FALSE(std::filesystem::exists(workplace.Path("capture.twofold")));
}

TEST(RecorderCommandLine, PidNamespaceOfItsOwnIsNamed) {
  const Workplace workplace;
  ExpectSentence(RunToEnd(workplace, {"unshare", "--pid", "--fork", "--mount-proc", RecorderPath(),
                                      "-d", "1", "-o", workplace.Path("capture.twofold")}),
                 1, "pid namespace");
  EXPECT_EQ(workplace.Files(), kNothing);
}

TEST(RecorderCommandLine, MissingKernelTypesAreNamed) {
  const Workplace workplace;
  // A mount namespace in which /sys is empty.
  ExpectSentence(RunToEnd(workplace, {"unshare", "--mount", "sh", "-c",
                                      "mount -t tmpfs none /sys && exec " + RecorderPath() +
                                          " -d 1 -o " + workplace.Path("capture.twofold")}),
                 1, "/sys/kernel/btf/vmlinux");
  EXPECT_EQ(workplace.Files(), kNothing);
}

TEST(RecorderCommandLine, MapsStayWithinTheirBudget) {
  for (const uint64_t budget_mib : {8, 32, 128}) {
    const Workplace workplace;
    ASSERT_EQ(RunRecorder(workplace, {"--memory", std::to_string(budget_mib), "--", "true"}).status,
              0);
    const Capture capture = LoadCapture(workplace.Path("capture.twofold"));
    ASSERT_FALSE(capture.intervals.empty());
    EXPECT_LE(capture.intervals.back().cost.map_bytes, budget_mib << 20);
    // The rest is for a fresh map, when the largest one is full.
    EXPECT_GT(capture.intervals.back().cost.map_bytes, (budget_mib << 20) * 3 / 5);
    EXPECT_LE(capture.intervals.back().cost.peak_resident_bytes, 64u << 20);
  }
}

TEST(RecorderCommandLine, CaptureIsReadableByItsOwnerOnly) {
  const Workplace workplace;
  ASSERT_EQ(RunRecorder(workplace, {"--", "true"}).status, 0);
  struct stat status = {};
  ASSERT_EQ(stat(workplace.Path("capture.twofold").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(RecorderCommandLine, RecorderIsOneStaticFile) {
  const Workplace workplace;
  const Outcome outcome = RunToEnd(workplace, {"sh", "-c", "ldd " + RecorderPath() + " 2>&1"});
  EXPECT_NE(outcome.output.find("not a dynamic executable"), std::string::npos) << outcome.output;
}

}  // namespace
}  // namespace twofold::live
