// Works in step with CLOCK_MONOTONIC: `burn_third` in the first third of each period, `burn_rest`
// in the rest. Whoever looks at it at equal distances sees one of them alone. Arguments: seconds of
// CPU time, the period in nanoseconds.
//
// Truth: the CPU time of both.
#include "workload.h"

ALWAYS_INLINE uint64_t burn_until_ns(uint64_t end_ns) {
  const uint64_t before_ns = thread_cpu_ns();
  while (now_ns() < end_ns) {
    for (volatile uint32_t i = 0; i < 2000; i++) {
    }
  }
  return thread_cpu_ns() - before_ns;
}

OWN_FRAME uint64_t burn_third(uint64_t end_ns) { return burn_until_ns(end_ns); }
OWN_FRAME uint64_t burn_rest(uint64_t end_ns) { return burn_until_ns(end_ns); }

int main(int count, char** arguments) {
  const uint64_t wanted_ns = (uint64_t)((count > 1 ? atof(arguments[1]) : 2) * 1e9);
  const uint64_t period_ns = count > 2 ? strtoull(arguments[2], NULL, 10) : 10000000;
  uint64_t third_ns = 0, rest_ns = 0;
  while (third_ns + rest_ns < wanted_ns) {
    const uint64_t begin_ns = now_ns() / period_ns * period_ns;
    third_ns += burn_third(begin_ns + period_ns / 3);
    rest_ns += burn_rest(begin_ns + period_ns);
  }
  printf("third_ns=%llu rest_ns=%llu\n", (unsigned long long)third_ns, (unsigned long long)rest_ns);
  return 0;
}
