/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Blocks: from sched_switch, where a thread leaves the CPU unable to run, to sched_waking. The part
 * that ends then, if it was chosen, is pending until the thread gets a CPU and its stacks are
 * walked. A thread that comes into scope asleep, or leaves it, does so in the middle of a block.
 */
#ifndef TWOFOLD_OFFCPU_BLOCKS_BPF_H
#define TWOFOLD_OFFCPU_BLOCKS_BPF_H

#include "bpf/offcpu/sleepers.bpf.h"

/* Ends the open block of a thread: if it is chosen, its row is pending. True if it was. */
static __always_inline bool end_block(struct task_struct *task, struct twofold_task *state,
				      __u64 now_ns)
{
	struct part part = {};
	__u64 since_ns;

	if (!state->blocked_since_ns)
		return false;
	since_ns = __sync_lock_test_and_set(&state->blocked_since_ns, 0);
	if (!since_ns || !record_offcpu)
		return false;
	/* A waker may have looked at the clock just before the thread left its CPU. */
	if (now_ns < state->block_began_ns)
		now_ns = state->block_began_ns;
	if (!is_recorded_length(now_ns - state->block_began_ns))
		return false;
	if (!choose_part(since_ns, now_ns, holds_stacks(task, state), &part))
		return false;
	if (part.flags)
		state->continued |= LAST_PART_SPLIT;
	state->chain = 0;
	state->pending_ns = part.length_ns;
	state->pending_quantum_ns = part.quantum_ns;
	state->pending_before_ns = part.before_ns;
	state->pending_before_quantum_ns = part.before_quantum_ns;
	state->pending_walk_ns = 0;
	__sync_lock_test_and_set(&state->pending_end_ns, now_ns);
	return true;
}

static __always_inline void read_pending(const struct twofold_task *state, struct part *part)
{
	part->length_ns = state->pending_ns;
	part->quantum_ns = state->pending_quantum_ns;
	part->before_ns = state->pending_before_ns;
	part->before_quantum_ns = state->pending_before_quantum_ns;
	part->walk_ns = state->pending_walk_ns;
	part->chain = state->chain;
	part->state = state->block_state;
	part->flags = state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0;
	part->before_flags = state->continued & PARTS_CREDITED ? TWOFOLD_PART_BEGUN_BEFORE : 0;
}

/* Takes the part of a block that ended and has no row yet. False: there is none. */
static __always_inline bool take_pending(struct twofold_task *state, struct part *part)
{
	if (!state->pending_end_ns)
		return false;
	read_pending(state, part);
	part->end_ns = __sync_lock_test_and_set(&state->pending_end_ns, 0);
	return part->end_ns != 0;
}

static __always_inline void begin_block(void *ctx, struct task_struct *prev,
					struct twofold_task *state, __u32 blocked, __u64 now_ns)
{
	if (user_stack_at_switch_out) {
		const struct stack_map stacks = offcpu_stacks_in_use();
		struct twofold_stack *scratch;
		__u32 slot = SCRATCH_SWITCH;

		state->user_stack = TWOFOLD_STACK_NONE;
		scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
		if (scratch && has_user_stack(prev))
			state->user_stack = is_given_up(TWOFOLD_GIVEN_UP_SHORT_USER_STACKS)
						    ? TWOFOLD_STACK_GIVEN_UP
						    : own_user_stack(ctx, &stacks, scratch);
	}
	state->nwakers = 0;
	state->continued = 0;
	state->block_state = blocked;
	state->block_began_ns = now_ns;
	/* Publishes the fields above to the CPU that will wake the thread. */
	__sync_lock_test_and_set(&state->blocked_since_ns, now_ns);
	/* It was woken meanwhile. */
	if (*(volatile __u32 *)&state->state == TWOFOLD_WOKEN)
		end_block(prev, state, now_ns);
}

/*
 * Opens the block that a thread is in already. The thread may wake up meanwhile; the switch
 * counters tell. Where a handler opened a block of its own in between, that one stands.
 */
static __always_inline void open_old_block(struct task_struct *task, struct twofold_task *state,
					   __u64 since_ns)
{
	__u64 switches;
	long kernel_state = task_state(task);

	if (!kernel_state || kernel_state & TASK_NEW || task->on_cpu || task->exit_state ||
	    state->blocked_since_ns)
		return;
	switches = switches_of(task);
	state->switches = switches;
	state->continued = PARTS_CREDITED;
	state->block_began_ns = since_ns;
	state->user_stack = task->flags & PF_KTHREAD ? TWOFOLD_STACK_NONE : TWOFOLD_STACK_NOT_TAKEN;
	state->block_state = block_state_of(task, kernel_state);
	if (__sync_val_compare_and_swap(&state->blocked_since_ns, 0, since_ns))
		return;
	if (!task_state(task) || switches_of(task) != switches)
		__sync_val_compare_and_swap(&state->blocked_since_ns, since_ns, 0);
	else if (record_offcpu && user_stack_at_switch_out && !(task->flags & PF_KTHREAD))
		count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_USER_STACK_NOT_TAKEN, 1, 0);
}

/* The thread leaves the scope, and its block goes on without us. Its stacks are those that a pass
 * held, if one did. */
static __always_inline void close_open_block(struct task_struct *task, struct twofold_task *state,
					     __u64 now_ns)
{
	struct sleeper_stacks stacks = unknown_stacks(task, TWOFOLD_STACK_NOT_SAMPLED);
	__u64 since_ns = __sync_lock_test_and_set(&state->blocked_since_ns, 0);
	struct part part = {};

	state->pending_end_ns = 0;
	state->waiting_since_ns = 0;
	if (!since_ns || now_ns <= since_ns || !record_offcpu)
		return;
	if (holds_stacks(task, state)) {
		take_held_stacks(state, &stacks);
	}
	part.state = state->block_state;
	part.before_flags = state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0;
	part.flags = part.before_flags | TWOFOLD_PART_OPEN_AT_END;
	divide_at_boundary(&part, since_ns, now_ns);
	credit_part(state->thread, &stacks, &part, 0);
}

#endif
