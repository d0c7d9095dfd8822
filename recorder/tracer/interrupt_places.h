// Where the programs find what is interrupted: which of a CPU's variables tell it, and where the
// kernel's code for interrupts begins and ends.
#pragma once

#include "recorder/names/kernel_symbols.h"

struct twofold_bpf;

namespace twofold {

// Before the programs are loaded: the variables, by the kernel's types. Without those the programs
// look by the defaults.
void SetInterruptPlaces(twofold_bpf& skeleton);

// After they were loaded, and before they are attached: the code.
void SetInterruptEntries(twofold_bpf& skeleton, const KernelSymbols& kernel_symbols);

}  // namespace twofold
