/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Stacks, under a hash of their frames. */
#ifndef TWOFOLD_ABI_STACKS_H
#define TWOFOLD_ABI_STACKS_H

#include "bpf/abi/base_abi.h"

#define TWOFOLD_MAX_FRAMES 127
#define TWOFOLD_FRAMES_CUT 0x80000000U

/*
 * A stack is named by a 64-bit hash of its frames. Small numbers are no hashes but say why there is
 * none; hashes start at TWOFOLD_FIRST_STACK_HASH.
 */
enum twofold_stack_id {
	TWOFOLD_STACK_NONE = 0, /* none belongs here: no kernel stack in user mode, no user stack of
				   the kernel */
	TWOFOLD_STACK_MAP_FULL = 1,    /* lost: its map is full */
	TWOFOLD_STACK_MAP_BUSY = 2,    /* lost: its map was locked */
	TWOFOLD_STACK_UNREADABLE = 3,  /* the kernel could not walk it */
	TWOFOLD_STACK_NOT_TAKEN = 4,   /* blocked since before the recording began */
	TWOFOLD_STACK_CAPPED = 5,      /* lost: too many new stacks at once */
	TWOFOLD_STACK_RAN_UNSEEN = 6,  /* lost: the thread ran before its stack was walked */
	TWOFOLD_STACK_NOT_SAMPLED = 7, /* a waker's whose wake-up was not chosen to be walked */
	TWOFOLD_STACK_GIVEN_UP = 8,    /* not taken, as recording cost too much */
	TWOFOLD_FIRST_STACK_HASH = 16,
};

/* Value of the stack maps; the key is the __u64 hash. Leaf first; frames beyond nframes are not
 * defined. */
struct twofold_stack {
	__u32 nframes; /* TWOFOLD_FRAMES_CUT added: it goes on in memory that could not be read */
	/* Where the code before frames[0] calls to, relative to frames[0]; 0: not known. The
	 * kernel's unwinder leaves the scheduler's own functions out of a sleeper's stack: this is
	 * the one that frames[0] called. */
	__s32 called;
	__u64 frames[TWOFOLD_MAX_FRAMES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_stack) == 1024);

#endif
