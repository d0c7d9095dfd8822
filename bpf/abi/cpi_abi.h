/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Hardware events by stack. */
#ifndef TWOFOLD_ABI_CPI_H
#define TWOFOLD_ABI_CPI_H

#include "bpf/abi/base_abi.h"
#include "bpf/abi/cpu_abi.h"

/* Rows of hardware events, under the same keys. Values only grow. */
struct twofold_cpi_value {
	__u64 cycles; /* sum of the samples' periods */
	__u64 cycle_samples;
	__u64 instructions;
	__u64 instruction_samples;
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpi_value) == 32);

struct twofold_cpi_sums {
	struct twofold_cpi_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpi_sums) == 64);

#endif
