#include "tests/analyzer/terminal.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace twofold::testing {

std::string RunOnTerminal(const std::vector<std::string>& arguments, unsigned short columns) {
  std::string program = std::string(TWOFOLD_BIN_DIR) + "/twofold";
  std::vector<char*> words = {program.data()};
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  int terminal = -1;
  int program_side = -1;
  termios modes = {};
  cfmakeraw(&modes);  // newlines stay what they are
  winsize size = {};
  size.ws_col = columns;
  if (openpty(&terminal, &program_side, nullptr, &modes, &size) != 0) {
    ADD_FAILURE() << "there is no terminal";
    return "";
  }
  pid_t child = fork();
  if (child == 0) {
    dup2(program_side, STDOUT_FILENO);
    close(terminal);
    close(program_side);
    execv(program.c_str(), words.data());
    _exit(127);
  }
  close(program_side);
  std::string output;
  char buffer[4096];
  // Reading fails when nobody has the other side open any more.
  for (ssize_t got; (got = read(terminal, buffer, sizeof(buffer))) > 0;) {
    output.append(buffer, size_t(got));
  }
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << output;
  return output;
}

}  // namespace twofold::testing
