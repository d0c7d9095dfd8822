// What the workloads share: clocks, system calls without libc, and arguments.
//
// libc is built without frame pointers, so a frame-pointer walk that begins inside libc skips the
// function that called it. Everything that blocks or burns therefore makes its system calls inline:
// the innermost user frame is then the workload's own function.
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Keeps a function a function of its own, with its own name in every stack.
#if defined(__clang__)
#define OWN_FRAME __attribute__((noinline, used))
#else
#define OWN_FRAME __attribute__((noipa, used))
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE long raw_syscall4(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#else
#error "The workloads know x86-64 and arm64 only."
#endif
}

ALWAYS_INLINE uint64_t timespec_ns(struct timespec t) {
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

ALWAYS_INLINE uint64_t clock_ns(clockid_t clock) {
  struct timespec t = {0, 0};
  raw_syscall4(SYS_clock_gettime, clock, (long)&t, 0, 0);
  return timespec_ns(t);
}

// CLOCK_MONOTONIC.
ALWAYS_INLINE uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

// CPU time of the calling thread.
ALWAYS_INLINE uint64_t thread_cpu_ns(void) { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

// Sleeps once and returns how long the thread was off the CPU for it: blocked, and waiting for a
// CPU afterwards (run_delay_ns tells that part). A signal cuts it short.
ALWAYS_INLINE uint64_t sleep_off_cpu_ns(uint64_t request_ns) {
  struct timespec request = {(time_t)(request_ns / 1000000000u), (long)(request_ns % 1000000000u)};
  const uint64_t wall_before_ns = now_ns();
  const uint64_t cpu_before_ns = thread_cpu_ns();
  raw_syscall4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, (long)&request, 0);
  const uint64_t cpu_ns = thread_cpu_ns() - cpu_before_ns;
  const uint64_t wall_ns = now_ns() - wall_before_ns;
  return wall_ns > cpu_ns ? wall_ns - cpu_ns : 0;
}

// Burns CPU in the calling function until its thread has used `request_ns` more; returns how much
// it used. The clock is read every few microseconds only, so that samples hit the loop.
ALWAYS_INLINE uint64_t burn_cpu_ns(uint64_t request_ns) {
  const uint64_t before_ns = thread_cpu_ns();
  uint64_t used_ns = 0;
  while (used_ns < request_ns) {
    for (volatile uint32_t i = 0; i < 20000; i++) {
    }
    used_ns = thread_cpu_ns() - before_ns;
  }
  return used_ns;
}

// How long the calling thread has waited for a CPU while it could run, so far; 0 where the kernel
// does not tell.
static inline uint64_t run_delay_ns(void) {
  unsigned long long cpu_ns = 0;
  unsigned long long delay_ns = 0;
  FILE* file = fopen("/proc/thread-self/schedstat", "re");
  if (file == NULL) return 0;
  if (fscanf(file, "%llu %llu", &cpu_ns, &delay_ns) != 2) delay_ns = 0;
  fclose(file);
  return delay_ns;
}

// SIGINT and SIGTERM end a workload early; it still prints its truth.
static volatile sig_atomic_t stop_requested = 0;

static inline void on_stop_signal(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

static inline void stop_on_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_stop_signal;  // without SA_RESTART: a blocking call returns
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

// Leaves with status 2 and a sentence when a number is not one, or lies outside of its bounds.
static inline double parse_number(const char* what, const char* text, double least, double most) {
  char* end = NULL;
  const double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    fprintf(stderr, "%s must be a number from %g to %g, not '%s'\n", what, least, most, text);
    exit(2);
  }
  return value;
}

// The first argument of every workload: how long it runs, in seconds.
static inline uint64_t parse_duration_ns(int argc, char** argv, const char* usage) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s %s\n", argv[0], usage);
    exit(2);
  }
  return (uint64_t)(parse_number("SECONDS", argv[1], 0.001, 3600) * 1e9);
}
