// A timer wakes thread 1, which wakes thread 2 through a pipe, and so on to thread 5, every 20 ms.
// Meanwhile another process burns the CPU that the timer fires on: it has nothing to do with any of
// it. Arguments: seconds.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define THREADS 5

static int pipes[THREADS][2];
static int ticks;

static void name_thread(int number) {
  char name[] = "relay_0";
  name[6] = (char)('0' + number);
  prctl(PR_SET_NAME, name);
}

static void* relay(void* argument) {
  const int number = (int)(long)argument;
  char token;
  name_thread(number);
  while (read(pipes[number - 1][0], &token, 1) == 1) {
    if (number < THREADS && write(pipes[number][1], &token, 1) != 1) break;
  }
  if (number < THREADS) close(pipes[number][1]);
  return NULL;
}

int main(int count, char** arguments) {
  const double seconds = count > 1 ? atof(arguments[1]) : 2;
  const struct itimerspec every = {{0, 20000000}, {0, 20000000}};
  const uint64_t start_ns = now_ns();
  pthread_t threads[THREADS + 1];
  uint64_t expired;
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  cpu_set_t first_cpu;
  CPU_ZERO(&first_cpu);
  CPU_SET(0, &first_cpu);
  sched_setaffinity(0, sizeof(first_cpu), &first_cpu);
  const pid_t burner = fork();
  if (burner == 0) {
    prctl(PR_SET_NAME, "burner");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) burn_cpu_ns(1000000);
  }
  for (int i = 0; i < THREADS; ++i) {
    if (pipe(pipes[i]) != 0) return 1;
  }
  for (long number = 2; number <= THREADS; ++number) {
    pthread_create(&threads[number], NULL, relay, (void*)number);
  }
  name_thread(1);
  timerfd_settime(timer, 0, &every, NULL);
  while (now_ns() - start_ns < (uint64_t)(seconds * 1e9)) {
    if (read(timer, &expired, sizeof(expired)) != sizeof(expired)) return 1;
    if (write(pipes[1][1], "x", 1) != 1) return 1;
    ++ticks;
  }
  close(pipes[1][1]);
  for (int number = 2; number <= THREADS; ++number) pthread_join(threads[number], NULL);
  kill(burner, SIGKILL);
  waitpid(burner, NULL, 0);
  printf("pid=%d wall_ns=%llu ticks=%d\n", getpid(), (unsigned long long)(now_ns() - start_ns),
         ticks);
  return 0;
}
