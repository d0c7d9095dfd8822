// Three named threads, each with an answer of its own: "sleeper" sleeps all the time, "burner"
// burns all the time, "half_and_half" burns 5 ms and sleeps 5 ms in turn. Main waits for them.
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

struct worker {
  const char* name;
  void (*work)(struct worker* worker);
  uint64_t until_ns;  // CLOCK_MONOTONIC
  pid_t tid;
  uint64_t off_cpu_ns;  // inside of its sleeps
  uint64_t cpu_ns;      // inside of its burns
  uint64_t wall_ns;
  uint64_t run_delay_ns;
  pthread_t thread;
};

OWN_FRAME static void sleep_all_the_time(struct worker* worker) {
  while (!stop_requested && now_ns() < worker->until_ns) {
    worker->off_cpu_ns += sleep_off_cpu_ns(10000000);
  }
}

OWN_FRAME static void burn_all_the_time(struct worker* worker) {
  while (!stop_requested && now_ns() < worker->until_ns) worker->cpu_ns += burn_cpu_ns(1000000);
}

OWN_FRAME static void burn_half_the_time(struct worker* worker) {
  while (!stop_requested && now_ns() < worker->until_ns) {
    worker->cpu_ns += burn_cpu_ns(5000000);
    worker->off_cpu_ns += sleep_off_cpu_ns(5000000);
  }
}

static void* run_worker(void* argument) {
  struct worker* worker = argument;
  prctl(PR_SET_NAME, worker->name);
  worker->tid = (pid_t)raw_syscall4(SYS_gettid, 0, 0, 0, 0);
  const uint64_t start_ns = now_ns();
  worker->work(worker);
  worker->wall_ns = now_ns() - start_ns;
  worker->run_delay_ns = run_delay_ns();
  return NULL;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  stop_on_signals();
  const uint64_t until_ns = now_ns() + duration_ns;
  struct worker workers[3] = {
      {.name = "sleeper", .work = sleep_all_the_time},
      {.name = "burner", .work = burn_all_the_time},
      {.name = "half_and_half", .work = burn_half_the_time},
  };
  for (int i = 0; i < 3; i++) {
    workers[i].until_ns = until_ns;
    const int error = pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
    if (error != 0) {
      fprintf(stderr, "threads: cannot start a thread: %s\n", strerror(error));
      return 1;
    }
  }
  for (int i = 0; i < 3; i++) pthread_join(workers[i].thread, NULL);
  printf("pid=%d", (int)getpid());
  for (int i = 0; i < 3; i++) {
    const struct worker* w = &workers[i];
    printf(" %s_tid=%d %s_wall_ns=%llu %s_off_cpu_ns=%llu %s_cpu_ns=%llu %s_run_delay_ns=%llu",
           w->name, (int)w->tid, w->name, (unsigned long long)w->wall_ns, w->name,
           (unsigned long long)w->off_cpu_ns, w->name, (unsigned long long)w->cpu_ns, w->name,
           (unsigned long long)w->run_delay_ns);
  }
  printf("\n");
  return 0;
}
