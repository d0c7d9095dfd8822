/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The pass over all tasks: the first one takes threads into scope, the one at each interval's end
 * splits what goes on there, and writes the accounts as they were at the boundary.
 */
#ifndef TWOFOLD_PROGRAMS_PASS_BPF_H
#define TWOFOLD_PROGRAMS_PASS_BPF_H

#include "bpf/offcpu/splits.bpf.h"
#include "bpf/programs/membership.bpf.h"

__u64 seeded_tasks; /* threads that the first pass took into scope */

/* For write_account: there is one pass at a time, and a program's stack is small. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_account);
} account_scratch SEC(".maps");

/* An account as it was at one moment. */
struct account_view {
	__u64 since_ns;
	__u64 cpu_ns;
	__u32 state;
	bool kept; /* its times are those of the boundary */
};

/* False: the account was being changed. */
static __always_inline bool view_account(const struct twofold_task *state, __u64 *time_ns,
					 struct account_view *view)
{
	__u64 changes = *(volatile const __u64 *)&state->changes;

	view->since_ns = state->since_ns;
	view->state = state->state;
	view->cpu_ns = state->cpu_ns;
	view->kept = state->boundary_ns == pass_boundary_ns;
	__builtin_memcpy(time_ns, view->kept ? state->boundary_time_ns : state->time_ns,
			 sizeof(state->time_ns));
	return !(changes & 1) && *(volatile const __u64 *)&state->changes == changes;
}

/* The account of a thread as it was at the boundary. */
static __always_inline void write_account(struct bpf_iter__task *ctx, struct task_struct *task,
					  struct twofold_task *state)
{
	struct account_view view = {};
	struct twofold_account *account;
	__u32 slot = 0;

	/* Without a row of the thread table it comes when the thread gets one, or at the end. */
	if (!state->thread && pass != TWOFOLD_PASS_LAST)
		return;
	account = bpf_map_lookup_elem(&account_scratch, &slot);
	if (!account)
		return;
	__builtin_memset(account, 0, sizeof(*account));
	/*
	 * Three tries, and no loop: before 6.7 (commit 10e14e9652bf) kernels refuse loops which the
	 * compiler lays out so that the body falls through to its own beginning.
	 */
	if (!view_account(state, account->time_ns, &view) &&
	    !view_account(state, account->time_ns, &view))
		view_account(state, account->time_ns, &view);
	if (!view.since_ns) {
		/* No event came since the recording found it: it is still doing what it did then.
		 */
		view.state = present_state(task);
		view.since_ns = window_start_ns;
	}
	if (!view.kept && view.since_ns <= pass_boundary_ns) {
		__u64 elapsed_ns = pass_boundary_ns - view.since_ns;
		__u64 ran_ns = 0;

		/* It runs, and was not seen to enter its CPU. */
		if (view.state != TWOFOLD_ON_CPU && task->on_cpu)
			ran_ns = task->se.sum_exec_runtime - view.cpu_ns;
		if (ran_ns > elapsed_ns)
			ran_ns = elapsed_ns;
		if (view.state < TWOFOLD_STATES)
			account->time_ns[view.state] += elapsed_ns - ran_ns;
		account->time_ns[TWOFOLD_ON_CPU] += ran_ns;
	} else if (!view.kept) {
		return; /* the account began after the boundary */
	}
	account->thread = state->thread;
	account->ended = !state->thread;
	account->at_ns = pass_boundary_ns;
	account->user_ns = task->utime - state->user_ns_before;
	account->system_ns = task->stime - state->system_ns_before;
	__builtin_memcpy(account->waits, state->waits, sizeof(account->waits));
	state->told_boundary_ns = pass_boundary_ns;
	state->handed_over_ns = sum_of_states(account->time_ns);
	bpf_seq_write(ctx->meta->seq, account, sizeof(*account));
}

/*
 * The freezer of cgroups of version 1 freezes a thread in many kinds of sleep where it is, and
 * thaws it, by a change of its state alone (since 6.1; kernel/freezer.c: __set_task_frozen): no
 * event tells. The pass finds it, and from the boundary on the thread's time is of the other state.
 */
static __always_inline void follow_freezer(struct task_struct *task, struct twofold_task *state)
{
	__u64 changes = *(volatile __u64 *)&state->changes;
	__u32 known = state->since_ns ? state->state : TWOFOLD_BLOCKED + state->block_state;
	__u32 present = present_state(task);

	if (present == known || known <= TWOFOLD_BLOCKED || present <= TWOFOLD_BLOCKED ||
	    (present != TWOFOLD_BLOCKED_STOPPED && known != TWOFOLD_BLOCKED_STOPPED) ||
	    !state->blocked_since_ns || switches_of(task) != state->switches || changes & 1)
		return;
	/* Whoever thaws the thread may wake it now: then this comes too late. */
	if (__sync_val_compare_and_swap(&state->changes, changes, changes + 1) != changes)
		return;
	enter_state(state, present, known, pass_boundary_ns);
	__sync_fetch_and_add(&state->changes, 1);
	/* Unless the block is of one piece, as the limits of its length want all of it. */
	if (state->blocked_since_ns >= pass_boundary_ns)
		state->block_state = present - TWOFOLD_BLOCKED;
}

SEC("iter/task")
int visit_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct twofold_task *state;

	if (!task || !task->pid)
		return 0;
	if (pass == TWOFOLD_PASS_SEED) {
		/* What has ended, and whose parent has not asked for its status yet, does nothing.
		 */
		if (task->exit_state || !is_found_in_scope(task))
			return 0;
		state = follow_thread(task, pass_boundary_ns);
		if (!state)
			return 0;
		__sync_fetch_and_add(&seeded_tasks, 1);
		open_old_block(task, state, pass_boundary_ns);
		return 0;
	}
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (state && state->dead)
		return 0;
	if (pass == TWOFOLD_PASS_CLIP)
		state = recheck_scope(task, state, 1, pass_boundary_ns);
	if (!state)
		return 0;
	if (record_offcpu) {
		credit_pending(task, state);
		split_offcpu(task, state);
	}
	follow_freezer(task, state);
	write_account(ctx, task, state);
	/* Of the rest of a process that was moved as a whole nothing else told, if it slept. */
	if (pass == TWOFOLD_PASS_CLIP && has_moved(task, state))
		follow_move(task, state, bpf_ktime_get_ns());
	return 0;
}

#endif
