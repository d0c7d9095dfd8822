// Sleeps below more frames than a recorder takes: DEPTH calls of descend (300 by default), then
// sleep_at_the_bottom.
#include "workload.h"

static volatile uint64_t returns;
static uint64_t off_cpu_ns;

OWN_FRAME void sleep_at_the_bottom(uint64_t until_ns) {
  while (!stop_requested && now_ns() < until_ns) off_cpu_ns += sleep_off_cpu_ns(5000000);
}

OWN_FRAME void descend(uint32_t depth, uint64_t until_ns) {
  if (depth > 1) {
    descend(depth - 1, until_ns);
  } else {
    sleep_at_the_bottom(until_ns);
  }
  returns++;  // after the call, so that it is no tail call
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS [DEPTH]");
  const uint32_t depth = argc > 2 ? (uint32_t)parse_number("DEPTH", argv[2], 1, 10000) : 300;
  stop_on_signals();
  const uint64_t start_ns = now_ns();
  descend(depth, start_ns + duration_ns);
  printf("pid=%d wall_ns=%llu depth=%u off_cpu_ns=%llu run_delay_ns=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), depth, (unsigned long long)off_cpu_ns,
         (unsigned long long)run_delay_ns());
  return 0;
}
