// Burns CPU: a quarter of it in burn_a_quarter, three quarters in burn_three_quarters.
//
// Slices have lengths from a generator with a fixed seed, so that they do not beat with a sampler,
// and are several sampling periods long: the error of a sampled share then comes from the slices'
// ends only, and is far below that of as many independent samples.
#include "workload.h"

static uint64_t quarter_ns;
static uint64_t three_quarters_ns;

// Brings the function's own total to `total_ns`.
OWN_FRAME static void burn_a_quarter(uint64_t total_ns) {
  if (total_ns > quarter_ns) quarter_ns += burn_cpu_ns(total_ns - quarter_ns);
}

OWN_FRAME static void burn_three_quarters(uint64_t total_ns) {
  if (total_ns > three_quarters_ns) three_quarters_ns += burn_cpu_ns(total_ns - three_quarters_ns);
}

// xorshift64: the same sequence in every run.
static uint64_t next_random(uint64_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

int main(int argc, char** argv) {
  const uint64_t duration_ns = parse_duration_ns(argc, argv, "CPU_SECONDS");
  stop_on_signals();
  const uint64_t start_ns = now_ns();
  uint64_t random_state = 88172645463325252u;
  uint64_t target_ns = 0;
  while (!stop_requested && target_ns * 4 < duration_ns) {
    uint64_t slice_ns = 15000000 + next_random(&random_state) % 50000000;
    const uint64_t left_ns = duration_ns / 4 - target_ns;
    if (slice_ns > left_ns || left_ns - slice_ns < 1000000) slice_ns = left_ns + 1;
    target_ns += slice_ns;
    burn_a_quarter(target_ns);
    burn_three_quarters(target_ns * 3);
  }
  printf("pid=%d wall_ns=%llu cpu_ns=%llu quarter_ns=%llu three_quarters_ns=%llu\n", (int)getpid(),
         (unsigned long long)(now_ns() - start_ns), (unsigned long long)thread_cpu_ns(),
         (unsigned long long)quarter_ns, (unsigned long long)three_quarters_ns);
  return 0;
}
