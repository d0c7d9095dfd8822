// The main thread ends at once; another one burns a quarter of its time in one function, and
// allocates what it never frees.
#include <pthread.h>

#include "workload.h"

static uint64_t duration_ns;

OWN_FRAME uint64_t burn_headless(uint64_t request_ns) { return burn_cpu_ns(request_ns); }

// A program that goes on needs the pointer; the compiler must not see that this one does not.
static void* volatile kept;

OWN_FRAME void leak_headless(void) {
  kept = malloc(100);
  __asm__ volatile("" ::: "memory");
}

static void* go_on(void* unused) {
  const uint64_t end_ns = now_ns() + duration_ns;
  uint64_t burned_ns = 0;
  uint64_t leaked = 0;
  while (!stop_requested && now_ns() < end_ns) {
    burned_ns += burn_headless(5000000);
    leak_headless();
    ++leaked;
    sleep_off_cpu_ns(15000000);
  }
  printf("pid=%d burned_ns=%llu leaked=%llu\n", (int)getpid(), (unsigned long long)burned_ns,
         (unsigned long long)leaked);
  exit(unused != NULL);
}

int main(int argc, char** argv) {
  duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  stop_on_signals();
  pthread_t thread;
  if (pthread_create(&thread, NULL, go_on, NULL) != 0) return 1;
  pthread_exit(NULL);
}
