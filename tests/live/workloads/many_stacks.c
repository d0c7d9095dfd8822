// One thread with PATHS distinct user stacks, each of which blocks equally often: the bits of a
// number choose between step_zero and step_one, and at the end block_once sleeps for a moment.
#include <sys/resource.h>

#include "workload.h"

static volatile uint64_t zeros;
static volatile uint64_t ones;
static uint64_t off_cpu_ns;
static uint64_t blocks;

OWN_FRAME void block_once(void) {
  off_cpu_ns += sleep_off_cpu_ns(100000);
  blocks++;
}

OWN_FRAME void step_one(uint32_t bits, uint32_t depth);

// The counters keep the two functions different and their calls from being tail calls.
OWN_FRAME void step_zero(uint32_t bits, uint32_t depth) {
  if (depth == 0) {
    block_once();
  } else if (bits & 1) {
    step_one(bits >> 1, depth - 1);
  } else {
    step_zero(bits >> 1, depth - 1);
  }
  zeros++;
}

OWN_FRAME void step_one(uint32_t bits, uint32_t depth) {
  if (depth == 0) {
    block_once();
  } else if (bits & 1) {
    step_one(bits >> 1, depth - 1);
  } else {
    step_zero(bits >> 1, depth - 1);
  }
  ones++;
}

// How often the thread gave the CPU up by itself: a sleep whose timer fires before the thread has
// left the CPU does not block, and only the kernel knows.
static uint64_t voluntary_switches(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return (uint64_t)usage.ru_nvcsw;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS [PATHS]");
  const uint32_t paths = argc > 2 ? (uint32_t)parse_number("PATHS", argv[2], 1, 1 << 20) : 5000;
  uint32_t depth = 0;
  while ((1u << depth) < paths) depth++;
  stop_on_signals();
  const uint64_t delay_before_ns = run_delay_ns();
  const uint64_t switches_before = voluntary_switches();
  const uint64_t start_ns = now_ns();
  uint64_t passes = 0;
  do {  // whole passes only, so that every path has blocked equally often
    for (uint32_t path = 0; path < paths; path++) step_zero(path, depth);
    passes++;
  } while (!stop_requested && now_ns() - start_ns < duration_ns);
  const uint64_t switches = voluntary_switches() - switches_before;
  printf(
      "pid=%d wall_ns=%llu paths=%u passes=%llu sleeps=%llu switches=%llu off_cpu_ns=%llu "
      "run_delay_ns=%llu\n",
      (int)getpid(), (unsigned long long)(now_ns() - start_ns), paths, (unsigned long long)passes,
      (unsigned long long)blocks, (unsigned long long)switches, (unsigned long long)off_cpu_ns,
      (unsigned long long)(run_delay_ns() - delay_before_ns));
  return 0;
}
