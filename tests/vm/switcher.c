// A load that makes every CPU switch, by work that travels: on each CPU two threads are pinned, and
// while a token is there they hand a byte to and fro through two pipes, 8 times; then the token
// goes on to the next CPU. So every CPU switches and wakes others, of its own and elsewhere, and no
// more of them are busy at once than there are tokens, which is what an emulator can bear. More
// tokens never make a CPU busy beside itself: they wait in its pipe.
//
// usage: switcher SECONDS TOKENS
//
// Once a second it prints when, as CLOCK_MONOTONIC in nanoseconds, and how many round trips (two
// switches, two wake-ups) all CPUs together and the slowest one have done so far.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define ROUND_TRIPS 8

struct station {
  int tokens[2];  // a byte in it is a token that has come
  int next;       // where tokens go on to
  int there[2];
  int back[2];
  _Alignas(64) uint64_t round_trips;
};

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// A thread whose call fails ends; then the tokens stand still, which the printed numbers show.
static void* call(void* argument) {
  struct station* station = argument;
  char byte = 0;
  prctl(PR_SET_NAME, "caller");
  while (read(station->tokens[0], &byte, 1) == 1) {
    for (int i = 0; i < ROUND_TRIPS; ++i) {
      if (write(station->there[1], &byte, 1) != 1 || read(station->back[0], &byte, 1) != 1)
        return NULL;
    }
    __atomic_fetch_add(&station->round_trips, ROUND_TRIPS, __ATOMIC_RELAXED);
    if (write(station->next, &byte, 1) != 1) return NULL;
  }
  return NULL;
}

static void* answer(void* argument) {
  struct station* station = argument;
  char byte = 0;
  prctl(PR_SET_NAME, "answerer");
  while (read(station->there[0], &byte, 1) == 1 && write(station->back[1], &byte, 1) == 1) {
  }
  return NULL;
}

static int start_thread(int cpu, void* (*body)(void*), struct station* station) {
  pthread_attr_t attributes;
  pthread_t thread;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  return pthread_attr_init(&attributes) ||
         pthread_attr_setaffinity_np(&attributes, sizeof(cpus), &cpus) ||
         pthread_attr_setstacksize(&attributes, 64 * 1024) ||
         pthread_create(&thread, &attributes, body, station);
}

int main(int count, char** arguments) {
  const int seconds = count > 1 ? atoi(arguments[1]) : 1;
  const int tokens = count > 2 ? atoi(arguments[2]) : 1;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 1;
  const int stations = CPU_COUNT(&allowed);
  struct station* station = aligned_alloc(64, (size_t)stations * sizeof(struct station));
  if (station == NULL) return 1;
  for (int i = 0; i < stations; ++i) {
    station[i] = (struct station){0};
    if (pipe(station[i].tokens) != 0 || pipe(station[i].there) != 0 || pipe(station[i].back) != 0)
      return 1;
  }
  for (int i = 0, cpu = 0; i < stations; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    station[i].next = station[(i + 1) % stations].tokens[1];
    if (start_thread(cpu, answer, &station[i]) != 0 || start_thread(cpu, call, &station[i]) != 0)
      return 1;
    ++i;
  }
  for (int i = 0; i < tokens; ++i) {
    if (write(station[(long)i * stations / tokens].tokens[1], "t", 1) != 1) return 1;
  }
  for (int second = 0; second < seconds; ++second) {
    uint64_t total = 0;
    uint64_t least = UINT64_MAX;
    sleep(1);
    for (int i = 0; i < stations; ++i) {
      const uint64_t trips = __atomic_load_n(&station[i].round_trips, __ATOMIC_RELAXED);
      total += trips;
      if (trips < least) least = trips;
    }
    printf("%llu %llu %llu\n", (unsigned long long)now_ns(), (unsigned long long)total,
           (unsigned long long)least);
    fflush(stdout);
  }
  return 0;
}
