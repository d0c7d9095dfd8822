/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Threads that are moved from one cgroup to another: each goes on under a row of the thread table
 * that tells of the new one. The moment of the move is told by a tracepoint, but of a process that
 * is moved as a whole for its main thread alone: the others are found where they next leave or
 * enter a CPU, or by the pass at the interval's end (offcpu.bpf.h).
 */
#ifndef TWOFOLD_CGROUPS_BPF_H
#define TWOFOLD_CGROUPS_BPF_H

#include "offcpu.bpf.h"

/*
 * What the thread is waiting in was begun in the old cgroup: the part until now goes into the old
 * row. Moves are rare, so it is kept for certain.
 */
static __always_inline void split_at_move(struct task_struct *task, struct twofold_task *state,
					  __u64 now_ns)
{
	__u64 blocked_since_ns = *(volatile __u64 *)&state->blocked_since_ns;
	__u64 waiting_since_ns = *(volatile __u64 *)&state->waiting_since_ns;
	__u64 *since = blocked_since_ns ? &state->blocked_since_ns : &state->waiting_since_ns;
	__u64 since_ns = blocked_since_ns ? blocked_since_ns : waiting_since_ns;
	struct sleeper_stacks stacks;
	struct part part = {};

	if (task->on_cpu || (!since_ns && !state->pending_end_ns))
		return;
	if (holds_stacks(task, state)) {
		stacks.kernel = state->held_kernel_stack;
		stacks.user = state->held_user_stack;
	} else {
		walk_sleeper(task, state, SCRATCH_MOVE, &stacks);
	}
	/* A block that ended, and whose thread did not get a CPU yet. */
	if (take_pending(state, &part)) {
		credit_part(state->thread, &stacks, &part, 1);
		keep_exemplar(state, &stacks, state->block_began_ns, part.end_ns, part.chain,
			      part.state, false);
	}
	if (!since_ns || since_ns >= now_ns)
		return;
	__builtin_memset(&part, 0, sizeof(part));
	if (blocked_since_ns) {
		/* Whether it will be recorded shows when it ends; awake, it woke up unseen. */
		if (min_block_ns || max_block_ns || !task_state(task) ||
		    switches_of(task) != state->switches)
			return;
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
		return;
	if (blocked_since_ns)
		state->continued = 1;
	credit_part(state->thread, &stacks, &part, 0);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_attach, struct cgroup *to, const char *path, struct task_struct *task,
	     bool threadgroup)
{
	struct twofold_task *state = bpf_task_storage_get(&tasks, task, 0, 0);
	__u64 now_ns = bpf_ktime_get_ns();

	if (is_over)
		return 0;
	state = recheck_cgroup(task, state, 0, now_ns);
	/* In the middle of a change it is at a switch, which sees to it. */
	if (!state || state->dead || state->changes & 1 || !has_moved(task, state))
		return 0;
	if (record_offcpu)
		split_at_move(task, state, now_ns);
	follow_move(task, state, now_ns);
	return 0;
}

#endif
