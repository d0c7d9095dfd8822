/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the time of each thread went. */
#ifndef TWOFOLD_ABI_ACCOUNTS_H
#define TWOFOLD_ABI_ACCOUNTS_H

#include "bpf/abi/base_abi.h"

enum twofold_block_state { /* BlockState of format/capture.h */
			   TWOFOLD_BLOCK_INTERRUPTIBLE = 1,
			   TWOFOLD_BLOCK_UNINTERRUPTIBLE = 2,
			   TWOFOLD_BLOCK_STOPPED = 3,
			   TWOFOLD_BLOCK_TRACED = 4,
			   TWOFOLD_BLOCK_PARKED = 5,
			   TWOFOLD_BLOCK_IDLE = 6,
			   TWOFOLD_BLOCK_OTHER = 7,
};

/* What a thread can be doing. Blocked threads: TWOFOLD_BLOCKED plus enum twofold_block_state. */
enum twofold_thread_state {
	TWOFOLD_ON_CPU = 0,
	TWOFOLD_WOKEN = 1,     /* can run since it was woken or born, waits for a CPU */
	TWOFOLD_PREEMPTED = 2, /* can run, lost its CPU to another thread */
	TWOFOLD_BLOCKED = 2,
	TWOFOLD_BLOCKED_STOPPED = TWOFOLD_BLOCKED + TWOFOLD_BLOCK_STOPPED,
	TWOFOLD_STATES = 10,
};

/* Waits for a CPU by length: bucket 0 below 1 us, n from 2^(n-1) us up to below 2^n us. */
#define TWOFOLD_WAIT_BUCKETS 26

/* A thread's account up to a moment: written by the pass over all tasks, and when a row of the
 * thread table ends. A short one has no more than its first TWOFOLD_SHORT_ACCOUNT_BYTES. */
struct twofold_account {
	__u32 thread;
	__u32 ended; /* the thread took another row, or exited */
	__u64 at_ns;
	__u64 user_ns; /* the scheduler's own estimate of how its CPU time divides */
	__u64 system_ns;
	__u64 time_ns[TWOFOLD_STATES];
	__u32 waits[TWOFOLD_WAIT_BUCKETS];
	/* Where the process ends with this thread: */
	__u32 is_end;
	__u32 wait_status; /* as wait(2) gives it to the parent */
};
TWOFOLD_ASSERT(sizeof(struct twofold_account) == 224);
#define TWOFOLD_SHORT_ACCOUNT_BYTES 112
TWOFOLD_ASSERT(__builtin_offsetof(struct twofold_account, waits) == TWOFOLD_SHORT_ACCOUNT_BYTES);

#endif
