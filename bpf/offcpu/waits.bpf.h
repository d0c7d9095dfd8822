/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Waits for a CPU, by length. */
#ifndef TWOFOLD_OFFCPU_WAITS_BPF_H
#define TWOFOLD_OFFCPU_WAITS_BPF_H

#include "bpf/threads/task.bpf.h"

/* What a thread that waits for a CPU has in the keys of rows. */
static __always_inline __u32 waiting_state(const struct twofold_task *state)
{
	return state->state == TWOFOLD_PREEMPTED ? TWOFOLD_WAITING_PREEMPTED
						 : TWOFOLD_WAITING_WOKEN;
}

/* The number of the histogram's bucket for a wait. */
static __always_inline __u32 wait_bucket(__u64 wait_ns)
{
	__u32 us, bucket = 0;

	if (wait_ns >= 1ULL << 34)
		return TWOFOLD_WAIT_BUCKETS - 1;
	/* Division by 1000 = 8 x 125: a multiplication, exact in this range. */
	us = ((wait_ns >> 3) * 0x10624dd3ULL) >> 35;
	if (!us)
		return 0;
	if (us >= 1 << 16) {
		us >>= 16;
		bucket += 16;
	}
	if (us >= 1 << 8) {
		us >>= 8;
		bucket += 8;
	}
	if (us >= 1 << 4) {
		us >>= 4;
		bucket += 4;
	}
	if (us >= 1 << 2) {
		us >>= 2;
		bucket += 2;
	}
	bucket += us >> 1;
	return bucket + 1 < TWOFOLD_WAIT_BUCKETS ? bucket + 1 : TWOFOLD_WAIT_BUCKETS - 1;
}

static __always_inline void count_wait(struct twofold_task *state, __u64 wait_ns)
{
	__u32 bucket = wait_bucket(wait_ns);

	if (bucket < TWOFOLD_WAIT_BUCKETS)
		state->waits[bucket]++;
}

#endif
