/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Time off the CPU by stack: blocked, or waiting for a CPU.
 *
 * A block begins at sched_switch, when a thread leaves the CPU unable to run, and ends at
 * sched_waking; the wait for a CPU that follows ends where the thread is switched in. Walking
 * stacks is what costs, so it is decided when the length is known: what lasted at least the quantum
 * is kept for certain, shorter parts by chance, in proportion to their length (format/capture.h
 * tells why the sums are right). The waker's stacks are walked at sched_waking, the sleeper's where
 * it is switched in: there it stands still, and its stacks are those of the call that it slept in.
 *
 * What goes on at an interval's end is split there: one part for the interval before, and one for
 * the next. Whoever comes first after the boundary does it: what ends the block or the wait, or the
 * pass over all tasks, which walks the stacks of threads that are still asleep, once for each
 * block.
 *
 * Some wake-ups are never traced: neither sched_waking nor the switch-in reaches any tracer
 * (measured on one virtual machine, whose kernel keeps some threads from tracing: about one block
 * in ten thousand; perf misses the same ones). Such a block is still open when its thread is seen
 * running or leaving the CPU again. The thread's CPU time, which the scheduler keeps itself, then
 * tells how long it was off the CPU; its stacks are not known any more. The number of times that it
 * left a CPU tells where a thread ran without being seen.
 */
#ifndef TWOFOLD_OFFCPU_OFFCPU_BPF_H
#define TWOFOLD_OFFCPU_OFFCPU_BPF_H

#include "bpf/offcpu/exemplars.bpf.h"
#include "bpf/store/stacks.bpf.h"
#include "bpf/threads/threads.bpf.h"
#include "bpf/offcpu/wakers.bpf.h"

const volatile bool record_offcpu;
const volatile bool user_stack_at_switch_out; /* else it is walked when the block was chosen */
const volatile __u64 min_block_ns;
const volatile __u64 max_block_ns; /* 0: no limit */

/* Written by the recorder: parts that last at least so long are kept for certain; 0: all are. */
__u64 quantum_ns;

/* Written by the recorder before a pass over all tasks. */
__u32 pass;
__u64 pass_boundary_ns;
__u64 seeded_tasks; /* threads that the first pass took into scope */

TWOFOLD_MAP_SET(offcpu_stacks, __u64, struct twofold_stack);
TWOFOLD_MAP_SET(offcpu_rows, struct twofold_offcpu_key, struct twofold_offcpu_sums);

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

struct sleeper_stacks {
	__u64 kernel;
	__u64 user;
};

/* A part of time off the CPU, of which something was chosen. */
struct part {
	__u64 end_ns;
	__u64 length_ns;  /* from the latest boundary on, if it began before that; 0: not chosen */
	__u64 quantum_ns; /* that it was chosen by; 0: certain */
	__u64 before_ns;  /* the same for what lies before the boundary */
	__u64 before_quantum_ns;
	__u64 walk_ns; /* by which the walk of its waker prolonged the block */
	__u64 chain;
	__u32 state;
	/* TWOFOLD_PART_..., of blocks: */
	__u16 flags;
	__u16 before_flags;
};

/*
 * BlockState of format/capture.h. What a freezer of cgroups holds is stopped, though it is no state
 * of its own in all kernels: version 2 lets threads sleep in get_signal, where nothing else sleeps
 * as long as the freezer wants them (kernel/signal.c: do_freezer_trap); version 1 made them
 * uninterruptible before 6.1. A global function: it is verified once.
 */
__noinline int block_state(__u32 state, __u64 jobctl, __u32 flags)
{
	if (state & TASK_INTERRUPTIBLE)
		return jobctl & JOBCTL_TRAP_FREEZE ? 3 : 1;
	if (state & TASK_UNINTERRUPTIBLE) {
		if ((flags & (PF_FROZEN | PF_KTHREAD)) == PF_FROZEN)
			return 3;
		return state & TASK_NOLOAD ? 6 : 2;
	}
	if (state & (TASK_STOPPED | TASK_FROZEN))
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

static __always_inline __u32 block_state_of(struct task_struct *task, long kernel_state)
{
	return block_state(kernel_state, task->jobctl, task->flags);
}

static __always_inline __u32 present_state(struct task_struct *task)
{
	long state = task_state(task);

	if (task->on_cpu)
		return TWOFOLD_ON_CPU;
	return state ? TWOFOLD_BLOCKED + block_state_of(task, state) : TWOFOLD_PREEMPTED;
}

static __always_inline __u64 switches_of(struct task_struct *task)
{
	return task->nvcsw + task->nivcsw;
}

/*
 * Whether a part is kept, and by which quantum: 0 when it is certain, because it is long or its
 * stacks are known already.
 */
static __always_inline bool choose(__u64 length_ns, bool known, __u64 *chosen_by_ns)
{
	__u64 quantum = *(volatile __u64 *)&quantum_ns;

	*chosen_by_ns = 0;
	if (length_ns >= quantum || known)
		return true;
	*chosen_by_ns = quantum;
	return ((__u64)bpf_get_prandom_u32() * quantum) >> 32 < length_ns;
}

/* Fills in the times of a part of time off the CPU: an interval may have ended in the middle of it.
 */
static __always_inline void divide_at_boundary(struct part *part, __u64 since_ns, __u64 end_ns)
{
	__u64 boundary = *(volatile __u64 *)&boundary_ns;

	part->end_ns = end_ns;
	part->before_ns = 0;
	if (since_ns < boundary && boundary < end_ns) {
		part->before_ns = boundary - since_ns;
		part->flags |= TWOFOLD_PART_BEGUN_BEFORE;
		since_ns = boundary;
	}
	/* It happened, so it took some time. */
	part->length_ns = end_ns > since_ns ? end_ns - since_ns : 1;
}

/*
 * Chooses from a time off the CPU that ended. What lies before the latest boundary and what comes
 * after it are chosen each by its own length, for two intervals. `known`: its stacks are. A global
 * function: it is verified once. 0: nothing of it is kept.
 */
__noinline int choose_part(__u64 since_ns, __u64 end_ns, bool known, struct part *part)
{
	if (!part)
		return 0;
	part->before_quantum_ns = 0;
	part->flags = 0;
	divide_at_boundary(part, since_ns, end_ns);
	if (part->before_ns && !choose(part->before_ns, known, &part->before_quantum_ns))
		part->before_ns = 0;
	if (!choose(part->length_ns, known, &part->quantum_ns))
		part->length_ns = 0;
	return part->length_ns || part->before_ns;
}

static __always_inline bool is_recorded_length(__u64 length_ns)
{
	return length_ns >= min_block_ns && (!max_block_ns || length_ns <= max_block_ns);
}

/* A part stands for no more of them in the variance of a count, so that sums stay below 2^63. */
#define MOST_PARTS (1ull << 24)

/*
 * Adds time that was chosen by a quantum to a row's sum of an interval, and time that is certain.
 * `ended`: how many blocks or waits ended with it, 0 or 1.
 */
static __always_inline void add_to_row(const struct twofold_offcpu_key *key, __u32 sum,
				       __u64 length_ns, __u64 quantum, __u64 certain_ns,
				       __u64 ended)
{
	void *rows = map_in_use(&offcpu_rows_sets, TWOFOLD_SET_OFFCPU_ROWS);
	__u64 time_ns = certain_ns + (quantum ? quantum : length_ns);
	struct twofold_offcpu_value *value;
	struct twofold_offcpu_sums *sums;

	if (!rows)
		return;
	/* It stands for quantum / length parts; chance decides on the fraction. */
	if (ended && quantum && length_ns)
		ended = (quantum + bpf_get_prandom_u32() % (__u32)length_ns) / length_ns;
	sums = bpf_map_lookup_elem(rows, key);
	if (!sums) {
		struct twofold_offcpu_sums zero = {};
		__u32 cause = insert_once(rows, TWOFOLD_SET_OFFCPU_ROWS, key, &zero);

		if (!cause)
			sums = bpf_map_lookup_elem(rows, key);
		if (!sums) {
			count_loss(TWOFOLD_SOURCE_OFFCPU, cause ? cause : TWOFOLD_LOSS_MAP_BUSY,
				   ended, time_ns);
			return;
		}
	}
	value = &sums->of[sum & 1];
	__sync_fetch_and_add(&value->time_ns, time_ns);
	__sync_fetch_and_add(&value->count, ended);
	__sync_fetch_and_add(&value->samples, 1);
	if (quantum) {
		__sync_fetch_and_add(&value->sampled_ns, quantum);
		__sync_fetch_and_add(&value->variance_us2,
				     quantum / 1000 * ((quantum - length_ns) / 1000));
		if (ended > MOST_PARTS)
			ended = MOST_PARTS;
		if (ended > 1)
			__sync_fetch_and_add(&value->count_variance, ended * (ended - 1));
	}
}

/*
 * Adds what was chosen of a part to the rows of the interval that it ended in, and of the one
 * before. A global function: the verifier looks at it once, not wherever it is called.
 */
__noinline int credit_part(__u32 thread, const struct sleeper_stacks *stacks,
			   const struct part *part, __u64 ended)
{
	struct twofold_offcpu_key key = {};
	__u32 sum;

	if (!stacks || !part)
		return 0;
	key.kernel_stack = stacks->kernel;
	key.user_stack = stacks->user;
	key.thread = thread;
	key.state = part->state;
	sum = sum_of_interval(part->end_ns);
	if (part->before_ns) {
		if (part->state <= TWOFOLD_LAST_BLOCK_STATE)
			key.parts = part->before_flags | TWOFOLD_PART_OPEN_AT_END;
		add_to_row(&key, 1 - sum, part->before_ns, part->before_quantum_ns, 0, 0);
	}
	if (part->length_ns) {
		key.parts = part->state <= TWOFOLD_LAST_BLOCK_STATE ? part->flags : 0;
		key.chain = part->chain;
		add_to_row(&key, sum, part->length_ns, part->quantum_ns, part->walk_ns, ended);
	}
	return 0;
}

static __always_inline int walk_stacks(struct task_struct *task, const struct twofold_task *state,
				       __u32 slot, struct sleeper_stacks *stacks, bool by_loads)
{
	void *map = map_in_use(&offcpu_stacks_sets, TWOFOLD_SET_OFFCPU_STACKS);
	struct twofold_stack *scratch;
	long bytes;

	stacks->kernel = TWOFOLD_STACK_UNREADABLE;
	stacks->user = TWOFOLD_STACK_NONE;
	scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
	if (!scratch)
		return 0;
	bytes = bpf_get_task_stack(task, scratch->frames, sizeof(scratch->frames), 0);
	stacks->kernel = store_stack(map, scratch, bytes, true, TWOFOLD_SOURCE_OFFCPU,
				     TWOFOLD_LOSS_KERNEL_STACK_FAILED);
	if (task->flags & PF_KTHREAD)
		return 0;
	if (user_stack_at_switch_out) {
		stacks->user = state->user_stack;
		return 0;
	}
	if (!task->mm)
		return 0;
	bytes = by_loads ? walk_user_stack_by_loads(task, scratch) : walk_user_stack(task, scratch);
	stacks->user = store_stack(map, scratch, bytes, false, TWOFOLD_SOURCE_OFFCPU,
				   TWOFOLD_LOSS_USER_STACK_FAILED);
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

/* In `continued`: the block began before the boundary at which its last part was split. */
#define BEGUN_BEFORE_ITS_END 2

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
		state->continued |= BEGUN_BEFORE_ITS_END;
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
	part->before_flags = state->continued & 1 ? TWOFOLD_PART_BEGUN_BEFORE : 0;
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

static __always_inline void keep_exemplar(const struct twofold_task *state,
					  const struct sleeper_stacks *stacks, __u64 start_ns,
					  __u64 end_ns, __u64 chain, __u32 offcpu_state, bool open)
{
	__u32 kind = offcpu_state > TWOFOLD_LAST_BLOCK_STATE ? TWOFOLD_EXEMPLAR_WAITING
		     : offcpu_state == 2		     ? TWOFOLD_EXEMPLAR_UNINTERRUPTIBLE
							     : TWOFOLD_EXEMPLAR_INTERRUPTIBLE;
	struct twofold_exemplars *page;

	/* Parked and idle kernel threads wait for work, for as long as there is none. */
	if (offcpu_state == 5 || offcpu_state == 6)
		return;
	if (end_ns > start_ns && is_long(kind, start_ns, end_ns, &page)) {
		struct twofold_exemplar exemplar = {
			.start_ns = start_ns,
			.end_ns = end_ns,
			.kernel_stack = stacks->kernel,
			.user_stack = stacks->user,
			.chain = chain,
			.thread = state->thread,
			.state = offcpu_state,
			.open = open,
		};

		replace_shortest(page, &exemplar);
	}
}

/* The number of the histogram's bucket for a wait. */
static __always_inline __u32 wait_bucket(__u64 wait_ns)
{
	__u32 us, bucket = 0;

	if (wait_ns >= 1ULL << 34)
		return TWOFOLD_WAIT_BUCKETS - 1;
	/* Division by 1000 = 8 x 125: a multiplication, exact in this range. */
	us = ((wait_ns >> 3) * 0x10624dd3ULL) >> 35;
	if (!us)
		return 0;
	if (us >= 1 << 16) {
		us >>= 16;
		bucket += 16;
	}
	if (us >= 1 << 8) {
		us >>= 8;
		bucket += 8;
	}
	if (us >= 1 << 4) {
		us >>= 4;
		bucket += 4;
	}
	if (us >= 1 << 2) {
		us >>= 2;
		bucket += 2;
	}
	bucket += us >> 1;
	return bucket + 1 < TWOFOLD_WAIT_BUCKETS ? bucket + 1 : TWOFOLD_WAIT_BUCKETS - 1;
}

static __always_inline void count_wait(struct twofold_task *state, __u64 wait_ns)
{
	__u32 bucket = wait_bucket(wait_ns);

	if (bucket < TWOFOLD_WAIT_BUCKETS)
		state->waits[bucket]++;
}

/* What is left over of a time off the CPU whose end was not seen: its stacks are gone. */
static __always_inline void credit_unseen(struct task_struct *task, struct twofold_task *state,
					  __u64 now_ns)
{
	struct sleeper_stacks stacks = {
		.kernel = TWOFOLD_STACK_RAN_UNSEEN,
		.user = task->flags & PF_KTHREAD ? TWOFOLD_STACK_NONE : TWOFOLD_STACK_RAN_UNSEEN,
	};
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
		part.state = state->state == TWOFOLD_PREEMPTED ? TWOFOLD_WAITING_PREEMPTED
							       : TWOFOLD_WAITING_WOKEN;
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

static __always_inline void begin_block(void *ctx, struct task_struct *prev,
					struct twofold_task *state, __u32 blocked, __u64 now_ns)
{
	if (user_stack_at_switch_out) {
		void *map = map_in_use(&offcpu_stacks_sets, TWOFOLD_SET_OFFCPU_STACKS);
		struct twofold_stack *scratch;
		__u32 slot = SCRATCH_SWITCH;

		state->user_stack = TWOFOLD_STACK_NONE;
		scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
		if (scratch && !(prev->flags & PF_KTHREAD) && prev->mm) {
			long bytes = bpf_get_stack(ctx, scratch->frames, sizeof(scratch->frames),
						   BPF_F_USER_STACK);

			state->user_stack =
				store_stack(map, scratch, bytes, false, TWOFOLD_SOURCE_OFFCPU,
					    TWOFOLD_LOSS_USER_STACK_FAILED);
		}
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

/* What a thread that gets a CPU did until now, as far as it was chosen; its block has been ended.
 */
static __always_inline void credit_time_off(struct task_struct *next, struct twofold_task *state,
					    __u64 wait_began_ns, __u64 now_ns, bool by_loads)
{
	bool preempted = state->state == TWOFOLD_PREEMPTED, wait_chosen = false;
	__u64 waiting_since_ns = 0;
	struct sleeper_stacks stacks;
	struct part part = {}; /* one for both: the stack of BPF programs is small */

	if (state->waiting_since_ns)
		waiting_since_ns = __sync_lock_test_and_set(&state->waiting_since_ns, 0);
	if (waiting_since_ns) {
		count_wait(state, now_ns - wait_began_ns);
		part.state = preempted ? TWOFOLD_WAITING_PREEMPTED : TWOFOLD_WAITING_WOKEN;
		wait_chosen = record_offcpu && choose_part(waiting_since_ns, now_ns,
							   holds_stacks(next, state), &part);
	}
	if (!state->pending_end_ns && !wait_chosen)
		return;
	if (holds_stacks(next, state)) {
		stacks.kernel = state->held_kernel_stack;
		stacks.user = state->held_user_stack;
	} else if (state->switches == switches_of(next)) {
		if (by_loads)
			walk_sleeper_by_loads(next, state, SCRATCH_SWITCH, &stacks);
		else
			walk_sleeper(next, state, SCRATCH_SWITCH, &stacks);
	} else {
		stacks.kernel = TWOFOLD_STACK_RAN_UNSEEN;
		stacks.user =
			next->flags & PF_KTHREAD ? TWOFOLD_STACK_NONE : TWOFOLD_STACK_RAN_UNSEEN;
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
		scratch = bpf_map_lookup_elem(&offcpu_scratch, &slot);
		chain = scratch ? note_waker(ctx, state, chosen,
					     map_in_use(&offcpu_stacks_sets,
							TWOFOLD_SET_OFFCPU_STACKS),
					     scratch)
				: 0;
		if (chosen) {
			__u64 walked_ns = bpf_ktime_get_ns();

			/*
			 * Until the kernel goes on, the thread cannot run: the walk prolonged the
			 * block, by the same time whether it was kept for certain or by chance. So
			 * the account and what is to be expected of the rows grow alike.
			 */
			state->pending_walk_ns = walked_ns - now_ns;
			state->chain = chain;
			now_ns = walked_ns;
		}
	}
	wake(task, state, now_ns);
	return 0;
}

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

/* The stacks of a thread that the pass finds off the CPU; they are held for its next visits. */
static __always_inline void stacks_at_pass(struct task_struct *task, struct twofold_task *state,
					   struct sleeper_stacks *stacks)
{
	__u64 switches = switches_of(task);

	if (state->held_switches == switches + 1) {
		stacks->kernel = state->held_kernel_stack;
		stacks->user = state->held_user_stack;
		return;
	}
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

/* Splits what is open at the boundary: the part before it goes into the rows now. */
static __always_inline void split_offcpu(struct task_struct *task, struct twofold_task *state)
{
	__u64 blocked_since_ns = *(volatile __u64 *)&state->blocked_since_ns;
	__u64 waiting_since_ns = *(volatile __u64 *)&state->waiting_since_ns;
	__u64 *since = blocked_since_ns ? &state->blocked_since_ns : &state->waiting_since_ns;
	__u64 since_ns = blocked_since_ns ? blocked_since_ns : waiting_since_ns;
	__u64 began_ns = state->block_began_ns;
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
	if (!since_ns || since_ns >= pass_boundary_ns || task->on_cpu)
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
		part.state = state->state == TWOFOLD_PREEMPTED ? TWOFOLD_WAITING_PREEMPTED
							       : TWOFOLD_WAITING_WOKEN;
	}
	if (!choose(part.length_ns, state->held_switches == state->switches + 1,
		    &part.quantum_ns)) {
		/* Not kept, and not to be asked again. */
		if (__sync_val_compare_and_swap(since, since_ns, pass_boundary_ns) == since_ns &&
		    blocked_since_ns)
			state->continued = 1;
		return;
	}
	stacks_at_pass(task, state, &stacks);
	/* Success means that it is still the same block, so what was walked is its stacks. */
	if (__sync_val_compare_and_swap(since, since_ns, pass_boundary_ns) != since_ns)
		return;
	hold_stacks(task, state, &stacks);
	if (blocked_since_ns)
		state->continued = 1;
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
	state->continued = 1;
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
	struct sleeper_stacks stacks = {
		.kernel = TWOFOLD_STACK_NOT_SAMPLED,
		.user = task->flags & PF_KTHREAD ? TWOFOLD_STACK_NONE : TWOFOLD_STACK_NOT_SAMPLED,
	};
	__u64 since_ns = __sync_lock_test_and_set(&state->blocked_since_ns, 0);
	struct part part = {};

	state->pending_end_ns = 0;
	state->waiting_since_ns = 0;
	if (!since_ns || now_ns <= since_ns || !record_offcpu)
		return;
	if (holds_stacks(task, state)) {
		stacks.kernel = state->held_kernel_stack;
		stacks.user = state->held_user_stack;
	}
	part.state = state->block_state;
	part.before_flags = state->continued ? TWOFOLD_PART_BEGUN_BEFORE : 0;
	part.flags = part.before_flags | TWOFOLD_PART_OPEN_AT_END;
	divide_at_boundary(&part, since_ns, now_ns);
	credit_part(state->thread, &stacks, &part, 0);
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
		stacks.kernel = state->held_kernel_stack;
		stacks.user = state->held_user_stack;
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
		part.state = state->state == TWOFOLD_PREEMPTED ? TWOFOLD_WAITING_PREEMPTED
							       : TWOFOLD_WAITING_WOKEN;
	}
	divide_at_boundary(&part, since_ns, now_ns);
	/* Success means that it is still the same block, so what was walked is its stacks. */
	if (__sync_val_compare_and_swap(since, since_ns, now_ns) != since_ns)
		return 0;
	if (blocked_since_ns)
		state->continued = 1;
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
