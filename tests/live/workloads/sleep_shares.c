// Sleeps: 30 % of the time in sleep_in_thirty, 70 % in sleep_in_seventy. Requests are corrected by
// what earlier sleeps really took, so the shares hold for the time off the CPU, not for the
// requests.
#include "workload.h"

static uint64_t thirty_ns;
static uint64_t seventy_ns;

// Brings the function's own total to `total_ns`.
OWN_FRAME static void sleep_in_thirty(uint64_t total_ns) {
  if (total_ns > thirty_ns) thirty_ns += sleep_off_cpu_ns(total_ns - thirty_ns);
}

OWN_FRAME static void sleep_in_seventy(uint64_t total_ns) {
  if (total_ns > seventy_ns) seventy_ns += sleep_off_cpu_ns(total_ns - seventy_ns);
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "SECONDS");
  stop_on_signals();
  const uint64_t delay_before_ns = run_delay_ns();
  const uint64_t start_ns = now_ns();
  uint64_t cycles = 0;
  while (!stop_requested && now_ns() - start_ns < duration_ns) {
    cycles++;
    sleep_in_thirty(cycles * 3000000);
    sleep_in_seventy(cycles * 7000000);
  }
  const uint64_t end_ns = now_ns();
  printf(
      "pid=%d wall_ns=%llu off_cpu_ns=%llu thirty_ns=%llu seventy_ns=%llu cpu_ns=%llu "
      "run_delay_ns=%llu\n",
      (int)getpid(), (unsigned long long)(end_ns - start_ns),
      (unsigned long long)(thirty_ns + seventy_ns), (unsigned long long)thirty_ns,
      (unsigned long long)seventy_ns, (unsigned long long)thread_cpu_ns(),
      (unsigned long long)(run_delay_ns() - delay_before_ns));
  return 0;
}
