// Two threads on each CPU that hand a byte back and forth as fast as they can: no CPU ever comes to
// rest, and the kernel's grace periods take seconds.
#include <pthread.h>
#include <sched.h>

#include "workload.h"

enum { kMostCpus = 256 };

static uint64_t until_ns;
static uint64_t rounds;

struct pair {
  int to_answerer[2];
  int to_asker[2];
  int cpu;
  pthread_t asker;
  pthread_t answerer;
};
static struct pair pairs[kMostCpus];

static void pin_to(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof(one), &one);
}

static void* ask(void* argument) {
  struct pair* pair = argument;
  char byte = 'x';
  pin_to(pair->cpu);
  while (!stop_requested && now_ns() < until_ns) {
    if (write(pair->to_answerer[1], &byte, 1) != 1 || read(pair->to_asker[0], &byte, 1) != 1) break;
    __atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
  }
  close(pair->to_answerer[1]);
  return NULL;
}

static void* answer(void* argument) {
  struct pair* pair = argument;
  char byte;
  pin_to(pair->cpu);
  while (read(pair->to_answerer[0], &byte, 1) == 1) {
    if (write(pair->to_asker[1], &byte, 1) != 1) break;
  }
  return NULL;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  cpu_set_t allowed;
  int count = 0;
  stop_on_signals();
  sched_getaffinity(0, sizeof(allowed), &allowed);
  const uint64_t start_ns = now_ns();
  until_ns = start_ns + duration_ns;
  for (int cpu = 0; cpu < kMostCpus; cpu++) {
    struct pair* pair = &pairs[count];
    if (!CPU_ISSET(cpu, &allowed)) continue;
    pair->cpu = cpu;
    if (pipe(pair->to_answerer) != 0 || pipe(pair->to_asker) != 0 ||
        pthread_create(&pair->asker, NULL, ask, pair) != 0 ||
        pthread_create(&pair->answerer, NULL, answer, pair) != 0) {
      fprintf(stderr, "ping_pongs: cannot start: %s\n", strerror(errno));
      return 1;
    }
    count++;
  }
  for (int i = 0; i < count; i++) {
    pthread_join(pairs[i].asker, NULL);
    pthread_join(pairs[i].answerer, NULL);
  }
  printf("pid=%d wall_ns=%llu rounds=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), (unsigned long long)rounds);
  return 0;
}
