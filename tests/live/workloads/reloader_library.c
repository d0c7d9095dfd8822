// The two libraries of reloader: BURN_IN is the name of the function that burns.
#include "workload.h"

OWN_FRAME uint64_t BURN_IN(uint64_t request_ns) { return burn_cpu_ns(request_ns); }

OWN_FRAME uint64_t burn(uint64_t request_ns) { return BURN_IN(request_ns); }
