// Threads that sleep over and over, each time for about as long as they are told: no timer slack.
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

static uint64_t sleep_ns;
static uint64_t until_ns;
static uint64_t sleeps;

OWN_FRAME static void sleep_shortly(void) { sleep_off_cpu_ns(sleep_ns); }

static void* sleep_on(void* unused) {
  (void)unused;
  prctl(PR_SET_TIMERSLACK, 1);
  while (!stop_requested && now_ns() < until_ns) {
    sleep_shortly();
    __atomic_add_fetch(&sleeps, 1, __ATOMIC_RELAXED);
  }
  return NULL;
}

int main(int argc, char** argv) {
  enum { kMost = 1000 };
  static pthread_t threads[kMost];
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS THREADS SLEEP_US");
  const int count = argc > 2 ? (int)parse_number("THREADS", argv[2], 1, kMost) : 4;
  sleep_ns = argc > 3 ? (uint64_t)(1000 * parse_number("SLEEP_US", argv[3], 1, 1e6)) : 100000;
  stop_on_signals();
  const uint64_t start_ns = now_ns();
  until_ns = start_ns + duration_ns;
  for (int i = 0; i < count; i++) {
    if (pthread_create(&threads[i], NULL, sleep_on, NULL) != 0) {
      fprintf(stderr, "short_sleeps: cannot start a thread\n");
      return 1;
    }
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
  printf("pid=%d wall_ns=%llu sleeps=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), (unsigned long long)sleeps);
  return 0;
}
