/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Blocked time by stack. A block begins at sched_switch, when a thread leaves the CPU unable to
 * run; both of its stacks are taken there, where it is still the current task. It ends at
 * sched_waking. Open blocks are split at interval ends by the pass over all tasks.
 *
 * Some wake-ups are never traced: neither sched_waking nor the switch-in reaches any tracer
 * (measured on one virtual machine, whose kernel keeps some threads from tracing: about one block
 * in ten thousand; perf misses the same ones). Such a block is still open when its thread is seen
 * running or leaving the CPU again. The thread's CPU time, which the scheduler keeps itself, then
 * tells how long it was off the CPU.
 *
 * blocked_since_ns decides who credits which part: whoever changes it atomically away from a value
 * credits the time from that value on, so every nanosecond is credited exactly once, whatever
 * races.
 */
#ifndef TWOFOLD_BLOCKED_BPF_H
#define TWOFOLD_BLOCKED_BPF_H

#include "stacks.bpf.h"
#include "threads.bpf.h"

const volatile bool record_offcpu;

/* Written by the recorder before a pass over all tasks. */
__u32 pass;
__u64 pass_boundary_ns;
__u64 seeded_tasks; /* threads that the first pass took into scope */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct twofold_stack);
} blocked_stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct twofold_blocked_key);
	__type(value, struct twofold_blocked_value);
} blocked_rows SEC(".maps");

/* Slot 0: sched_switch, which runs with interrupts off. Slot 1: the pass over all tasks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct twofold_stack);
} blocked_scratch SEC(".maps");

/* BlockState of format/capture.h. */
static __always_inline __u32 block_state(long state)
{
	if (state & TASK_INTERRUPTIBLE)
		return 1;
	if (state & TASK_UNINTERRUPTIBLE)
		return state & TASK_NOLOAD ? 6 : 2;
	if (state & TASK_STOPPED)
		return 3;
	if (state & TASK_TRACED)
		return 4;
	if (state & TASK_PARKED)
		return 5;
	return 7;
}

static __always_inline long task_state(struct task_struct *task)
{
	struct task_struct___before_5_14 *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

static __always_inline void credit_block(const struct twofold_task *task, __u64 time_ns,
					 __u64 count)
{
	struct twofold_blocked_value *value;
	struct twofold_blocked_key key = {
		.kernel_stack = task->kernel_stack,
		.user_stack = task->user_stack,
		.thread = task->thread,
		.state = task->block_state,
	};

	value = bpf_map_lookup_elem(&blocked_rows, &key);
	if (!value) {
		struct twofold_blocked_value zero = {};
		long err = bpf_map_update_elem(&blocked_rows, &key, &zero, BPF_NOEXIST);

		if (err && err != -EEXIST) {
			count_loss(TWOFOLD_SOURCE_OFFCPU,
				   err == -E2BIG || err == -ENOMEM ? TWOFOLD_LOSS_ROW_MAP_FULL
								   : TWOFOLD_LOSS_MAP_BUSY,
				   count, time_ns);
			return;
		}
		value = bpf_map_lookup_elem(&blocked_rows, &key);
		if (!value) {
			count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_MAP_BUSY, count, time_ns);
			return;
		}
	}
	__sync_fetch_and_add(&value->time_ns, time_ns);
	__sync_fetch_and_add(&value->count, count);
}

/* Ends the open block of a thread, if it is in one. */
static __always_inline void end_block(struct twofold_task *task, __u64 now_ns)
{
	__u64 since_ns;

	if (!task->blocked_since_ns)
		return;
	since_ns = __sync_lock_test_and_set(&task->blocked_since_ns, 0);
	if (!since_ns)
		return;
	credit_block(task, now_ns > since_ns ? now_ns - since_ns : 0, 1);
}

/* Ends a block whose wake-up was not traced: the thread was off the CPU for what it did not run. */
static __always_inline void end_missed_block(struct task_struct *task, struct twofold_task *state,
					     __u64 now_ns)
{
	__u64 since_ns, ran_ns, elapsed_ns;

	since_ns = __sync_lock_test_and_set(&state->blocked_since_ns, 0);
	if (!since_ns)
		return;
	ran_ns = task->se.sum_exec_runtime - state->cpu_ns;
	elapsed_ns = now_ns > since_ns ? now_ns - since_ns : 0;
	credit_block(state, elapsed_ns > ran_ns ? elapsed_ns - ran_ns : 0, 1);
	count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_WAKEUP_MISSED, 1, 0);
}

static __always_inline void begin_block(void *ctx, struct task_struct *prev,
					struct twofold_task *task, long state, __u64 now_ns)
{
	struct twofold_stack *scratch;
	__u32 slot = 0;
	long bytes;

	scratch = bpf_map_lookup_elem(&blocked_scratch, &slot);
	if (!scratch)
		return;
	bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames), 0);
	task->kernel_stack = store_stack(&blocked_stacks, scratch, bytes, TWOFOLD_SOURCE_OFFCPU,
					 TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	task->user_stack = TWOFOLD_STACK_NONE;
	if (!(prev->flags & PF_KTHREAD) && prev->mm) {
		bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames),
				      BPF_F_USER_STACK);
		task->user_stack =
			store_stack(&blocked_stacks, scratch, bytes, TWOFOLD_SOURCE_OFFCPU,
				    TWOFOLD_LOSS_USER_STACK_FAILED);
	}
	task->block_state = block_state(state);
	/* Publishes the fields above to the CPU that will wake the thread. */
	__sync_lock_test_and_set(&task->blocked_since_ns, now_ns);
	/* It was woken while its stacks were walked. */
	if (*(volatile __u32 *)&task->state == TWOFOLD_WOKEN)
		end_block(task, now_ns);
}

static __always_inline int handle_switch(void *ctx, bool preempt, struct task_struct *prev,
					 struct task_struct *next, long prev_state)
{
	struct twofold_task *task;
	/* Before the stacks are walked: the scheduler has closed the thread's CPU time already. */
	__u64 now_ns = bpf_ktime_get_ns();

	if (prev->pid && (task = bpf_task_storage_get(&tasks, prev, 0, 0))) {
		/* A preempted thread can run, whatever state it was about to enter. */
		const bool blocks = !preempt && prev_state && !(prev_state & TASK_DEAD);

		if (task->blocked_since_ns)
			end_missed_block(prev, task, now_ns);
		if (task->since_ns && task->state != TWOFOLD_ON_CPU)
			close_unseen_run(task, prev->se.sum_exec_runtime, now_ns);
		change_state(task,
			     blocks ? TWOFOLD_BLOCKED + block_state(prev_state) : TWOFOLD_PREEMPTED,
			     TWOFOLD_ON_CPU, now_ns);
		task->cpu_ns = prev->se.sum_exec_runtime;
		if (blocks && record_offcpu)
			begin_block(ctx, prev, task, prev_state, now_ns);
		if (!preempt && (prev_state & TASK_DEAD)) {
			end_account(prev, task, now_ns);
			task->dead = 1;
		}
	}
	if (next->pid && (task = bpf_task_storage_get(&tasks, next, 0, 0))) {
		/* The block of a thread that was woken before its switch-out was seen ends here. */
		end_block(task, now_ns);
		change_state(task, TWOFOLD_ON_CPU, TWOFOLD_PREEMPTED, now_ns);
	}
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(context_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	return handle_switch(ctx, preempt, prev, next, prev_state);
}

/* Before 5.18 (commit fa2c3254d7cf) the tracepoint did not pass the state. */
SEC("tp_btf/sched_switch")
int BPF_PROG(context_switch_before_5_18, bool preempt, struct task_struct *prev,
	     struct task_struct *next)
{
	return handle_switch(ctx, preempt, prev, next, task_state(prev));
}

SEC("tp_btf/sched_waking")
int BPF_PROG(waking, struct task_struct *task)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);

	__u64 now_ns = bpf_ktime_get_ns();

	if (!state)
		return 0;
	/*
	 * A thread that is woken before its switch-out was seen is still on its CPU. The state
	 * comes before the block: begin_block looks at them in the other order, so that one of the
	 * two ends the block.
	 */
	if (!state->since_ns || (!(state->changes & 1) && state->state > TWOFOLD_BLOCKED))
		change_state(state, TWOFOLD_WOKEN, TWOFOLD_BLOCKED + block_state(task_state(task)),
			     now_ns);
	end_block(state, now_ns);
	return 0;
}

/*
 * Opens the block that a thread is in already. The thread may wake up meanwhile; the switch
 * counters tell. Where a handler opened a block of its own in between, that one stands.
 */
static __always_inline void open_old_block(struct task_struct *task, struct twofold_task *state)
{
	struct twofold_stack *scratch;
	__u64 switches;
	__u32 slot = 1;
	long bytes, task_state_now = task_state(task);

	if (!task_state_now || task->on_cpu || task->exit_state || state->blocked_since_ns)
		return;
	switches = task->nvcsw + task->nivcsw;
	scratch = bpf_map_lookup_elem(&blocked_scratch, &slot);
	if (!scratch)
		return;
	bytes = bpf_get_task_stack(task, scratch->frames, sizeof(scratch->frames), 0);
	state->kernel_stack = store_stack(&blocked_stacks, scratch, bytes, TWOFOLD_SOURCE_OFFCPU,
					  TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	state->user_stack = TWOFOLD_STACK_NONE;
	if (!(task->flags & PF_KTHREAD)) {
		state->user_stack = TWOFOLD_STACK_NOT_TAKEN;
		count_loss(TWOFOLD_SOURCE_OFFCPU, TWOFOLD_LOSS_USER_STACK_NOT_TAKEN, 1, 0);
	}
	state->block_state = block_state(task_state_now);
	if (__sync_val_compare_and_swap(&state->blocked_since_ns, 0, pass_boundary_ns))
		return;
	if (!task_state(task) || task->nvcsw + task->nivcsw != switches)
		__sync_val_compare_and_swap(&state->blocked_since_ns, pass_boundary_ns, 0);
}

/* The account of a thread as it was at the boundary. */
static __always_inline void write_account(struct bpf_iter__task *ctx, struct task_struct *task,
					  const struct twofold_task *state)
{
	struct twofold_account account = {};
	struct twofold_task copy;

	for (int i = 0; i < 3; i++) {
		__u64 changes = *(volatile const __u64 *)&state->changes;

		copy = *state;
		if (!(changes & 1) && *(volatile const __u64 *)&state->changes == changes)
			break;
	}
	if (!copy.since_ns) {
		/* No event came since the recording found it: it is still doing what it did then.
		 */
		long kernel_state = task_state(task);

		copy.state = task->on_cpu   ? TWOFOLD_ON_CPU
			     : kernel_state ? TWOFOLD_BLOCKED + block_state(kernel_state)
					    : TWOFOLD_PREEMPTED;
		copy.since_ns = window_start_ns;
	}
	if (copy.since_ns <= pass_boundary_ns) {
		__u64 elapsed_ns = pass_boundary_ns - copy.since_ns;
		__u64 ran_ns = 0;

		/* It runs, and was not seen to enter its CPU. */
		if (copy.state != TWOFOLD_ON_CPU && task->on_cpu)
			ran_ns = task->se.sum_exec_runtime - copy.cpu_ns;
		if (ran_ns > elapsed_ns)
			ran_ns = elapsed_ns;
		add_time(&copy, copy.state, elapsed_ns - ran_ns);
		add_time(&copy, TWOFOLD_ON_CPU, ran_ns);
	} else if (copy.previous_state < TWOFOLD_STATES) {
		/* It changed its state after the boundary: that much does not belong to this
		 * interval. */
		__u64 *time_ns = &copy.time_ns[copy.previous_state];
		__u64 later_ns = copy.since_ns - pass_boundary_ns;

		*time_ns = *time_ns > later_ns ? *time_ns - later_ns : 0;
	}
	account.thread = copy.thread;
	account.at_ns = pass_boundary_ns;
	account.user_ns = task->utime - copy.user_ns_before;
	account.system_ns = task->stime - copy.system_ns_before;
	__builtin_memcpy(account.time_ns, copy.time_ns, sizeof(account.time_ns));
	bpf_seq_write(ctx->meta->seq, &account, sizeof(account));
}

/* Splits the open block of a thread at the boundary: the part before it goes into the rows now. */
static __always_inline void split_block(struct task_struct *task, struct twofold_task *state)
{
	struct twofold_task block;

	/*
	 * A thread that runs although its block is open has woken up unseen. Its CPU time is exact
	 * only when it leaves the CPU, so the block waits for that; at the very end it cannot.
	 */
	if (state->blocked_since_ns && !task_state(task)) {
		if (pass == TWOFOLD_PASS_LAST)
			end_missed_block(task, state, pass_boundary_ns);
		return;
	}
	/*
	 * Copied first: once the exchange succeeds the thread may wake, run and block elsewhere.
	 * Success means that this was still the same block, so the copy is its description.
	 */
	block = *state;
	if (!block.blocked_since_ns || block.blocked_since_ns >= pass_boundary_ns)
		return;
	if (__sync_val_compare_and_swap(&state->blocked_since_ns, block.blocked_since_ns,
					pass_boundary_ns) == block.blocked_since_ns)
		credit_block(&block, pass_boundary_ns - block.blocked_since_ns, 0);
}

SEC("iter/task")
int visit_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct twofold_task *state;

	if (!task || !task->pid)
		return 0;
	if (pass == TWOFOLD_PASS_SEED) {
		__u32 tgid = task->tgid;

		if (!scope_all && !bpf_map_lookup_elem(&targets, &tgid))
			return 0;
		state = follow_thread(task, pass_boundary_ns);
		if (!state)
			return 0;
		__sync_fetch_and_add(&seeded_tasks, 1);
		if (record_offcpu)
			open_old_block(task, state);
		return 0;
	}
	state = bpf_task_storage_get(&tasks, task, 0, 0);
	if (!state || state->dead)
		return 0;
	if (record_offcpu)
		split_block(task, state);
	write_account(ctx, task, state);
	return 0;
}

#endif
