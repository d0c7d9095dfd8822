/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Time in hard and soft interrupts. */
#ifndef TWOFOLD_ABI_IRQ_H
#define TWOFOLD_ABI_IRQ_H

#include "bpf/abi/base_abi.h"

enum twofold_irq_kind {
	TWOFOLD_IRQ_HARD = 1,
	TWOFOLD_IRQ_SOFT = 2,
};

#define TWOFOLD_IRQ_HANDLER_BYTES 32

/*
 * Two kinds of rows. Of a CPU: each handler's time. Of a thread that is followed: the time that
 * interrupts of the kind took while it was on a CPU, whatever they were. Values only grow, but for
 * the longest.
 */
struct twofold_irq_key {
	__u32 kind;   /* enum twofold_irq_kind */
	__u32 thread; /* that was interrupted; 0: a row of a CPU, and the following tell of it */
	__u32 cpu;
	__u32 number; /* of a hard interrupt as in /proc/interrupts; the vector of a soft one */
	char handler[TWOFOLD_IRQ_HANDLER_BYTES]; /* of a hard interrupt; cut where it is longer */
};
TWOFOLD_ASSERT(sizeof(struct twofold_irq_key) == 48);

struct twofold_irq_value {
	__u64 time_ns; /* a soft interrupt's without the hard ones that came in the middle of it */
	__u64 count;
	__u64 longest_ns;
	__u64 longest_start_ns; /* when the interval began that the longest is of */
};
TWOFOLD_ASSERT(sizeof(struct twofold_irq_value) == 32);

struct twofold_irq_sums {
	struct twofold_irq_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_irq_sums) == 64);

#endif
