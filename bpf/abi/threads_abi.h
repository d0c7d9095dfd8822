/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which threads are followed, the table of them, and the passes over all tasks. */
#ifndef TWOFOLD_ABI_THREADS_H
#define TWOFOLD_ABI_THREADS_H

#include "bpf/abi/base_abi.h"

/* By what the threads to follow are chosen; their names may narrow it further. */
enum twofold_scope {
	TWOFOLD_SCOPE_SYSTEM = 0,
	TWOFOLD_SCOPE_PROCESSES = 1,
	TWOFOLD_SCOPE_THREADS = 2, /* those that were named, none that they start */
	TWOFOLD_SCOPE_CGROUP = 3,  /* while they are in a cgroup or below it */
	TWOFOLD_SCOPE_COMMAND = 4, /* a process, and its descendants */
};

/* What a pass over all tasks does (program visit_task). */
enum twofold_pass {
	TWOFOLD_PASS_SEED =
		1, /* put the tasks in scope into the table; open the blocks that they are in */
	TWOFOLD_PASS_CLIP =
		2, /* credit open blocks up to the boundary and go on from there; write accounts */
	TWOFOLD_PASS_LAST = 3, /* the same, and nothing comes after it */
};

/*
 * The thread table: a ring in an array map. Thread number n (1, 2, ...) lies in slot n % slots;
 * `thread` is written last. A thread gets a new number when it changes its name, its program image
 * or its cgroup.
 */
struct twofold_thread {
	__u64 created_ns;
	__u64 start_boottime_ns;	 /* of the thread */
	__u64 process_start_boottime_ns; /* of its process */
	__u64 cgroup_id;		 /* in the hierarchy of version 2 */
	__u32 tid;
	__u32 tgid;
	__u32 parent_tgid;
	__u32 thread;
	char comm[TWOFOLD_COMM_BYTES];
};
TWOFOLD_ASSERT(sizeof(struct twofold_thread) == 64);

/* Whoever allocates in interrupt context, by its number of a thread. */
#define TWOFOLD_THREAD_INTERRUPT 0xffffffffU

#endif
