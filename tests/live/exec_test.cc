// Executed programs: every one is there, once, with who started it and how it ended, also those
// that could not be executed.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/live/record_harness.h"

namespace twofold::live {
namespace {

using namespace std::string_literals;

// One executed program, with its process.
struct Execution {
  ExecRow row;
  Process process;
  std::string file;
  std::string arguments;
  std::optional<ProcessEnd> end;
};

std::vector<Execution> Executions(const Capture& capture) {
  std::map<uint32_t, ProcessEnd> ends;
  for (const ProcessEnd& end : capture.definitions.process_ends) ends[end.process.value] = end;
  std::vector<Execution> executions;
  for (const Interval& interval : capture.intervals) {
    for (const ExecRow& row : interval.execs.value()) {
      EXPECT_GE(row.time_ns, interval.start_ns);
      EXPECT_LT(row.time_ns, interval.end_ns);
      const ProcessId process = capture.GetThread(row.thread).process;
      executions.push_back({.row = row,
                            .process = capture.GetProcess(process),
                            .file = capture.String(row.file),
                            .arguments = capture.String(row.arguments),
                            .end = {}});
      const auto end = ends.find(process.value);
      if (end != ends.end()) executions.back().end = end->second;
    }
  }
  return executions;
}

// The only execution of a file with this outcome; the test fails where there are none or several.
Execution TheOne(const std::vector<Execution>& executions, const std::string& file, int error = 0) {
  std::vector<Execution> found;
  for (const Execution& execution : executions) {
    if (execution.file == file && execution.row.error == error) found.push_back(execution);
  }
  EXPECT_EQ(found.size(), 1u) << file;
  return found.empty() ? Execution() : found.front();
}

uint32_t StatusOf(const Execution& execution) {
  return execution.end ? execution.end->exit_status.value_or(9999) : 9998;
}

std::string Executable(const Workplace& workplace, const std::string& name,
                       const std::string& text) {
  const std::string path = workplace.Path(name);
  std::ofstream(path) << text;
  EXPECT_EQ(chmod(path.c_str(), 0755), 0);
  return path;
}

const std::vector<std::string> kWithArguments = {"--record", "exec", "--args"};
const std::vector<std::string> kExecs = {"--record", "exec"};

TEST(Execs, ThousandASecondAreAllThere) {
  const Workplace workplace;
  const std::string storm = std::filesystem::canonical(WorkloadPath("exec_storm"));
  const auto [capture, truth] =
      RecordCommand({"--record", "cpu,offcpu,exec", "--max-overhead", "none"},
                    {storm, "3", "1000", workplace.Path("truth")});
  ASSERT_EQ(truth["started"], 3000u);
  std::map<uint32_t, Execution> by_pid;
  for (const Execution& execution : Executions(capture)) {
    if (execution.row.parent_pid.value != truth["pid"]) continue;
    EXPECT_TRUE(by_pid.emplace(execution.process.pid.value, execution).second)
        << "pid " << execution.process.pid.value << " is there twice";
  }
  std::ifstream lines(workplace.Path("truth"));
  uint32_t pid = 0;
  uint32_t error = 0;
  uint32_t status = 0;
  while (lines >> pid >> error >> status) {
    ASSERT_TRUE(by_pid.contains(pid)) << "pid " << pid << " is missing";
    const Execution& execution = by_pid.at(pid);
    EXPECT_EQ(execution.row.error, error);
    EXPECT_EQ(execution.file, error == 0 ? storm : "/nonexistent/program");
    EXPECT_EQ(capture.String(execution.row.parent_name), "exec_storm");
    EXPECT_EQ(execution.arguments, "");
    EXPECT_EQ(capture.String(execution.process.name), "exec_storm");
    EXPECT_EQ(StatusOf(execution), status) << "pid " << pid;
    ASSERT_TRUE(execution.end);
    EXPECT_GE(execution.end->end_ns, int64_t(execution.row.time_ns));
    EXPECT_LT(execution.end->end_ns, int64_t(execution.row.time_ns) + 1'000'000'000);
    by_pid.erase(pid);
  }
  EXPECT_TRUE(by_pid.empty());
  EXPECT_EQ(LossCount(capture), 0u);
}

TEST(Execs, ArgumentsAreOnlyRecordedWhenTheyAreAskedFor) {
  const std::vector<std::string> command = {"/bin/echo", "secret", "", "last one"};
  const Recorded without = RecordCommand(kExecs, command);
  const Execution plain = TheOne(Executions(without.capture), "/bin/echo");
  EXPECT_EQ(plain.arguments, "");
  EXPECT_FALSE(plain.row.arguments_cut);
  EXPECT_FALSE(without.capture.recording.settings.arguments);
  for (const std::string& text : without.capture.definitions.strings) {
    EXPECT_EQ(text.find("secret"), std::string::npos) << text;
  }

  const Recorded with = RecordCommand(kWithArguments, command);
  const Execution told = TheOne(Executions(with.capture), "/bin/echo");
  EXPECT_EQ(told.arguments, "/bin/echo\0secret\0\0last one\0"s);
  EXPECT_FALSE(told.row.arguments_cut);
  EXPECT_TRUE(with.capture.recording.settings.arguments);
}

TEST(Execs, FailedAttemptsHaveTheirArgumentsToo) {
  const auto [capture, truth] = RecordCommand(
      kWithArguments, {"/bin/sh", "-c", "/nonexistent/program one '' 'two words'; exit 0"});
  const std::vector<Execution> executions = Executions(capture);
  const Execution failed = TheOne(executions, "/nonexistent/program", ENOENT);
  EXPECT_EQ(failed.arguments, "/nonexistent/program\0one\0\0two words\0"s);
  EXPECT_FALSE(failed.row.arguments_cut);
  EXPECT_EQ(StatusOf(failed), 127u);
  EXPECT_EQ(StatusOf(TheOne(executions, "/bin/sh")), 0u);
}

TEST(Execs, LongArgumentsAreCutAndMarked) {
  const std::string fits(4096 - 4 - 1, 'f');  // behind "true", each with its byte 0
  const std::string longer(5000, 'l');
  const auto [capture, truth] = RecordCommand(
      kWithArguments, {"/bin/bash", "-c",
                       "(exec -a true /bin/true " + fits.substr(1) + "); /bin/false " + longer +
                           "; /nonexistent/fits " + longer.substr(0, 4000) +
                           "; /nonexistent/longer " + longer + "; true"});
  const std::vector<Execution> executions = Executions(capture);
  const Execution full = TheOne(executions, "/bin/true");
  EXPECT_EQ(full.arguments.size(), 4096u);
  EXPECT_EQ(full.arguments, "true\0"s + fits.substr(1) + "\0"s);
  EXPECT_FALSE(full.row.arguments_cut);
  const Execution cut = TheOne(executions, "/bin/false");
  EXPECT_EQ(cut.arguments, ("/bin/false\0"s + longer).substr(0, 4096));
  EXPECT_TRUE(cut.row.arguments_cut);
  const Execution failed = TheOne(executions, "/nonexistent/fits", ENOENT);
  EXPECT_EQ(failed.arguments, "/nonexistent/fits\0"s + longer.substr(0, 4000) + "\0"s);
  EXPECT_FALSE(failed.row.arguments_cut);
  const Execution failed_cut = TheOne(executions, "/nonexistent/longer", ENOENT);
  EXPECT_EQ(failed_cut.arguments, ("/nonexistent/longer\0"s + longer).substr(0, 4096));
  EXPECT_TRUE(failed_cut.row.arguments_cut);
}

TEST(Execs, MoreArgumentsThanAreReadOfAFailureAreMarkedAsCut) {
  const auto [capture, truth] = RecordCommand(
      kWithArguments, {"/bin/sh", "-c",
                       WorkloadPath("exec_ways") + " many /nonexistent/many; " +
                           WorkloadPath("exec_ways") + " unreadable /bin/true; true"});
  const std::vector<Execution> executions = Executions(capture);
  const Execution many = TheOne(executions, "/nonexistent/many", ENOENT);
  EXPECT_EQ(many.arguments.substr(0, 6), "x\0x\0x\0"s);
  EXPECT_TRUE(many.row.arguments_cut);
  const Execution unreadable = TheOne(executions, "/bin/true", EFAULT);
  EXPECT_EQ(unreadable.arguments, "");
  EXPECT_TRUE(unreadable.row.arguments_cut);
}

TEST(Execs, OddPathsAreKept) {
  const Workplace workplace;
  const std::string newline = Executable(workplace, "new\nline", "#!/bin/sh\nexit 3\n");
  const std::string bytes = Executable(workplace, "by\xfftes", "#!/bin/sh\nexit 4\n");
  const std::string unicode = Executable(workplace, "\xc3\xa4\xe2\x82\xac", "#!/bin/sh\nexit 6\n");
  const std::string text = Executable(workplace, "text", "no program");
  const auto [capture, truth] = RecordCommand(
      kExecs, {"/bin/bash", "-c", "\"$0\"; \"$1\"; \"$2\"; (exec \"$3\"); (exec /bin); exit 0",
               newline, bytes, unicode, text});
  const std::vector<Execution> executions = Executions(capture);
  // Of a script the path is the script's own.
  EXPECT_EQ(StatusOf(TheOne(executions, newline)), 3u);
  EXPECT_EQ(StatusOf(TheOne(executions, workplace.Path("by\\xfftes"))), 4u);
  EXPECT_EQ(StatusOf(TheOne(executions, unicode)), 6u);
  EXPECT_EQ(TheOne(executions, text, ENOEXEC).row.error, ENOEXEC);
  EXPECT_EQ(TheOne(executions, "/bin", EACCES).row.error, EACCES);
}

TEST(Execs, DescriptorsThreadsAndSeveralImagesOfOneProcess) {
  const std::string ways = WorkloadPath("exec_ways");
  const auto [capture, truth] = RecordCommand(
      kWithArguments,
      {"/bin/bash", "-c",
       "\"$0\" descriptor /bin/true; \"$0\" folder exe nothing x; \"$0\" folder missing; "
       "\"$0\" thread /bin/sh -c 'exit 9'; (exec /bin/sh -c 'exec /bin/bash -c \"exit 11\"'); true",
       ways});
  const std::vector<Execution> executions = Executions(capture);
  const Execution descriptor = TheOne(executions, "/dev/fd/9");
  EXPECT_EQ(descriptor.arguments, "/bin/true\0"s);
  EXPECT_EQ(StatusOf(descriptor), 0u);
  EXPECT_EQ(TheOne(executions, "/dev/fd/8/exe").arguments, "exe\0nothing\0x\0"s);
  EXPECT_EQ(StatusOf(TheOne(executions, "/dev/fd/8/missing", ENOENT)), 127u);

  // A thread that executes becomes the main thread of its process.
  std::vector<Execution> shells;
  for (const Execution& execution : executions) {
    if (execution.file == "/bin/sh") shells.push_back(execution);
  }
  ASSERT_EQ(shells.size(), 2u);
  EXPECT_EQ(capture.GetThread(shells[0].row.thread).tid.value, shells[0].process.pid.value);
  EXPECT_EQ(StatusOf(shells[0]), 9u);

  // Two images of one process: the first ends by the exec, without a status.
  const Execution last = executions.back();
  EXPECT_EQ(last.file, "/bin/bash");
  EXPECT_EQ(last.process.pid, shells[1].process.pid);
  EXPECT_EQ(last.process.start_ns, shells[1].process.start_ns);
  EXPECT_NE(last.row.thread, shells[1].row.thread);
  EXPECT_EQ(StatusOf(last), 11u);
  ASSERT_TRUE(shells[1].end);
  EXPECT_FALSE(shells[1].end->exit_status);
  EXPECT_LE(shells[1].end->end_ns, int64_t(last.row.time_ns));
}

TEST(Execs, ProgramsOfAnotherUserAreTheSame) {
  const Workplace workplace;
  const std::string owned = Executable(workplace, "set_user_id", "");
  std::filesystem::copy_file("/bin/sleep", owned,
                             std::filesystem::copy_options::overwrite_existing);
  ASSERT_EQ(chown(owned.c_str(), 65534, 65534), 0);
  ASSERT_EQ(chmod(owned.c_str(), 04755), 0);
  const auto [capture, truth] =
      RecordCommand(kWithArguments, {"/bin/sh", "-c", owned + " 0.01; exit 0"});
  const Execution execution = TheOne(Executions(capture), owned);
  EXPECT_EQ(execution.arguments, owned + "\0"s + "0.01\0"s);
  EXPECT_EQ(StatusOf(execution), 0u);
}

TEST(Execs, OnlyWhatIsInScopeIsTold) {
  // Everything else on this machine, such as this test's own shells, is not.
  const Workplace workplace;
  Program other({"/bin/sh", "-c", "while :; do /bin/true; /nonexistent/other; done"}, "/dev/null",
                "/dev/null");
  const auto [capture, truth] =
      RecordCommand(kExecs, {"/bin/sh", "-c", "sleep 0.3; /nonexistent/own; exit 0"});
  std::multiset<std::string> files;
  for (const Execution& execution : Executions(capture)) files.insert(execution.file);
  EXPECT_EQ(files.count("/nonexistent/own"), 1u);
  EXPECT_EQ(files.count("/nonexistent/other"), 0u);
  EXPECT_EQ(files.count("/bin/true"), 0u);
}

TEST(Execs, NamesNarrowThem) {
  const auto [capture, truth] =
      RecordCommand({"--record", "exec", "--comm", "true"},
                    {"/bin/sh", "-c", "/bin/true; /bin/false; /bin/true; /nonexistent/x; exit 0"});
  std::multiset<std::string> files;
  for (const Execution& execution : Executions(capture)) files.insert(execution.file);
  EXPECT_EQ(files, (std::multiset<std::string>{"/bin/true", "/bin/true"}));
}

}  // namespace
}  // namespace twofold::live
