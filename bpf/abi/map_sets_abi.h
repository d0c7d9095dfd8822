/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The maps that come in pairs, and the rationing of new keys. A source names its own here. */
#ifndef TWOFOLD_ABI_MAP_SETS_H
#define TWOFOLD_ABI_MAP_SETS_H

#include "bpf/abi/base_abi.h"

/* The maps that come in pairs. */
enum twofold_map_set {
	TWOFOLD_SET_OFFCPU_STACKS,
	TWOFOLD_SET_OFFCPU_ROWS,
	TWOFOLD_SET_WAKERS,
	TWOFOLD_SET_CHAINS,
	TWOFOLD_SET_CPU_STACKS,
	TWOFOLD_SET_CPU_ROWS,
	TWOFOLD_SET_CPI_STACKS,
	TWOFOLD_SET_CPI_ROWS,
	TWOFOLD_SET_MEMORY_STACKS,
	TWOFOLD_SET_MEMORY_ROWS,
	TWOFOLD_SET_TCP_STACKS,
	TWOFOLD_SET_TCP_ROWS,
	TWOFOLD_SET_IRQ_ROWS,
	TWOFOLD_SET_FAULTS_STACKS,
	TWOFOLD_SET_FAULTS_ROWS,
	TWOFOLD_SETS,
};

/* How many new keys the programs on one CPU put into maps. */
struct twofold_inserts {
	__u64 total;
	__u32 period;	 /* insert_period that in_period counts in */
	__u32 in_period; /* at most insert_limit */
};
TWOFOLD_ASSERT(sizeof(struct twofold_inserts) == 16);

#endif
