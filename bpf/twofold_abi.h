/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the BPF programs and the recorder tell each other: keys and values of the maps. Both sides
 * assert the sizes. Times are CLOCK_MONOTONIC nanoseconds unless a name says otherwise.
 */
#ifndef TWOFOLD_ABI_H
#define TWOFOLD_ABI_H

#include <linux/types.h>

#ifdef __cplusplus
#define TWOFOLD_ASSERT(condition) static_assert(condition, #condition)
#else
#define TWOFOLD_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define TWOFOLD_MAX_FRAMES 127
#define TWOFOLD_COMM_BYTES 16

/*
 * A stack is named by a 64-bit hash of its frames. Small numbers are no hashes but say why there is
 * none; hashes start at TWOFOLD_FIRST_STACK_HASH.
 */
enum twofold_stack_id {
	TWOFOLD_STACK_NONE = 0, /* none belongs here: no kernel stack in user mode, no user stack of
				   the kernel */
	TWOFOLD_STACK_MAP_FULL = 1,   /* lost: its map is full */
	TWOFOLD_STACK_MAP_BUSY = 2,   /* lost: its map was locked */
	TWOFOLD_STACK_UNREADABLE = 3, /* the kernel could not walk it */
	TWOFOLD_STACK_NOT_TAKEN = 4,  /* blocked since before the recording began */
	TWOFOLD_FIRST_STACK_HASH = 16,
};

/* Value of the stack maps; the key is the __u64 hash. Leaf first; frames beyond nframes are not
 * defined. */
struct twofold_stack {
	__u32 nframes;
	__u32 padding;
	__u64 frames[TWOFOLD_MAX_FRAMES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_stack) == 1024);

/* Rows of blocked time: what a thread waited in, and for how long in all. Values only grow. */
struct twofold_blocked_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 state; /* BlockState of format/capture.h */
};
TWOFOLD_ASSERT(sizeof(struct twofold_blocked_key) == 24);

struct twofold_blocked_value {
	__u64 time_ns;
	__u64 count; /* blocks that ended */
};
TWOFOLD_ASSERT(sizeof(struct twofold_blocked_value) == 16);

/* Rows of CPU samples. Values only grow. */
struct twofold_cpu_key {
	__u64 kernel_stack;
	__u64 user_stack;
	__u32 thread;
	__u32 padding;
};
TWOFOLD_ASSERT(sizeof(struct twofold_cpu_key) == 24);

/* What a thread can be doing. Blocked threads: TWOFOLD_BLOCKED plus BlockState of format/capture.h.
 */
enum twofold_thread_state {
	TWOFOLD_ON_CPU = 0,
	TWOFOLD_WOKEN = 1,     /* can run since it was woken or born, waits for a CPU */
	TWOFOLD_PREEMPTED = 2, /* can run, lost its CPU to another thread */
	TWOFOLD_BLOCKED = 2,
	TWOFOLD_STATES = 10,
};

/* Kept for each thread in scope, in task storage. */
struct twofold_task {
	__u64 blocked_since_ns; /* start of the part of the open block that no row has yet; 0: none
				 */
	__u64 kernel_stack;	/* of the open block */
	__u64 user_stack;
	__u64 cpu_ns; /* CPU time of the thread when it last left the CPU, as the scheduler counts
			 it */
	__u32 block_state; /* of the open block */
	__u32 thread;	   /* row of the thread table; 0: it had no room */
	__u32 renames;	   /* how often the thread changed its name */
	__u32 dead;
	/* Where its time went, since it took this row of the thread table. */
	__u64 since_ns; /* of the present state; 0: as the recording found it, no event came yet */
	__u32 state;
	__u32 previous_state;
	__u64 changes; /* odd while a program changes what is above and below */
	__u64 user_ns_before;
	__u64 system_ns_before;
	__u64 time_ns[TWOFOLD_STATES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_task) == 168);

/* A thread's account up to a moment: written by the pass over all tasks, and when a row of the
 * thread table ends. */
struct twofold_account {
	__u32 thread;
	__u32 ended; /* the thread took another row, or exited */
	__u64 at_ns;
	__u64 user_ns; /* the scheduler's own estimate of how its CPU time divides */
	__u64 system_ns;
	__u64 time_ns[TWOFOLD_STATES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_account) == 112);

/*
 * The thread table: a ring in an array map. Thread number n (1, 2, ...) lies in slot n % slots;
 * `thread` is written last. A thread gets a new number when it changes its name or its program
 * image.
 */
struct twofold_thread {
	__u64 created_ns;
	__u64 start_boottime_ns;	 /* of the thread */
	__u64 process_start_boottime_ns; /* of its process */
	__u32 tid;
	__u32 tgid;
	__u32 parent_tgid;
	__u32 is_kernel_thread;
	char comm[TWOFOLD_COMM_BYTES];
	__u32 thread;
	__u32 padding;
};
TWOFOLD_ASSERT(sizeof(struct twofold_thread) == 64);

/* Losses, per CPU, by source and cause; the numbers are those of format/losses.h. */
#define TWOFOLD_LOSS_SOURCES 3
#define TWOFOLD_LOSS_CAUSES  32

struct twofold_loss {
	__u64 count;
	__u64 time_ns;
};

enum twofold_loss_source {
	TWOFOLD_SOURCE_RECORDER = 0,
	TWOFOLD_SOURCE_CPU = 1,
	TWOFOLD_SOURCE_OFFCPU = 2,
};

enum twofold_loss_cause {
	TWOFOLD_LOSS_STACK_MAP_FULL = 1,
	TWOFOLD_LOSS_ROW_MAP_FULL = 2,
	TWOFOLD_LOSS_THREAD_TABLE_FULL = 3,
	TWOFOLD_LOSS_KERNEL_STACK_FAILED = 4,
	TWOFOLD_LOSS_USER_STACK_FAILED = 5,
	TWOFOLD_LOSS_MAP_BUSY = 6,
	TWOFOLD_LOSS_TASK_STORAGE_FAILED = 7,
	TWOFOLD_LOSS_USER_STACK_NOT_TAKEN = 12,
	TWOFOLD_LOSS_WAKEUP_MISSED = 14,
	TWOFOLD_LOSS_ACCOUNT_LOST = 15,
};

/* What a pass over all tasks does (program visit_task). */
enum twofold_pass {
	TWOFOLD_PASS_SEED =
		1, /* put the tasks in scope into the table; open the blocks that they are in */
	TWOFOLD_PASS_CLIP =
		2, /* credit open blocks up to the boundary and go on from there; write accounts */
	TWOFOLD_PASS_LAST = 3, /* the same, and nothing comes after it */
};

#endif
