/* Until it is told to end it leaks a little in each round, 100 times a second: 64 bytes in
 * leak_small, 4 KiB in leak_large, nothing in balanced, and a descriptor in leak_descriptor, which
 * the kernel keeps an object for. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

static volatile sig_atomic_t ended;
static void* volatile kept;

static void end(int number) {
  (void)number;
  ended = 1;
}

__attribute__((noinline)) static void leak_small(void) { kept = malloc(64); }

__attribute__((noinline)) static void leak_large(void) { kept = malloc(4096); }

__attribute__((noinline)) static void balanced(void) {
  for (int i = 0; i < 10; i++) {
    kept = malloc(100 + (size_t)i);
    free(kept);
  }
}

__attribute__((noinline)) static void leak_descriptor(void) { (void)eventfd(0, 0); }

int main(void) {
  struct sigaction action = {.sa_handler = end};
  struct timespec pause = {.tv_nsec = 10000000};

  setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 65536, .rlim_max = 65536});
  sigaction(SIGTERM, &action, NULL);
  while (!ended) {
    leak_small();
    leak_large();
    balanced();
    leak_descriptor();
    nanosleep(&pause, NULL);
  }
  return 0;
}
