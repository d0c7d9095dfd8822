// Finds the kernel's map of all memory (the direct map), through which BPF programs read the stacks
// of sleeping processes: bpf/kernel/direct_map.bpf.h.
#pragma once

#include "bpf/abi/direct_map_abi.h"
#include "format/base/result.h"

namespace twofold {

using DirectMap = twofold_direct_map;

// Guesses where the map is and lets a BPF program read memory of our own through each guess, until
// one finds what we put there, in several pages. There are up to two guesses for each GiB of
// memory; most of the time goes to loading the program, for which libbpf parses the kernel's types.
// Needs root. Error: why this machine or kernel does not allow it, or does not tell sleepers'
// registers.
Result<DirectMap> FindDirectMap();

}  // namespace twofold
