/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Threads that come into scope, or leave it, while they live. */
#ifndef TWOFOLD_PROGRAMS_MEMBERSHIP_BPF_H
#define TWOFOLD_PROGRAMS_MEMBERSHIP_BPF_H

#include "bpf/offcpu/blocks.bpf.h"
#include "bpf/threads/threads.bpf.h"

/* Where the storage of a thread is prepared that comes into scope while it may run elsewhere: it
 * must be whole when others first see it. Slot 0: tracepoints, which nothing preempts. Slot 1: the
 * pass over all tasks. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct twofold_task);
} fresh_tasks SEC(".maps");

/* Takes a thread into scope that is not new. `name` is one that it is about to get; NULL: it keeps
 * its own. */
static __always_inline struct twofold_task *join_scope(struct task_struct *task, const char *name,
						       __u32 slot, __u64 now_ns)
{
	struct twofold_task *fresh = bpf_map_lookup_elem(&fresh_tasks, &slot);
	struct candidate *candidate;
	struct twofold_task *state;

	if (!fresh)
		return NULL;
	__builtin_memset(fresh, 0, sizeof(*fresh));
	fresh->thread = register_thread(task, fresh, name, now_ns);
	start_account(task, fresh, present_state(task), now_ns);
	if (comm_filter && (candidate = bpf_task_storage_get(&candidates, task, 0, 0)))
		fresh->renames = candidate->renames;
	state = bpf_task_storage_get(&tasks, task, fresh, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!state) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
		return NULL;
	}
	open_old_block(task, state, now_ns);
	return state;
}

static __always_inline void leave_scope(struct task_struct *task, struct twofold_task *state,
					__u64 now_ns)
{
	struct candidate *candidate;

	if (comm_filter && (candidate = bpf_task_storage_get(&candidates, task, 0,
							     BPF_LOCAL_STORAGE_GET_F_CREATE)))
		candidate->renames = state->renames;
	settle_first_state(task, state);
	close_open_block(task, state, now_ns);
	end_account(task, state, now_ns);
	/* Where the storage is locked the thread stays, under a row of its own. */
	if (bpf_task_storage_delete(&tasks, task))
		state->thread = register_thread(task, state, NULL, now_ns);
}

/* A thread may have come into the cgroup of the scope, or left it. Its storage, where it is in
 * scope now. */
static __always_inline struct twofold_task *
recheck_cgroup(struct task_struct *task, struct twofold_task *state, __u32 slot, __u64 join_ns)
{
	bool wanted;

	if (scope != TWOFOLD_SCOPE_CGROUP || task->exit_state)
		return state;
	wanted = in_cgroup(task) && name_matches(task, NULL);
	if (state && !wanted) {
		leave_scope(task, state, bpf_ktime_get_ns());
		return NULL;
	}
	if (!state && wanted)
		return join_scope(task, NULL, slot, join_ns);
	return state;
}

/* What the pass over all tasks sees to: moves between cgroups that no event told of, and threads of
 * the host that could not be given storage where they began. */
static __always_inline struct twofold_task *
recheck_scope(struct task_struct *task, struct twofold_task *state, __u32 slot, __u64 join_ns)
{
	if (!state && scope_all && !task->exit_state && !(task_state(task) & TASK_NEW))
		return join_scope(task, NULL, slot, join_ns);
	return recheck_cgroup(task, state, slot, join_ns);
}

#endif
