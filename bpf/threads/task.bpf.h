/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs keep for each thread in scope. */
#ifndef TWOFOLD_THREADS_TASK_BPF_H
#define TWOFOLD_THREADS_TASK_BPF_H

#include "bpf/abi/accounts_abi.h"
#include "bpf/abi/offcpu_abi.h"
#include "bpf/kernel/types.h"

enum continued {
	PARTS_CREDITED = 1, /* of the block, before */
	LAST_PART_SPLIT =
		2, /* the block began before the boundary that its last part was split at */
};

/*
 * Kept for each thread in scope, in task storage.
 *
 * Time off the CPU is credited in parts: whoever changes blocked_since_ns (or waiting_since_ns)
 * atomically away from a value credits the part that began then, so every part is credited exactly
 * once, whatever races.
 */
struct twofold_task {
	__u64 blocked_since_ns; /* start of the part of the open block that no row has yet; 0: none
				 */
	__u64 waiting_since_ns; /* the same for a wait for a CPU */
	__u64 block_began_ns;	/* of the open block, or of the last one */
	/* The last part of a block that ended, and was chosen: its row is written where the thread
	 * goes on. Whoever changes pending_end_ns atomically away from a value credits it. */
	__u64 pending_end_ns; /* when the block ended; 0: none is pending */
	__u64 pending_ns; /* its length, from the boundary on if it began before that; 0: not kept
			   */
	__u64 pending_quantum_ns; /* the quantum that it was chosen by; 0: it is certain */
	__u64 pending_before_ns;  /* the same for what lies before the boundary */
	__u64 pending_before_quantum_ns;
	__u64 pending_walk_ns; /* by which the walk of the waker prolonged the block */
	__u64 chain;	       /* of the pending part */
	__u64 cpu_ns;	/* CPU time of the thread when it last left the CPU, as the scheduler counts
			   it */
	__u64 switches; /* how often it had left a CPU when it last did */
	/* Stacks that the pass over all tasks walked while the thread was off the CPU: those of the
	 * time after its switch number held_switches - 1. */
	__u64 held_switches;
	__u64 held_kernel_stack;
	__u64 held_user_stack;
	__u64 user_stack; /* where it is taken when a block begins: the one of the latest block */
	/* What woke the thread, after it last blocked. wakers[0] may be 0: then last_waker is it.
	 */
	__u64 wakers[TWOFOLD_MAX_WAKERS];
	__u32 nwakers;
	__u32 last_waker_thread;
	__u32 last_waker_kind;
	__u32 block_state; /* of the open block, or of the last one */
	__u32 continued;   /* enum continued, of the open block */
	__u32 thread;	   /* row of the thread table; 0: it had no room */
	__u32 renames;	   /* how often the thread changed its name */
	__u32 dead;
	/* Where its time went, since it took this row of the thread table. */
	__u64 since_ns; /* of the present state; 0: as the recording found it, no event came yet */
	__u32 state;
	__u32 padding;
	__u64 changes; /* odd while a program changes what is above and below */
	__u64 user_ns_before;
	__u64 system_ns_before;
	__u64 time_ns[TWOFOLD_STATES];
	__u32 waits[TWOFOLD_WAIT_BUCKETS];
	/* As time_ns was at a boundary: kept by the first change of state after it. */
	__u64 boundary_ns;
	__u64 boundary_time_ns[TWOFOLD_STATES];
	/* Time that the recorder has in an account of this row that was handed over. */
	__u64 handed_over_ns;
	__u64 told_boundary_ns; /* the latest boundary up to which it has one */
	/* The cgroup that the row tells of, and where the kernel had it: as long as the thread's
	 * css_set is the same, its cgroup is, too. */
	__u64 cgroup_id;
	__u64 css_set;
};
TWOFOLD_ASSERT(sizeof(struct twofold_task) == 568);

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct twofold_task);
} tasks SEC(".maps");

#endif
