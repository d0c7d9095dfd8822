/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where every nanosecond of a thread went: on a CPU, waiting for one, or blocked. Each change of a
 * thread's state closes the time of the state before. What no event told yet (a thread that the
 * recording found and that did not move since) is worked out where it is read.
 *
 * A thread's state is changed by one program at a time: by sched_switch on the CPU that it leaves
 * or enters, and by sched_waking, which comes in between; and by the pass over all tasks, where it
 * finds a sleeper frozen or thawed. Readers see by `changes` whether they read in the middle of a
 * change.
 */
#ifndef TWOFOLD_THREADS_ACCOUNTS_BPF_H
#define TWOFOLD_THREADS_ACCOUNTS_BPF_H

#include "bpf/store/losses.bpf.h"
#include "bpf/threads/task.bpf.h"

const volatile __u32 ended_wakeup_bytes; /* the recorder is woken when the buffer holds more */

__u64 window_start_ns; /* written by the recorder before the first pass over all tasks */

/* The latest boundary of intervals, written by the recorder a moment before it comes. Its lowest
 * bit is that of the interval which begins there (TWOFOLD_SUMS). */
__u64 boundary_ns;
/* The boundary before it, where the interval began that it ends; 0: the first one. */
__u64 interval_start_ns;
/* Nothing counts from the latest boundary on: the recording is over. */
__u32 is_over;

/* Accounts of threads that ended; the recorder reads them between the intervals' ends, too. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ended_accounts SEC(".maps");

/* Which of a row's sums time belongs to that ended at a moment, or a sample of that moment. */
static __always_inline __u32 sum_of_interval(__u64 end_ns)
{
	__u64 boundary = *(volatile __u64 *)&boundary_ns;

	return (boundary ^ (end_ns <= boundary)) & 1;
}

/* When the interval began that a moment is in: tells intervals apart that use the same sum. */
static __always_inline __u64 interval_start(__u64 end_ns)
{
	__u64 boundary = *(volatile __u64 *)&boundary_ns;

	return end_ns <= boundary ? *(volatile __u64 *)&interval_start_ns : boundary;
}

/* Adds time to a state; the check satisfies the verifier. */
static __always_inline void add_time(struct twofold_task *task, __u32 state, __u64 time_ns)
{
	if (state < TWOFOLD_STATES)
		task->time_ns[state] += time_ns;
}

/*
 * Before the first change after a boundary: what the account was at the boundary. Any number of
 * changes may come before the pass over all tasks gets to the thread.
 */
static __always_inline void keep_boundary(struct twofold_task *task, __u32 state, __u64 since_ns,
					  __u64 now_ns)
{
	__u64 boundary = *(volatile __u64 *)&boundary_ns;

	if (now_ns < boundary || since_ns >= boundary || task->boundary_ns == boundary)
		return;
	__builtin_memcpy(task->boundary_time_ns, task->time_ns, sizeof(task->time_ns));
	if (state < TWOFOLD_STATES)
		task->boundary_time_ns[state] += boundary - since_ns;
	*(volatile __u64 *)&task->boundary_ns = boundary;
}

/*
 * What a thread did since `since_ns` ends: it was in the state `before`, and in the end it ran for
 * `ran_ns`. For who made `changes` odd.
 */
static __always_inline void close_state(struct twofold_task *task, __u32 before, __u64 since_ns,
					__u64 ran_ns, __u32 state, __u64 now_ns)
{
	keep_boundary(task, before, since_ns, now_ns);
	add_time(task, before, now_ns - since_ns - ran_ns);
	if (ran_ns)
		add_time(task, TWOFOLD_ON_CPU, ran_ns);
	task->state = state;
	task->since_ns = now_ns;
}

/* For who made `changes` odd. */
static __always_inline void enter_state(struct twofold_task *task, __u32 state, __u32 implied,
					__u64 now_ns)
{
	__u64 since_ns = task->since_ns;
	__u32 before = task->state;

	if (!since_ns) {
		since_ns = window_start_ns;
		before = implied;
	}
	/* Time never goes back: what was told once would be told again. */
	if (now_ns < since_ns)
		now_ns = since_ns;
	close_state(task, before, since_ns, 0, state, now_ns);
}

/*
 * The thread enters a state. `implied` is the state that it must have been in before, which matters
 * only for the first event of a thread that the recording found.
 */
static __always_inline void change_state(struct twofold_task *task, __u32 state, __u32 implied,
					 __u64 now_ns)
{
	__sync_fetch_and_add(&task->changes, 1);
	enter_state(task, state, implied, now_ns);
	__sync_fetch_and_add(&task->changes, 1);
}

/*
 * The thread leaves a CPU without having been seen to enter it: what it ran, the scheduler tells;
 * the rest it spent in the state that it was last seen in.
 */
static __always_inline void close_unseen_run(struct twofold_task *task, __u64 cpu_ns, __u64 now_ns)
{
	__u64 since_ns = task->since_ns, ran_ns = cpu_ns - task->cpu_ns;

	if (now_ns < since_ns)
		now_ns = since_ns;
	if (ran_ns > now_ns - since_ns)
		ran_ns = now_ns - since_ns;
	__sync_fetch_and_add(&task->changes, 1);
	close_state(task, task->state, since_ns, ran_ns, TWOFOLD_ON_CPU, now_ns);
	__sync_fetch_and_add(&task->changes, 1);
}

static __always_inline void start_account(struct task_struct *task, struct twofold_task *state,
					  __u32 first_state, __u64 now_ns)
{
	state->state = first_state;
	state->cpu_ns = task->se.sum_exec_runtime;
	state->user_ns_before = task->utime;
	state->system_ns_before = task->stime;
	state->since_ns = now_ns;
}

static __always_inline __u64 sum_of_states(const __u64 *time_ns)
{
	__u64 sum_ns = 0;

#pragma unroll
	for (int i = 0; i < TWOFOLD_STATES; i++)
		sum_ns += time_ns[i];
	return sum_ns;
}

/* The account of a thread that ends finds no room: what the recorder does not have of it is lost.
 */
static __always_inline void lose_account(const struct twofold_task *state)
{
	__u64 all_ns = sum_of_states(state->time_ns), had_ns = state->handed_over_ns;

	count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_ACCOUNT_LOST, 1,
		   all_ns > had_ns ? all_ns - had_ns : 0);
}

/* Whether the process ends with this thread, which is about to exit. */
static __always_inline bool is_last_thread(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	return signal && signal->live.counter <= 0;
}

/* How the process ends; as wait_task_zombie (kernel/exit.c) tells the parent. */
static __always_inline void describe_end(struct twofold_account *account, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	if (!signal)
		return;
	account->is_end = 1;
	account->wait_status = signal->flags & SIGNAL_GROUP_EXIT
				       ? signal->group_exit_code
				       : BPF_CORE_READ(task, group_leader, exit_code);
}

/* The recorder looks by itself; a wake-up for each would cost more than the account. */
static __always_inline __u64 wakeup_when_filling(void)
{
	return bpf_ringbuf_query(&ended_accounts, BPF_RB_AVAIL_DATA) > ended_wakeup_bytes
		       ? BPF_RB_FORCE_WAKEUP
		       : BPF_RB_NO_WAKEUP;
}

/* Everything but what a short account lacks. */
static __always_inline void fill_account(struct twofold_account *account, struct task_struct *task,
					 const struct twofold_task *state, const __u64 *time_ns,
					 bool ended, __u64 at_ns)
{
	account->thread = state->thread;
	account->ended = ended;
	account->at_ns = at_ns;
	account->user_ns = task->utime - state->user_ns_before;
	account->system_ns = task->stime - state->system_ns_before;
	__builtin_memcpy(account->time_ns, time_ns, sizeof(account->time_ns));
}

/* Hands an account over that will be followed by another one of the same thread. False: there was
 * no room. */
static __always_inline bool hand_over_short(struct task_struct *task, struct twofold_task *state,
					    const __u64 *time_ns, __u64 at_ns)
{
	struct twofold_account *account =
		bpf_ringbuf_reserve(&ended_accounts, TWOFOLD_SHORT_ACCOUNT_BYTES, 0);

	if (!account)
		return false;
	fill_account(account, task, state, time_ns, false, at_ns);
	state->handed_over_ns = sum_of_states(time_ns);
	bpf_ringbuf_submit(account, wakeup_when_filling());
	return true;
}

/*
 * A thread that was there at the latest boundary, and ends before the pass over all tasks comes by,
 * tells itself what its account was then.
 */
static __always_inline void tell_boundary(struct task_struct *task, struct twofold_task *state)
{
	__u64 boundary = state->boundary_ns;

	if (!boundary || boundary != *(volatile __u64 *)&boundary_ns ||
	    state->told_boundary_ns == boundary)
		return;
	if (hand_over_short(task, state, state->boundary_time_ns, boundary))
		state->told_boundary_ns = boundary;
}

/* Hands the account of a thread over as it is now. `exits`: it is about to exit. */
static __always_inline void hand_over_account(struct task_struct *task, struct twofold_task *state,
					      bool ended, bool exits, __u64 now_ns)
{
	const __u64 *time_ns = state->time_ns;
	struct twofold_account *account;

	/* Accounts without a row of the thread table are added up by the recorder: they come once.
	 */
	if (!state->thread && !ended)
		return;
	change_state(state, state->state, TWOFOLD_ON_CPU, now_ns);
	if (is_over) {
		/* As it was at the end of the recording. */
		if (state->boundary_ns != boundary_ns)
			return;
		time_ns = state->boundary_time_ns;
		now_ns = boundary_ns;
	}
	if (state->thread && !is_over)
		tell_boundary(task, state);
	/* One that has not ended is handed over once more. */
	if (!ended && !(exits && is_last_thread(task))) {
		hand_over_short(task, state, time_ns, now_ns);
		return;
	}
	account = bpf_ringbuf_reserve(&ended_accounts, sizeof(*account), 0);
	if (!account) {
		if (ended)
			lose_account(state);
		return;
	}
	state->handed_over_ns = sum_of_states(time_ns);
	fill_account(account, task, state, time_ns, ended, now_ns);
	__builtin_memcpy(account->waits, state->waits, sizeof(account->waits));
	account->is_end = 0;
	account->wait_status = 0;
	if (!ended)
		describe_end(account, task);
	bpf_ringbuf_submit(account, wakeup_when_filling());
}

/* Closes the account of a row of the thread table, and begins the next one in the same state. */
static __always_inline void end_account(struct task_struct *task, struct twofold_task *state,
					__u64 now_ns)
{
	hand_over_account(task, state, true, false, now_ns);
	__builtin_memset(state->time_ns, 0, sizeof(state->time_ns));
	__builtin_memset(state->waits, 0, sizeof(state->waits));
	state->boundary_ns = 0;
	state->told_boundary_ns = 0;
	state->handed_over_ns = 0;
	state->user_ns_before = task->utime;
	state->system_ns_before = task->stime;
}

#endif
