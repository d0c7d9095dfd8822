#include "recorder/cli/command.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace twofold {
namespace {

// Runs in the child; nothing but async-signal-safe calls.
[[noreturn]] void HoldAndExecute(int gate, int exec_error, Command::Output output,
                                 char* const* arguments) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  char token;
  ssize_t got;
  do {
    got = read(gate, &token, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(0);  // the recorder gave up
  if (output == Command::Output::kToStandardError && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    // Standard error is closed: what the command says has nowhere to go.
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0) close(STDOUT_FILENO);
  }
  execvp(arguments[0], arguments);
  const int error = errno;
  // The pipe holds four bytes for sure.
  if (write(exec_error, &error, sizeof(error)) != sizeof(error)) _exit(126);
  _exit(127);
}

int ShellStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace

Result<std::unique_ptr<Command>> Command::Fork(const std::vector<std::string>& arguments,
                                               Output output) {
  std::unique_ptr<Command> command(new Command());
  command->program_ = arguments.front();
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);

  int gate[2];
  int exec_error[2];
  if (pipe2(gate, O_CLOEXEC) != 0 || pipe2(exec_error, O_CLOEXEC) != 0) {
    return Error{.what = "cannot start the command: " + ErrnoText(errno),
                 .where = command->program_,
                 .remedy = "Raise the limit on open files (ulimit -n)"};
  }
  UniqueFd gate_reader(gate[0]);
  UniqueFd error_writer(exec_error[1]);
  command->gate_.Reset(gate[1]);
  command->exec_error_.Reset(exec_error[0]);
  const pid_t pid = fork();
  if (pid < 0) {
    return Error{.what = "cannot start the command: " + ErrnoText(errno),
                 .where = command->program_,
                 .remedy = "Raise the limit on processes (ulimit -u)"};
  }
  if (pid == 0) {
    close(gate[1]);
    HoldAndExecute(gate[0], exec_error[1], output, pointers.data());
  }
  command->pid_ = Pid(uint32_t(pid));
  command->pid_fd_.Reset(int(syscall(SYS_pidfd_open, pid, 0)));
  if (!command->pid_fd_) {
    return Error{.what = "cannot watch the command: " + ErrnoText(errno),
                 .where = command->program_,
                 .remedy = "Use a kernel with pidfd_open (5.3 or later)"};
  }
  return command;
}

Command::~Command() {
  if (!gate_ || status_) return;
  gate_.Reset();
  WaitStatus();
}

Result<void> Command::Execute() {
  const char token = 1;
  const ssize_t sent = write(gate_.get(), &token, 1);
  if (sent != 1) {
    return Error{.what = "the command was killed before it began", .where = program_, .remedy = ""};
  }
  gate_.Reset();
  int error = 0;
  ssize_t got;
  do {
    got = read(exec_error_.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  exec_error_.Reset();
  if (got != sizeof(error)) return {};  // closed by exec
  WaitStatus();
  return Error{.what = "cannot run the command: " + ErrnoText(error),
               .where = program_,
               .remedy = error == ENOENT ? "Check its name and PATH"
                                         : "It must be an executable file for this machine"};
}

std::optional<int> Command::PollStatus() {
  if (status_) return status_;
  int wait_status = 0;
  if (waitpid(pid_t(pid_.value), &wait_status, WNOHANG) == pid_t(pid_.value)) {
    status_ = ShellStatus(wait_status);
  }
  return status_;
}

int Command::WaitStatus() {
  while (!status_) {
    int wait_status = 0;
    const pid_t ended = waitpid(pid_t(pid_.value), &wait_status, 0);
    if (ended == pid_t(pid_.value)) status_ = ShellStatus(wait_status);
    if (ended < 0 && errno != EINTR) status_ = 127;
  }
  return *status_;
}

}  // namespace twofold
