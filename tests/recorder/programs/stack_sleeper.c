// Blocks again and again at the bottom of a stack that it knows: functions with frame pointers, as
// deep as asked for. Says "STACK", what it knows of the first thread's stack (return addresses,
// leaf first), and a newline; ends when it blocked as often as asked for.
//
//   stack_sleeper KIND DEPTH ROUNDS MEMORY
//
// KIND: sleep (alone), pipe or futex (two threads wake each other in turn), stdin (until a byte
// comes for each round). MEMORY, words joined by commas, says what becomes of the stacks' memory:
//   plain     nothing
//   huge      it is one page of 2 MiB
//   gigabyte  it is one page of 1 GiB; exit status 3 where the system has none to give
//   hidden    nobody may access it (then "HIDDEN" is said) until SIGUSR1 comes (then "SHOWN" is
//   said) churn     meanwhile processes are forked and programs started, memory is mapped and
//   unmapped, and
//             huge pages are split and put together again
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_DEPTH = 400, STACK_BYTES = 2 << 20 };

static const char *kind, *memory;
static char* start;
static size_t bytes;
static int done;
static int depth, rounds;
static int pipes[2][2];
static uint32_t turn;

static void* known[MAX_DEPTH + 1];
static int known_frames;

// In a function of ours, so that the instruction pointer is there, too.
static inline __attribute__((always_inline)) long Call(long number, long a, long b, long c,
                                                       long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
}

// Tells what is known, and blocks.
static __attribute__((noinline)) void Block(int thread, int round) {
  char byte = 0;
  if (thread == 0) {
    known[known_frames] = __builtin_return_address(0);
    if (round == 0) {
      printf("STACK");
      for (int i = known_frames; i >= 0; --i) printf(" %lx", (unsigned long)known[i]);
      printf("\n");
      fflush(stdout);
    }
  }
  if (kind[0] == 's' && kind[1] == 'l') {
    const long time[2] = {0, 20000};
    Call(SYS_nanosleep, (long)time, 0, 0, 0);
  } else if (kind[0] == 's') {
    if (Call(SYS_read, 0, (long)&byte, 1, 0) != 1) _exit(0);
  } else if (kind[0] == 'p') {
    if (thread == 1) Call(SYS_read, pipes[1][0], (long)&byte, 1, 0);
    Call(SYS_write, pipes[thread == 0][1], (long)&byte, 1, 0);
    if (thread == 0) Call(SYS_read, pipes[0][0], (long)&byte, 1, 0);
  } else {
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) % 2 != (uint32_t)thread)
      Call(SYS_futex, (long)&turn, FUTEX_WAIT_PRIVATE, 1 - thread, 0);
    __atomic_store_n(&turn, 1 - thread, __ATOMIC_RELEASE);
    Call(SYS_futex, (long)&turn, FUTEX_WAKE_PRIVATE, 1, 0);
  }
}

static __attribute__((noinline)) void Descend(int thread, int left, int round) {
  if (thread == 0) known[known_frames++] = __builtin_return_address(0);
  if (left > 1)
    Descend(thread, left - 1, round);
  else
    Block(thread, round);
  if (thread == 0) --known_frames;
  __asm__ volatile("" ::: "memory");
}

static void* Run(void* argument) {
  const int thread = (int)(intptr_t)argument;
  prctl(PR_SET_NAME, "knows_its_stack");
  for (int round = 0; round < rounds; ++round) {
    if (kind[0] == 'f' && thread == 1 && round == 0) usleep(1000);
    Descend(thread, depth, round);
  }
  return NULL;
}

static int Has(const char* word) { return strstr(memory, word) != NULL; }

static void* Churn(void* unused) {
  (void)unused;
  for (int i = 0; !__atomic_load_n(&done, __ATOMIC_ACQUIRE); ++i) {
    // Memory comes and goes, with the page tables of 2 MiB and of 1 GiB.
    char* const other = mmap((void*)(((uintptr_t)0x10 << 40) + ((uintptr_t)(i % 64) << 30)),
                             4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int page = 0; page < 1024; page += 100) other[page * 4096] = 1;
    mprotect(other, 1 << 20, PROT_NONE);
    madvise(other + (2 << 20), 1 << 20, MADV_DONTNEED);
    munmap(other, 4 << 20);
    // The first page of the stacks' memory is a part of it that the stacks do not reach.
    mprotect(start, 4096, PROT_READ);
    mprotect(start, 4096, PROT_READ | PROT_WRITE);
    if (Has("huge")) madvise(start, bytes, 25 /* MADV_COLLAPSE */);
    if (i % 4 == 0) {
      // A copy of the process: the pages of the stacks are copied when they are written next.
      const pid_t child = fork();
      if (child == 0) _exit(0);
      waitpid(child, NULL, 0);
    } else if (i % 4 == 2) {
      char* const arguments[] = {"stack_sleeper", NULL};
      char* const environment[] = {NULL};
      pid_t child;
      if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environment) == 0)
        waitpid(child, NULL, 0);
    }
  }
  return NULL;
}

static void Hide(void) {
  sigset_t signals;
  int signal;
  usleep(100000);  // the thread is blocked by then, and stays so until it is let go
  mprotect(start, bytes, PROT_NONE);
  printf("HIDDEN\n");
  fflush(stdout);
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigwait(&signals, &signal);
  mprotect(start, bytes, PROT_READ | PROT_WRITE);
  printf("SHOWN\n");
  fflush(stdout);
}

static char* StackMemory(void) {
  const int protection = PROT_READ | PROT_WRITE;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
  char* result;
  if (Has("gigabyte")) {
    bytes = (size_t)1 << 30;
    result = mmap(NULL, bytes, protection, flags | MAP_HUGETLB | (30 << 26), -1, 0);
    return result == MAP_FAILED ? NULL : result;
  }
  bytes = 2 * STACK_BYTES;
  result = mmap(NULL, bytes + STACK_BYTES, protection, flags, -1, 0);
  if (result == MAP_FAILED) return NULL;
  result += (size_t) - (uintptr_t)result % STACK_BYTES;
  madvise(result, bytes, Has("huge") ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  memset(result, 0, bytes);
  return result;
}

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  kind = argv[1];
  depth = atoi(argv[2]);
  rounds = atoi(argv[3]);
  memory = argv[4];
  if (depth < 1 || depth > MAX_DEPTH || pipe(pipes[0]) != 0 || pipe(pipes[1]) != 0) return 2;
  start = StackMemory();
  if (start == NULL) return 3;
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &signals, NULL);

  const int threads = kind[0] == 's' ? 1 : 2;
  pthread_t ids[2], churn;
  for (int thread = 0; thread < threads; ++thread) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, start + (size_t)thread * STACK_BYTES, STACK_BYTES);
    if (pthread_create(&ids[thread], &attributes, Run, (void*)(intptr_t)thread) != 0) return 3;
  }
  if (Has("churn") && pthread_create(&churn, NULL, Churn, NULL) != 0) return 3;
  if (Has("hidden")) Hide();
  for (int thread = 0; thread < threads; ++thread) pthread_join(ids[thread], NULL);
  __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
  if (Has("churn")) pthread_join(churn, NULL);
  return 0;
}
