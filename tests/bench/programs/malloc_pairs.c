/* COUNT times malloc and free, of 16 to 495 bytes, after SIGUSR1; prints the CPU time of a pair in
 * nanoseconds. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char** argv) {
  const long count = argc > 1 ? atol(argv[1]) : 1000000;
  sigset_t signals;
  int number;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  sigwait(&signals, &number);
  const double start_ns = cpu_ns();
  for (long i = 0; i < count; i++) {
    void* block = malloc((size_t)(16 + i * 37 % 480));
    __asm__ volatile("" ::"r"(block) : "memory");
    free(block);
  }
  printf("%.1f\n", (cpu_ns() - start_ns) / (double)count);
  return 0;
}
