// The command of `-- COMMAND`: forked early, held at a gate until tracing is on, then executed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "format/base/ids.h"
#include "format/base/result.h"
#include "format/base/unique_fd.h"

namespace twofold {

class Command {
 public:
  enum class Output {
    kAsIs,             // the recorder's standard output
    kToStandardError,  // a capture goes to standard output, and nothing may come between
  };

  // Forks. The child has the signal mask that the recorder started with.
  static Result<std::unique_ptr<Command>> Fork(const std::vector<std::string>& arguments,
                                               Output output = Output::kAsIs);

  // Ends a child that is still at the gate; one that runs is left alone.
  ~Command();
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  Pid pid() const { return pid_; }

  // Readable when the command has ended; for epoll.
  int end_fd() const { return pid_fd_.get(); }

  // Opens the gate. Error: the program does not exist or cannot be executed.
  Result<void> Execute();

  // The status as a shell gives it (0-255, 128 + signal) if the command has ended, else nullopt.
  std::optional<int> PollStatus();

  // Waits for the end.
  int WaitStatus();

 private:
  Command() = default;

  std::string program_;
  Pid pid_;
  UniqueFd pid_fd_;
  UniqueFd gate_;        // closing it without a byte ends the child
  UniqueFd exec_error_;  // an errno comes through it when exec fails
  std::optional<int> status_;
};

}  // namespace twofold
