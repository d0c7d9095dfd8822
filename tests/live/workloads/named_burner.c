// Burns CPU in one function, whose name depends on how it was built, and prints its truth. It is
// built in every way that changes where a function's name is found.
#include "workload.h"

#ifndef BURNER
#define BURNER burn_named
#endif

OWN_FRAME static uint64_t BURNER(uint64_t request_ns) { return burn_cpu_ns(request_ns); }

int main(int argc, char** argv) {
  const uint64_t request_ns = parse_duration_ns(argc, argv, "CPU_SECONDS");
  const uint64_t burned_ns = BURNER(request_ns);
  printf("pid=%d burned_ns=%llu\n", (int)getpid(), (unsigned long long)burned_ns);
  return 0;
}
