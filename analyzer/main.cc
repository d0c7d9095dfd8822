// The program `twofold`: everything is in commands/.
#include <csignal>

#include "analyzer/commands/command.h"

int main(int argc, char** argv) {
  // A reader that goes away ends the program in silence, also where it was started with the signal
  // ignored.
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit comes back as an error of write
  return twofold::RunProgram({argv + (argc > 0 ? 1 : 0), argv + argc});
}
