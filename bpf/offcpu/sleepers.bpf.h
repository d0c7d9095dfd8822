/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stacks of threads that are off the CPU. They are walked where the thread is switched in: there it
 * stands still, and its stacks are those of the call that it slept in. Those that the pass over all
 * tasks walked are held until the thread goes on.
 */
#ifndef TWOFOLD_OFFCPU_SLEEPERS_BPF_H
#define TWOFOLD_OFFCPU_SLEEPERS_BPF_H

#include "bpf/kernel/task_state.bpf.h"
#include "bpf/offcpu/rows.bpf.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/task.bpf.h"

TWOFOLD_MAP_SET(offcpu_stacks, __u64, struct twofold_stack);

/* By what uses it: programs that may interrupt each other have scratch of their own. */
enum {
	SCRATCH_SWITCH,
	SCRATCH_WAKING,
	SCRATCH_PASS,
	SCRATCH_MOVE,
	SCRATCHES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCHES);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} offcpu_scratch SEC(".maps");

static __always_inline struct stack_map offcpu_stacks_in_use(void)
{
	return stacks_in_use(&offcpu_stacks_sets, TWOFOLD_SET_OFFCPU_STACKS, TWOFOLD_SOURCE_OFFCPU);
}

/* The stacks of a thread that are not known; `why`: enum twofold_stack_id. */
static __always_inline struct sleeper_stacks unknown_stacks(const struct task_struct *task,
							    __u64 why)
{
	return (struct sleeper_stacks){
		.kernel = why,
		.user = task->flags & PF_KTHREAD ? TWOFOLD_STACK_NONE : why,
	};
}

/* Whether the stacks are those of a wait alone, and such are not walked now. */
static __always_inline bool is_wait_given_up(const struct twofold_task *state)
{
	return is_given_up(TWOFOLD_GIVEN_UP_WAIT_STACKS) && !state->pending_end_ns &&
	       !state->blocked_since_ns;
}

/* Whether they are those of a block that ended and was short, and its user stack is not walked. */
static __always_inline bool is_user_stack_given_up(const struct twofold_task *state)
{
	return is_given_up(TWOFOLD_GIVEN_UP_SHORT_USER_STACKS) && state->pending_end_ns &&
	       state->pending_end_ns - state->block_began_ns < TWOFOLD_SHORT_BLOCK_NS;
}

static __always_inline int walk_stacks(struct task_struct *task, const struct twofold_task *state,
				       __u32 slot, struct sleeper_stacks *stacks, bool by_loads)
{
	const struct stack_map map = offcpu_stacks_in_use();
	struct twofold_stack *scratch;
	long bytes;

	if (is_wait_given_up(state)) {
		*stacks = unknown_stacks(task, TWOFOLD_STACK_GIVEN_UP);
		return 0;
	}
	stacks->kernel = TWOFOLD_STACK_UNREADABLE;
	stacks->user = TWOFOLD_STACK_NONE;
	scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
	if (!scratch)
		return 0;
	bytes = bpf_get_task_stack(task, scratch->frames, sizeof(scratch->frames), 0);
	stacks->kernel = store_stack(&map, scratch, bytes, true, TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (task->flags & PF_KTHREAD)
		return 0;
	if (user_stack_at_switch_out) {
		stacks->user = state->user_stack;
		return 0;
	}
	if (!task->mm)
		return 0;
	if (is_user_stack_given_up(state)) {
		stacks->user = TWOFOLD_STACK_GIVEN_UP;
		return 0;
	}
	bytes = by_loads ? walk_user_stack_by_loads(task, scratch) : walk_user_stack(task, scratch);
	stacks->user = store_stack(&map, scratch, bytes, false, TWOFOLD_LOSS_USER_STACK_FAILED);
	return 0;
}

/* The stacks of a thread that is off the CPU. */
static __noinline int walk_sleeper(struct task_struct *task, const struct twofold_task *state,
				   __u32 slot, struct sleeper_stacks *stacks)
{
	return walk_stacks(task, state, slot, stacks, false);
}

/* The same, for programs that are loaded from 5.16 on only. */
static __noinline int walk_sleeper_by_loads(struct task_struct *task,
					    const struct twofold_task *state, __u32 slot,
					    struct sleeper_stacks *stacks)
{
	return walk_stacks(task, state, slot, stacks, true);
}

static __always_inline bool holds_stacks(const struct task_struct *task,
					 const struct twofold_task *state)
{
	return state->held_switches == switches_of((struct task_struct *)task) + 1;
}

static __always_inline void take_held_stacks(const struct twofold_task *state,
					     struct sleeper_stacks *stacks)
{
	stacks->kernel = state->held_kernel_stack;
	stacks->user = state->held_user_stack;
}

/* The stacks of a thread that the pass finds off the CPU; they are held for its next visits. */
static __always_inline void stacks_at_pass(struct task_struct *task, struct twofold_task *state,
					   struct sleeper_stacks *stacks)
{
	if (holds_stacks(task, state))
		take_held_stacks(state, stacks);
	else
		walk_sleeper(task, state, SCRATCH_PASS, stacks);
}

/* Only once it is sure that the thread did not move while it was walked. */
static __always_inline void hold_stacks(struct task_struct *task, struct twofold_task *state,
					const struct sleeper_stacks *stacks)
{
	if (state->held_switches == state->switches + 1)
		return;
	*(volatile __u64 *)&state->held_switches = 0;
	state->held_kernel_stack = stacks->kernel;
	state->held_user_stack = stacks->user;
	__sync_lock_test_and_set(&state->held_switches, state->switches + 1);
}

#endif
