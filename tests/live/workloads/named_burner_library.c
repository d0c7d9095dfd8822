// The library of dlopen_burner.
#include "workload.h"

OWN_FRAME uint64_t burn_in_library(uint64_t request_ns) { return burn_cpu_ns(request_ns); }
