// Threads that live for a moment, one after the other, as many as asked for, at up to RATE a
// second.
#include <pthread.h>

#include "workload.h"

static void* live(void* unused) {
  (void)unused;
  for (volatile int i = 0; i < 10000; i++) {
  }
  return NULL;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS RATE");
  const double rate = argc > 2 ? parse_number("RATE", argv[2], 1, 1e6) : 1000;
  uint64_t threads = 0;
  stop_on_signals();
  const uint64_t start_ns = now_ns();
  while (!stop_requested) {
    const uint64_t elapsed_ns = now_ns() - start_ns;
    pthread_t thread;
    if (elapsed_ns >= duration_ns) break;
    if ((double)threads * 1e9 > (double)elapsed_ns * rate) {
      sleep_off_cpu_ns(1000000);
      continue;
    }
    if (pthread_create(&thread, NULL, live, NULL) != 0) {
      fprintf(stderr, "brief_threads: cannot start a thread\n");
      return 1;
    }
    pthread_join(thread, NULL);
    threads++;
  }
  printf("pid=%d wall_ns=%llu threads=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), (unsigned long long)threads);
  return 0;
}
