/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Time off the CPU by stack, what woke the threads, and the longest single blocks and waits. */
#ifndef TWOFOLD_ABI_OFFCPU_H
#define TWOFOLD_ABI_OFFCPU_H

#include "bpf/abi/accounts_abi.h"
#include "bpf/abi/base_abi.h"
#include "bpf/abi/threads_abi.h"

/* Rows of time off the CPU: what a thread waited in, and for how long in all. Values only grow. */
struct twofold_offcpu_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u64 chain; /* key of the chains; 0: not known, or none is recorded */
	__u32 thread;
	__u16 state; /* enum twofold_block_state, or one of the following */
	__u16 parts; /* kBegunBefore, kOpenAtEnd of format/capture.h */
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_key) == 32);

enum twofold_offcpu_state {
	TWOFOLD_LAST_BLOCK_STATE = TWOFOLD_BLOCK_OTHER,
	TWOFOLD_WAITING_WOKEN = 8,
	TWOFOLD_WAITING_PREEMPTED = 9,
};

#define TWOFOLD_PART_BEGUN_BEFORE 1
#define TWOFOLD_PART_OPEN_AT_END  2

/* An estimate: format/capture.h tells how it is made. */
struct twofold_offcpu_value {
	__u64 time_ns;
	__u64 count;
	__u64 sampled_ns;
	__u64 samples;
	__u64 variance_us2;
	__u64 count_variance;
	__u64 quanta_us2;
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_value) == 56);

struct twofold_offcpu_sums {
	struct twofold_offcpu_value of[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_offcpu_sums) == 112);

/* What each CPU keeps to hold its walks of stacks to their budget (walk_budget.bpf.h). */
struct twofold_walks {
	__u64 random;	     /* state of the generator; 0: not begun */
	__u64 quantum_ns;    /* the CPU's T; 0: the one of all */
	__u64 period_end_ns; /* CLOCK_MONOTONIC */
	__u64 spent_ns;	     /* in the period */
	__u64 made;	     /* walks in the period */
	/* The largest T of the CPU in an interval, and which interval that is. */
	__u64 largest_ns[TWOFOLD_SUMS];
	__u64 interval_start_ns[TWOFOLD_SUMS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_walks) == 72);

/* What is given up where recording costs too much: bits of `given_up`. */
#define TWOFOLD_GIVEN_UP_WAIT_STACKS	   1
#define TWOFOLD_GIVEN_UP_WAKERS		   2
#define TWOFOLD_GIVEN_UP_SHORT_USER_STACKS 4 /* of blocks below TWOFOLD_SHORT_BLOCK_NS */
#define TWOFOLD_SHORT_BLOCK_NS		   10000000ULL

/* A quantum by which nothing is chosen at all. */
#define TWOFOLD_CHOOSE_NOTHING (~0ULL)

/* Who or what wakes others: WakerKind of format/capture.h. Whether an interrupt is a timer's shows
 * in its frames. */
enum twofold_waker_kind {
	TWOFOLD_WAKER_TASK = 1,
	TWOFOLD_WAKER_HARDIRQ = 2,
	TWOFOLD_WAKER_SOFTIRQ = 3,
};

/* Value of the waker map; the key is a __u64 hash of it. */
struct twofold_waker {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 kind;
	__u32 padding;
	/* The thread. Where it is in scope only its number counts; else number is 0 and the rest
	 * tells who it is. */
	struct twofold_thread who;
};
TWOFOLD_ASSERT(sizeof(struct twofold_waker) == 88);

#define TWOFOLD_MAX_WAKERS 8

/* Value of the chain map; the key is a __u64 hash of it. */
struct twofold_chain {
	__u64 length;
	__u64 wakers[TWOFOLD_MAX_WAKERS]; /* keys of the waker map, the nearest first */
};
TWOFOLD_ASSERT(sizeof(struct twofold_chain) == 72);

/* The longest blocks and waits that ended on one CPU in an interval. */
#define TWOFOLD_EXEMPLARS      16
#define TWOFOLD_EXEMPLAR_KINDS 3

enum twofold_exemplar_kind { /* ExemplarKind of format/capture.h, less one */
			     TWOFOLD_EXEMPLAR_INTERRUPTIBLE = 0,
			     TWOFOLD_EXEMPLAR_UNINTERRUPTIBLE = 1,
			     TWOFOLD_EXEMPLAR_WAITING = 2,
};

struct twofold_exemplar {
	__u64 start_ns;
	__u64 end_ns; /* 0: this place is empty */
	__u64 kernel_stack;
	__u64 user_stack;
	__u64 chain;
	__u32 thread;
	__u16 state; /* as in twofold_offcpu_key */
	__u16 open;  /* still going on when the recording ended */
};
TWOFOLD_ASSERT(sizeof(struct twofold_exemplar) == 48);

struct twofold_exemplars {
	__u64 shortest_ns; /* of all that are kept; 0 while there is room */
	__u64 shortest;	   /* which one it is */
	struct twofold_exemplar kept[TWOFOLD_EXEMPLARS];
};
TWOFOLD_ASSERT(sizeof(struct twofold_exemplars) == 784);

#endif
