// Two threads on one CPU that hand a byte back and forth as fast as they can: each of them blocks
// until the other one has written. The asker waits in three functions: in one of eight rounds in
// wait_for_one, in two in wait_for_two, in five in wait_for_five. Every wait is of the same kind,
// so these are their shares of the asker's blocked time.
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "workload.h"

static int to_answerer[2];
static int to_asker[2];
static uint64_t answerer_switches;

ALWAYS_INLINE void hand_over_and_wait(void) {
  char byte = 'x';
  raw_syscall4(SYS_write, to_answerer[1], (long)&byte, 1, 0);
  raw_syscall4(SYS_read, to_asker[0], (long)&byte, 1, 0);
}

static volatile uint64_t ones;
static volatile uint64_t twos;
static volatile uint64_t fives;

// The counters keep the three functions different.
OWN_FRAME void wait_for_one(void) {
  hand_over_and_wait();
  ones++;
}

OWN_FRAME void wait_for_two(void) {
  hand_over_and_wait();
  twos++;
}

OWN_FRAME void wait_for_five(void) {
  hand_over_and_wait();
  fives++;
}

static uint64_t voluntary_switches(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (uint64_t)usage.ru_nvcsw;
}

static void* answer(void* unused) {
  char byte;
  (void)unused;
  prctl(PR_SET_NAME, "answerer");
  while (read(to_answerer[0], &byte, 1) == 1) {
    if (write(to_asker[1], &byte, 1) != 1) break;
  }
  answerer_switches = voluntary_switches();
  return NULL;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  uint64_t rounds = 0;
  pthread_t answerer;
  cpu_set_t first_cpu;
  stop_on_signals();
  CPU_ZERO(&first_cpu);
  CPU_SET(0, &first_cpu);
  sched_setaffinity(0, sizeof(first_cpu), &first_cpu);
  // Nobody is preempted by the one that it woke, so that every wait is one block.
  const struct sched_param no_priority = {0};
  sched_setscheduler(0, SCHED_BATCH, &no_priority);
  if (pipe(to_answerer) != 0 || pipe(to_asker) != 0 ||
      pthread_create(&answerer, NULL, answer, NULL) != 0) {
    fprintf(stderr, "handoffs: cannot start: %s\n", strerror(errno));
    return 1;
  }
  const uint64_t start_ns = now_ns();
  while (!stop_requested && now_ns() - start_ns < duration_ns) {
    wait_for_five();
    wait_for_two();
    wait_for_five();
    wait_for_one();
    wait_for_five();
    wait_for_two();
    wait_for_five();
    wait_for_five();
    rounds += 8;
  }
  const uint64_t wall_ns = now_ns() - start_ns;
  close(to_answerer[1]);
  pthread_join(answerer, NULL);
  printf("pid=%d wall_ns=%llu rounds=%llu switches=%llu\n", (int)getpid(),
         (unsigned long long)wall_ns, (unsigned long long)rounds,
         (unsigned long long)(voluntary_switches() + answerer_switches));
  return 0;
}
