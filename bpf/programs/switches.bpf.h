/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The scheduler's programs, through which everything passes. A block begins at sched_switch and
 * ends at sched_waking; the wait for a CPU that follows ends where the thread is switched in. The
 * waker's stacks are walked at sched_waking, the sleeper's where it is switched in.
 */
#ifndef TWOFOLD_PROGRAMS_SWITCHES_BPF_H
#define TWOFOLD_PROGRAMS_SWITCHES_BPF_H

#include "bpf/offcpu/exemplars.bpf.h"
#include "bpf/offcpu/unseen.bpf.h"
#include "bpf/offcpu/wakers.bpf.h"
#include "bpf/threads/threads.bpf.h"

/* What a thread that gets a CPU did until now, as far as it was chosen; its block has been ended.
 */
static __always_inline void credit_time_off(struct task_struct *next, struct twofold_task *state,
					    __u64 wait_began_ns, __u64 now_ns, bool by_loads)
{
	struct twofold_walks *own;
	bool wait_chosen = false;
	__u64 waiting_since_ns = 0;
	struct sleeper_stacks stacks;
	struct part part = {}; /* one for both: the stack of BPF programs is small */

	if (state->waiting_since_ns)
		waiting_since_ns = __sync_lock_test_and_set(&state->waiting_since_ns, 0);
	if (waiting_since_ns) {
		count_wait(state, now_ns - wait_began_ns);
		part.state = waiting_state(state);
		wait_chosen = record_offcpu && choose_part(waiting_since_ns, now_ns,
							   holds_stacks(next, state), &part);
	}
	if (!state->pending_end_ns && !wait_chosen)
		return;
	if (holds_stacks(next, state)) {
		take_held_stacks(state, &stacks);
	} else if (state->switches == switches_of(next)) {
		if (by_loads)
			walk_sleeper_by_loads(next, state, SCRATCH_SWITCH, &stacks);
		else
			walk_sleeper(next, state, SCRATCH_SWITCH, &stacks);
		own = own_walks();
		if (own && walk_budget_ns) {
			__u64 walked_ns = bpf_ktime_get_ns();

			spend(own, walked_ns - now_ns, walked_ns);
		}
	} else {
		stacks = unknown_stacks(next, TWOFOLD_STACK_RAN_UNSEEN);
		count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_RAN_UNSEEN, 1, 0);
	}
	if (wait_chosen) {
		credit_part(state->thread, &stacks, &part, 1);
		keep_exemplar(state, &stacks, wait_began_ns, now_ns, 0, part.state, false);
	}
	if (take_pending(state, &part)) {
		credit_part(state->thread, &stacks, &part, 1);
		keep_exemplar(state, &stacks, state->block_began_ns, part.end_ns, part.chain,
			      part.state, false);
	}
}

/* A thread gets a CPU. */
static __always_inline void switch_in(struct task_struct *next, struct twofold_task *state,
				      __u64 now_ns, bool by_loads)
{
	__u64 wait_began_ns = state->since_ns;

	/* Clocks of two CPUs may differ by a moment. */
	if (now_ns < wait_began_ns)
		now_ns = wait_began_ns;
	/* A thread that was woken before its switch-out was seen, or whose wake-up was not. */
	if (state->blocked_since_ns)
		end_block(next, state, now_ns);
	credit_time_off(next, state, wait_began_ns, now_ns, by_loads);
}

/* Before the first event of a thread that was found asleep, and was not seen to wake up. */
static __always_inline void settle_sleeper(struct twofold_task *state)
{
	if (!state->since_ns && state->blocked_since_ns)
		settle_state(state, TWOFOLD_BLOCKED + state->block_state);
}

static __always_inline int handle_switch(void *ctx, bool preempt, struct task_struct *prev,
					 struct task_struct *next, long prev_state, bool since_5_18)
{
	struct twofold_task *state;
	__u64 now_ns;

	if (is_over)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (prev->pid && (state = bpf_task_storage_get(&tasks, prev, 0, 0))) {
		/* A preempted thread can run, whatever state it was about to enter. */
		const bool blocks = !preempt && prev_state && !(prev_state & TASK_DEAD);
		const __u32 blocked = blocks ? block_state_of(prev, prev_state) : 0;

		settle_sleeper(state);
		if (state->since_ns && state->state != TWOFOLD_ON_CPU) {
			credit_unseen(prev, state, now_ns);
			close_unseen_run(state, prev->se.sum_exec_runtime, now_ns);
		} else if (state->blocked_since_ns) {
			credit_unseen(prev, state, now_ns);
		}
		if (has_moved(prev, state))
			follow_move(prev, state, now_ns);
		/* TWOFOLD_BLOCKED + 0 is TWOFOLD_PREEMPTED. */
		change_state(state, TWOFOLD_BLOCKED + blocked, TWOFOLD_ON_CPU, now_ns);
		state->cpu_ns = prev->se.sum_exec_runtime;
		state->switches = switches_of(prev);
		if (blocks) {
			begin_block(ctx, prev, state, blocked, now_ns);
		} else if (prev_state & TASK_DEAD && !preempt) {
			end_account(prev, state, now_ns);
			state->dead = 1;
		} else {
			state->waiting_since_ns = now_ns;
		}
		/* The table was full when the thread began. */
		if (!state->thread && !state->dead && !thread_table_is_full())
			renew_thread(prev, state, NULL, now_ns);
	}
	if (next->pid && (state = bpf_task_storage_get(&tasks, next, 0, 0))) {
		settle_sleeper(state);
		switch_in(next, state, now_ns, since_5_18);
		change_state(state, TWOFOLD_ON_CPU, TWOFOLD_PREEMPTED, now_ns);
		if (has_moved(next, state))
			follow_move(next, state, now_ns);
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(context_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return handle_switch(ctx, preempt, prev, next, prev_state, true);
}

/* Before 5.18 (commit fa2c3254d7cf) the tracepoint did not pass the state. */
SEC("tp_btf/sched_switch")
int BPF_PROG(context_switch_before_5_18, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	return handle_switch(ctx, preempt, prev, next, task_state(prev), false);
}

/* A blocked thread can run from now on. */
static __always_inline void wake(struct task_struct *task, struct twofold_task *state, __u64 now_ns)
{
	if (state->since_ns && ((state->changes & 1) || state->state <= TWOFOLD_BLOCKED))
		return;
	if (now_ns < state->since_ns)
		now_ns = state->since_ns;
	/* Found asleep, it slept as it was found, though it may have been frozen meanwhile. */
	change_state(state, TWOFOLD_WOKEN,
		     TWOFOLD_BLOCKED +
			     (state->block_state ?: block_state_of(task, task_state(task))),
		     now_ns);
	state->waiting_since_ns = now_ns;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(waking, struct task_struct *task)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);
	__u32 slot = SCRATCH_WAKING;
	struct twofold_stack *scratch;
	struct twofold_walks *own;
	__u64 now_ns, chain;
	bool chosen;

	if (!state || is_over)
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (!state->blocked_since_ns) {
		/*
		 * Its switch-out was not seen yet, or it is not blocked. The state comes before the
		 * block: begin_block looks at them in the other order, so that one of the two ends
		 * the block.
		 */
		wake(task, state, now_ns);
		end_block(task, state, now_ns);
		return 0;
	}
	chosen = end_block(task, state, now_ns);
	if (max_wakers && record_offcpu) {
		const struct stack_map stacks = offcpu_stacks_in_use();

		scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
		chain = scratch ? note_waker(ctx, state, chosen, &stacks, scratch) : 0;
		if (chosen) {
			__u64 walked_ns = bpf_ktime_get_ns();

			/*
			 * Until the kernel goes on, the thread cannot run: the walk prolonged the
			 * block, by the same time whether it was kept for certain or by chance. So
			 * the account and what is to be expected of the rows grow alike.
			 */
			own = own_walks();
			if (own)
				spend(own, walked_ns - now_ns, walked_ns);
			state->pending_walk_ns = walked_ns - now_ns;
			state->chain = chain;
			now_ns = walked_ns;
		}
	}
	wake(task, state, now_ns);
	return 0;
}

#endif
