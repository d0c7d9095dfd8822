// Main blocks once, in wait_on_pipe, for the whole run; a second thread ("timer") writes to the
// pipe at the end. Start it before a recording and end it afterwards: the block then covers the
// window without a single switch inside it.
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

static int pipe_fds[2];
static uint64_t duration_ns;

OWN_FRAME static long wait_on_pipe(void) {
  char byte = 0;
  return raw_syscall4(SYS_read, pipe_fds[0], (long)&byte, 1, 0);
}

static void* write_at_the_end(void* unused) {
  (void)unused;
  prctl(PR_SET_NAME, "timer");
  sleep_off_cpu_ns(duration_ns);
  const char byte = 1;
  if (raw_syscall4(SYS_write, pipe_fds[1], (long)&byte, 1, 0) != 1) exit(1);
  return NULL;
}

int main(int argc, char** argv) {
  duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  if (pipe(pipe_fds) != 0) {
    fprintf(stderr, "blocked_whole_window: cannot make a pipe: %s\n", strerror(errno));
    return 1;
  }
  stop_on_signals();
  // Signals go to main, so that one of them ends the wait.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t timer;
  const int error = pthread_create(&timer, NULL, write_at_the_end, NULL);
  if (error != 0) {
    fprintf(stderr, "blocked_whole_window: cannot start a thread: %s\n", strerror(error));
    return 1;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  const uint64_t start_ns = now_ns();
  const uint64_t cpu_before_ns = thread_cpu_ns();
  const long got = wait_on_pipe();
  const uint64_t cpu_ns = thread_cpu_ns() - cpu_before_ns;
  const uint64_t end_ns = now_ns();
  if (got != 1 && got != -EINTR) {
    fprintf(stderr, "blocked_whole_window: cannot read its pipe: %s\n", strerror((int)-got));
    return 1;
  }
  printf("pid=%d wall_ns=%llu off_cpu_ns=%llu block_start_ns=%llu block_end_ns=%llu\n",
         (int)getpid(), (unsigned long long)(end_ns - start_ns),
         (unsigned long long)(end_ns - start_ns - cpu_ns), (unsigned long long)start_ns,
         (unsigned long long)end_ns);
  return 0;  // the timer ends with the process
}
