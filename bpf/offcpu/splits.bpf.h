/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What goes on at an interval's end, or while its thread takes another row of the thread table, is
 * split there: the part before it goes into the rows now. At an interval's end whoever comes first
 * after the boundary does it: what ends the block or the wait, or the pass over all tasks, which
 * walks the stacks of threads that are still asleep, once for each block.
 */
#ifndef TWOFOLD_OFFCPU_SPLITS_BPF_H
#define TWOFOLD_OFFCPU_SPLITS_BPF_H

#include "bpf/offcpu/exemplars.bpf.h"
#include "bpf/offcpu/unseen.bpf.h"

/* Written by the recorder before a pass over all tasks. */
__u32 pass;
__u64 pass_boundary_ns;

/* Splits what is open at the boundary: the part before it goes into the rows now. */
static __always_inline void split_offcpu(struct task_struct *task, struct twofold_task *state)
{
	__u64 blocked_since_ns = *(volatile __u64 *)&state->blocked_since_ns;
	__u64 waiting_since_ns = *(volatile __u64 *)&state->waiting_since_ns;
	__u64 *since = blocked_since_ns ? &state->blocked_since_ns : &state->waiting_since_ns;
	__u64 since_ns = blocked_since_ns ? blocked_since_ns : waiting_since_ns;
	__u64 began_ns = state->block_began_ns;
	struct twofold_walks *own = own_walks();
	struct sleeper_stacks stacks;
	bool last = pass == TWOFOLD_PASS_LAST;
	struct part part = {};

	/*
	 * A thread that runs although its block is open has woken up unseen. Its CPU time is exact
	 * only when it leaves the CPU, so the block waits for that; at the very end it cannot.
	 */
	if (blocked_since_ns && (!task_state(task) || switches_of(task) != state->switches)) {
		if (last)
			credit_unseen(task, state, pass_boundary_ns);
		return;
	}
	if (!own || !since_ns || since_ns >= pass_boundary_ns || task->on_cpu)
		return;
	part.end_ns = pass_boundary_ns;
	part.length_ns = pass_boundary_ns - since_ns;
	if (blocked_since_ns) {
		/* Whether it will be recorded shows when it ends. */
		if (!last && (max_block_ns || pass_boundary_ns - began_ns < min_block_ns))
			return;
		if (!is_recorded_length(pass_boundary_ns - began_ns))
			return;
		part.state = state->block_state;
		part.flags = TWOFOLD_PART_OPEN_AT_END |
			     (state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0);
	} else {
		part.state = waiting_state(state);
	}
	if (!choose(own, part.length_ns, pass_boundary_ns,
		    state->held_switches == state->switches + 1, &part.quantum_ns)) {
		/* Not kept, and not to be asked again. */
		if (__sync_val_compare_and_swap(since, since_ns, pass_boundary_ns) == since_ns &&
		    blocked_since_ns)
			state->continued = PARTS_CREDITED;
		return;
	}
	stacks_at_pass(task, state, &stacks);
	/* Success means that it is still the same block, so what was walked is its stacks. */
	if (__sync_val_compare_and_swap(since, since_ns, pass_boundary_ns) != since_ns)
		return;
	hold_stacks(task, state, &stacks);
	if (blocked_since_ns)
		state->continued = PARTS_CREDITED;
	credit_part(state->thread, &stacks, &part, 0);
	if (last && blocked_since_ns)
		keep_exemplar(state, &stacks, began_ns, pass_boundary_ns, 0, part.state, true);
}

/*
 * A block that ended before the boundary, or began before it, and whose thread still waits for a
 * CPU: the interval cannot wait for its row until the thread goes on.
 */
static __always_inline void credit_pending(struct task_struct *task, struct twofold_task *state)
{
	__u64 end_ns = *(volatile __u64 *)&state->pending_end_ns;
	struct sleeper_stacks stacks;
	struct part block = {};

	if (!end_ns)
		return;
	read_pending(state, &block);
	block.end_ns = end_ns;
	if (end_ns > pass_boundary_ns && !block.before_ns)
		return;
	/* Its waker is still at it, or it runs: then it has the row already, or a program that
	 * comes later writes it. After the last pass nothing comes. */
	if (pass != TWOFOLD_PASS_LAST &&
	    (task_state(task) || task->on_cpu || switches_of(task) != state->switches))
		return;
	stacks_at_pass(task, state, &stacks);
	/* Success means that the thread did not go on meanwhile, so what was walked is its stacks.
	 */
	if (__sync_val_compare_and_swap(&state->pending_end_ns, end_ns, 0) != end_ns)
		return;
	if (pass != TWOFOLD_PASS_LAST)
		hold_stacks(task, state, &stacks);
	credit_part(state->thread, &stacks, &block, 1);
	if (pass != TWOFOLD_PASS_LAST)
		keep_exemplar(state, &stacks, state->block_began_ns, end_ns, block.chain,
			      block.state, false);
}

/* A block that ended, among the longest. A function of its own: the stack of BPF programs is small.
 */
static __noinline int keep_ended(const struct twofold_task *state,
				 const struct sleeper_stacks *stacks, const struct part *part)
{
	keep_exemplar(state, stacks, state->block_began_ns, part->end_ns, part->chain, part->state,
		      false);
	return 0;
}

/*
 * What is open of a thread that does not run goes into the rows of the row of the thread table that
 * it has, and goes on anew. This is rare, so it is kept for certain.
 */
static __noinline int split_open_part(struct task_struct *task, struct twofold_task *state,
				      __u64 now_ns)
{
	__u64 blocked_since_ns = *(volatile __u64 *)&state->blocked_since_ns;
	__u64 waiting_since_ns = *(volatile __u64 *)&state->waiting_since_ns;
	__u64 *since = blocked_since_ns ? &state->blocked_since_ns : &state->waiting_since_ns;
	__u64 since_ns = blocked_since_ns ? blocked_since_ns : waiting_since_ns;
	struct sleeper_stacks stacks;
	struct part part = {};

	if (!record_offcpu || task->on_cpu || (!since_ns && !state->pending_end_ns))
		return 0;
	if (holds_stacks(task, state)) {
		take_held_stacks(state, &stacks);
	} else {
		walk_sleeper(task, state, SCRATCH_MOVE, &stacks);
	}
	/* A block that ended, and whose thread did not get a CPU yet. */
	if (take_pending(state, &part)) {
		credit_part(state->thread, &stacks, &part, 1);
		keep_ended(state, &stacks, &part);
	}
	if (!since_ns || since_ns >= now_ns)
		return 0;
	__builtin_memset(&part, 0, sizeof(part));
	if (blocked_since_ns) {
		/* Whether it will be recorded shows when it ends; awake, it woke up unseen. */
		if (min_block_ns || max_block_ns || !task_state(task) ||
		    switches_of(task) != state->switches)
			return 0;
		part.state = state->block_state;
		part.before_flags = state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0;
		part.flags = TWOFOLD_PART_OPEN_AT_END | part.before_flags;
	} else {
		part.state = waiting_state(state);
	}
	divide_at_boundary(&part, since_ns, now_ns);
	/* Success means that it is still the same block, so what was walked is its stacks. */
	if (__sync_val_compare_and_swap(since, since_ns, now_ns) != since_ns)
		return 0;
	if (blocked_since_ns)
		state->continued = PARTS_CREDITED;
	credit_part(state->thread, &stacks, &part, 0);
	return 0;
}

/* The thread is about to go on under another row of the thread table. */
static __always_inline void split_for_row(struct task_struct *task, struct twofold_task *state,
					  __u64 now_ns)
{
	if (task == bpf_get_current_task_btf())
		settle_unseen_run(task, state, now_ns);
	else
		split_open_part(task, state, now_ns);
}

#endif
