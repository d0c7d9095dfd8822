/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* On-CPU time by stack. */
#ifndef TWOFOLD_ABI_CPU_H
#define TWOFOLD_ABI_CPU_H

#include "bpf/abi/base_abi.h"

/* Rows of CPU samples. Values only grow. */
struct twofold_cpu_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 padding;
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpu_key) == 24);

struct twofold_cpu_sums {
	__u64 of[TWOFOLD_SUMS]; /* samples */
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpu_sums) == 16);

/* The sampling on a CPU; a cache line of its own. Times are of CLOCK_MONOTONIC. */
struct twofold_sampling {
	__u64 moment_ns;      /* when the next sample is due */
	__u64 period_end_ns;  /* of the period that it lies in */
	__u64 tick_ns;	      /* of the latest tick */
	__u64 tick_period_ns; /* of the timer; written by the recorder */
	__u64 period_ns;      /* of the samples, at that tick; 0: before the first tick */
	__u64 padding[3];
};
TWOFOLD_ASSERT(sizeof(struct twofold_sampling) == 64);

#endif
