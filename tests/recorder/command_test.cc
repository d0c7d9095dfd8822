#include "recorder/cli/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>

namespace twofold {
namespace {

std::unique_ptr<Command> Fork(const std::vector<std::string>& arguments) {
  Result<std::unique_ptr<Command>> command = Command::Fork(arguments);
  EXPECT_TRUE(command) << (command ? "" : command.error().Message());
  return std::move(command).value();
}

bool HasEnded(const Command& command, int timeout_ms) {
  pollfd end = {.fd = command.end_fd(), .events = POLLIN, .revents = 0};
  return poll(&end, 1, timeout_ms) == 1;
}

TEST(Command, RunsOnlyAfterItsGateOpens) {
  const std::unique_ptr<Command> command = Fork({"sh", "-c", "exit 3"});
  EXPECT_FALSE(HasEnded(*command, 100));
  EXPECT_TRUE(command->Execute());
  EXPECT_TRUE(HasEnded(*command, 10'000));
  EXPECT_EQ(command->PollStatus(), 3);
  EXPECT_EQ(command->WaitStatus(), 3);
}

TEST(Command, OutputMayGoToStandardError) {
  const std::string script = "echo to-output; echo to-error >&2";
  for (const auto output : {Command::Output::kAsIs, Command::Output::kToStandardError}) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Result<std::unique_ptr<Command>> command = Command::Fork({"sh", "-c", script}, output);
    ASSERT_TRUE(command.has_value());
    EXPECT_TRUE((*command)->Execute());
    EXPECT_EQ((*command)->WaitStatus(), 0);
    const std::string to_output = testing::internal::GetCapturedStdout();
    const std::string to_error = testing::internal::GetCapturedStderr();
    const bool as_is = output == Command::Output::kAsIs;
    EXPECT_EQ(to_output, as_is ? "to-output\n" : "");
    EXPECT_EQ(to_error, as_is ? "to-error\n" : "to-output\nto-error\n");
  }
}

TEST(Command, SignalGivesTheShellsStatus) {
  const std::unique_ptr<Command> command = Fork({"sh", "-c", "kill -TERM $$"});
  EXPECT_TRUE(command->Execute());
  EXPECT_EQ(command->WaitStatus(), 128 + SIGTERM);
}

TEST(Command, ProgramThatDoesNotExistIsAnErrorOfItsOwn) {
  const std::unique_ptr<Command> command = Fork({"no-such-program-anywhere"});
  const Result<void> executed = command->Execute();
  ASSERT_FALSE(executed);
  EXPECT_THAT(executed.error().Message(), testing::HasSubstr("no-such-program-anywhere"));
  EXPECT_THAT(executed.error().Message(), testing::HasSubstr("PATH"));
}

TEST(Command, FileThatCannotBeExecutedIsAnErrorOfItsOwn) {
  const std::unique_ptr<Command> command = Fork({"/etc/passwd"});
  const Result<void> executed = command->Execute();
  ASSERT_FALSE(executed);
  EXPECT_THAT(executed.error().Message(), testing::HasSubstr("Permission denied"));
}

TEST(Command, ProgramThatWasNeverLetThroughIsGoneWithItsObject) {
  pid_t pid = 0;
  {
    const std::unique_ptr<Command> command = Fork({"sleep", "60"});
    pid = pid_t(command->pid().value);
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(Command, SignalsThatTheRecorderBlocksReachTheProgram) {
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ASSERT_EQ(sigprocmask(SIG_BLOCK, &interrupt, &before), 0);
  const std::unique_ptr<Command> command = Fork({"sleep", "60"});
  EXPECT_TRUE(command->Execute());
  EXPECT_EQ(kill(pid_t(command->pid().value), SIGINT), 0);
  EXPECT_TRUE(HasEnded(*command, 10'000));
  EXPECT_EQ(command->WaitStatus(), 128 + SIGINT);
  ASSERT_EQ(sigprocmask(SIG_SETMASK, &before, nullptr), 0);
}

}  // namespace
}  // namespace twofold
