// Lives for a moment: sleeps in nap_briefly for MILLISECONDS (10 by default), prints nothing.
// process_tree starts it.
#include "workload.h"

OWN_FRAME static void nap_briefly(uint64_t request_ns) { sleep_off_cpu_ns(request_ns); }

int main(int argc, char** argv) {
  const double milliseconds = argc > 1 ? parse_number("MILLISECONDS", argv[1], 0.01, 60000) : 10;
  nap_briefly((uint64_t)(milliseconds * 1e6));
  return 0;
}
