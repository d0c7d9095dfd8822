// Holds HELD event counters (eventfd) open, after as many as CLOSED were opened and closed again.
// Begins at SIGUSR1, tells its truth, and waits for SIGTERM.
#include <sys/eventfd.h>
#include <sys/resource.h>

#include "workload.h"

OWN_FRAME int open_and_hold(void) { return eventfd(0, 0); }

OWN_FRAME int open_and_close(void) { return close(eventfd(0, 0)); }

int main(int argc, char** argv) {
  const long held = argc > 1 ? atol(argv[1]) : 0;
  const long closed = argc > 2 ? atol(argv[2]) : 0;
  const bool now = argc > 3 && strcmp(argv[3], "now") == 0;
  sigset_t signals;
  int signal_number = 0;
  long failed = 0;

  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  if (!now && (sigwait(&signals, &signal_number) != 0 || signal_number != SIGUSR1)) return 0;
  for (long i = 0; i < closed; i++) failed += open_and_close() != 0;
  for (long i = 0; i < held; i++) failed += open_and_hold() < 0;
  printf("held=%ld closed=%ld failed=%ld\n", held, closed, failed);
  fflush(stdout);
  if (!now) sigwait(&signals, &signal_number);
  return 0;
}
