// A mutex that "holder" holds for 10 ms at a time, asleep, and that three others want meanwhile.
// The holder wakes one of them when it lets go, that one wakes the next, and that one the last. The
// mutex is one of our own, so that the innermost user frame is want_the_mutex.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "workload.h"

#define WANTERS 3

static uint32_t mutex;        // 0: free, 1: held, 2: held and perhaps wanted
static uint32_t round_begun;  // number of the round; 0: none yet
static uint32_t had_it;       // of the wanters, in this round
static uint32_t over;
static uint64_t wanted_ns[WANTERS];  // off the CPU in want_the_mutex
static uint64_t delay_ns[WANTERS];   // waiting for a CPU, anywhere

ALWAYS_INLINE void futex_wait(uint32_t* word, uint32_t while_it_is) {
  raw_syscall4(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, while_it_is, 0);
}

ALWAYS_INLINE void futex_wake(uint32_t* word, int threads) {
  raw_syscall4(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, threads, 0);
}

ALWAYS_INLINE void lock(void) {
  if (__sync_val_compare_and_swap(&mutex, 0, 1) == 0) return;
  while (__atomic_exchange_n(&mutex, 2, __ATOMIC_ACQUIRE) != 0) futex_wait(&mutex, 2);
}

ALWAYS_INLINE void unlock(void) {
  if (__atomic_exchange_n(&mutex, 0, __ATOMIC_RELEASE) == 2) futex_wake(&mutex, 1);
}

OWN_FRAME void want_the_mutex(int number) {
  const uint64_t wall_before_ns = now_ns();
  const uint64_t cpu_before_ns = thread_cpu_ns();
  lock();
  const uint64_t cpu_ns = thread_cpu_ns() - cpu_before_ns;
  wanted_ns[number] += now_ns() - wall_before_ns - cpu_ns;
  unlock();
}

OWN_FRAME void hold_the_mutex(void) { sleep_off_cpu_ns(10000000); }

OWN_FRAME void wait_for_the_round(uint32_t last_round) {
  while (__atomic_load_n(&round_begun, __ATOMIC_ACQUIRE) == last_round) {
    futex_wait(&round_begun, last_round);
  }
}

OWN_FRAME void wait_for_all(void) {
  uint32_t count;
  while ((count = __atomic_load_n(&had_it, __ATOMIC_ACQUIRE)) < WANTERS) futex_wait(&had_it, count);
}

static void* want(void* argument) {
  const int number = (int)(intptr_t)argument;
  prctl(PR_SET_NAME, "wanter");
  for (uint32_t round = 0;; ++round) {
    wait_for_the_round(round);
    if (__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
      delay_ns[number] = run_delay_ns();
      return NULL;
    }
    want_the_mutex(number);
    if (__atomic_add_fetch(&had_it, 1, __ATOMIC_RELEASE) == WANTERS) futex_wake(&had_it, 1);
  }
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  pthread_t wanters[WANTERS];
  uint32_t rounds = 0;
  uint64_t all_wanted_ns = 0;
  uint64_t all_delay_ns = 0;
  stop_on_signals();
  prctl(PR_SET_NAME, "holder");
  for (int i = 0; i < WANTERS; i++) {
    if (pthread_create(&wanters[i], NULL, want, (void*)(intptr_t)i) != 0) {
      fprintf(stderr, "wanted_mutex: cannot start a thread\n");
      return 1;
    }
  }
  const uint64_t start_ns = now_ns();
  for (;;) {
    const bool is_last = stop_requested || now_ns() - start_ns >= duration_ns;
    lock();
    had_it = 0;
    if (is_last) __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    __atomic_store_n(&round_begun, rounds + 1, __ATOMIC_RELEASE);
    futex_wake(&round_begun, WANTERS);
    if (is_last) break;
    hold_the_mutex();
    unlock();
    wait_for_all();
    rounds++;
  }
  for (int i = 0; i < WANTERS; i++) {
    pthread_join(wanters[i], NULL);
    all_wanted_ns += wanted_ns[i];
    all_delay_ns += delay_ns[i];
  }
  printf("pid=%d wall_ns=%llu rounds=%u wanted_ns=%llu run_delay_ns=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), rounds, (unsigned long long)all_wanted_ns,
         (unsigned long long)all_delay_ns);
  return 0;
}
