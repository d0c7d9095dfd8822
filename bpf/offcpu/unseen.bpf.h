/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Some wake-ups are never traced: neither sched_waking nor the switch-in reaches any tracer
 * (measured on one virtual machine, whose kernel keeps some threads from tracing: about one block
 * in ten thousand; perf misses the same ones). Such a block is still open when its thread is seen
 * running or leaving the CPU again. The thread's CPU time, which the scheduler keeps itself, then
 * tells how long it was off the CPU; its stacks are not known any more. The number of times that it
 * left a CPU tells where a thread ran without being seen.
 */
#ifndef TWOFOLD_OFFCPU_UNSEEN_BPF_H
#define TWOFOLD_OFFCPU_UNSEEN_BPF_H

#include "bpf/offcpu/blocks.bpf.h"
#include "bpf/offcpu/waits.bpf.h"

/* What is left over of a time off the CPU whose end was not seen: its stacks are gone. */
static __always_inline void credit_unseen(struct task_struct *task, struct twofold_task *state,
					  __u64 now_ns)
{
	struct sleeper_stacks stacks = unknown_stacks(task, TWOFOLD_STACK_RAN_UNSEEN);
	__u64 ran_ns = task->se.sum_exec_runtime - state->cpu_ns;
	struct part part = {};
	__u64 since_ns;

	if (take_pending(state, &part)) {
		credit_part(state->thread, &stacks, &part, 1);
		count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_RAN_UNSEEN, 1, 0);
	}
	/* It waited, or was blocked, for as long as it did not run; and then it ran. */
	now_ns -= ran_ns;
	if (now_ns < state->block_began_ns)
		now_ns = state->block_began_ns;
	if (state->waiting_since_ns) {
		since_ns = __sync_lock_test_and_set(&state->waiting_since_ns, 0);
		part.chain = 0;
		part.walk_ns = 0;
		part.state = waiting_state(state);
		count_wait(state, now_ns > since_ns ? now_ns - since_ns : 1);
		if (since_ns && record_offcpu && choose_part(since_ns, now_ns, false, &part)) {
			credit_part(state->thread, &stacks, &part, 1);
			count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_RAN_UNSEEN, 1, 0);
		}
	}
	if (state->blocked_since_ns) {
		since_ns = __sync_lock_test_and_set(&state->blocked_since_ns, 0);
		if (!since_ns)
			return;
		__builtin_memset(&part, 0, sizeof(part));
		part.state = state->block_state;
		part.before_flags = state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0;
		part.flags = part.before_flags;
		divide_at_boundary(&part, since_ns, now_ns);
		if (record_offcpu && is_recorded_length(now_ns - state->block_began_ns))
			credit_part(state->thread, &stacks, &part, 1);
		count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_WAKEUP_MISSED, 1, 0);
	}
}

/* The thread runs. If it was not seen to enter its CPU, that ends here. */
static __noinline int settle_unseen_run(struct task_struct *task, struct twofold_task *state,
					__u64 now_ns)
{
	if (!state->since_ns || state->state == TWOFOLD_ON_CPU)
		return 0;
	credit_unseen(task, state, now_ns);
	close_unseen_run(state, task->se.sum_exec_runtime, now_ns);
	state->cpu_ns = task->se.sum_exec_runtime;
	return 0;
}

#endif
