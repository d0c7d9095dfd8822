/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which threads are followed, and the table of them. A thread is in scope if and only if it has
 * task storage: it is given one by the first pass over all tasks, where it is born, or where it
 * comes into scope later, and loses it when it leaves the scope (scope.bpf.h says when). The hot
 * paths only look it up.
 */
#ifndef TWOFOLD_THREADS_THREADS_BPF_H
#define TWOFOLD_THREADS_THREADS_BPF_H

#include "bpf/kernel/task_state.bpf.h"
#include "bpf/threads/accounts.bpf.h"
#include "bpf/threads/scope.bpf.h"
#include "bpf/threads/task.bpf.h"

const volatile __u32 thread_slots = 1; /* of the thread table; a power of two */

__u32 threads_made;	/* number of the latest thread */
__u32 threads_consumed; /* written by the recorder: slots up to this number may be used again */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct twofold_thread);
} threads SEC(".maps");

/* Everything about a thread but its number; `name` NULL: as it is named now. */
static __always_inline void describe_thread(struct twofold_thread *slot, struct task_struct *task,
					    const char *name)
{
	slot->start_boottime_ns = task->start_boottime;
	slot->process_start_boottime_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	slot->tid = task->pid;
	slot->tgid = task->tgid;
	slot->parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	slot->cgroup_id = cgroup_of(task);
	if (name)
		bpf_probe_read_kernel_str(slot->comm, sizeof(slot->comm), name);
	else
		BPF_CORE_READ_STR_INTO(&slot->comm, task, comm);
}

static __always_inline bool thread_table_is_full(void)
{
	return threads_made - threads_consumed >= thread_slots - 1;
}

/*
 * Writes the thread, as it is named now and in the cgroup that it is in now, into the thread table;
 * 0 when the table is full. Its account begins at `created_ns`.
 */
static __always_inline __u32 register_thread(struct task_struct *task, struct twofold_task *state,
					     const char *name, __u64 created_ns)
{
	struct twofold_thread *slot;
	__u32 thread, index;

	if (thread_table_is_full()) {
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_THREAD_TABLE_FULL, 1, 0);
		return 0;
	}
	thread = __sync_fetch_and_add(&threads_made, 1) + 1;
	index = thread & (thread_slots - 1);
	slot = bpf_map_lookup_elem(&threads, &index);
	if (!slot)
		return 0;
	slot->created_ns = created_ns;
	/* Where it moves meanwhile, the next look at it finds another css_set. */
	state->css_set = (__u64)task->cgroups;
	describe_thread(slot, task, name);
	state->cgroup_id = slot->cgroup_id;
	__sync_lock_test_and_set(&slot->thread, thread);
	return thread;
}

/* The storage of a thread that is to be in scope; NULL when it could not be made. */
static __always_inline struct twofold_task *make_storage(struct task_struct *task)
{
	struct twofold_task *state =
		bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!state)
		count_loss(TWOFOLD_SOURCE_RECORDER, TWOFOLD_LOSS_TASK_STORAGE_FAILED, 1, 0);
	return state;
}

/* Takes a thread into scope. */
static __always_inline struct twofold_task *follow_thread(struct task_struct *task,
							  __u64 created_ns)
{
	struct twofold_task *state = make_storage(task);

	if (state && !state->thread) {
		state->thread = register_thread(task, state, NULL, created_ns);
		state->user_ns_before = task->utime;
		state->system_ns_before = task->stime;
		state->cpu_ns = task->se.sum_exec_runtime;
	}
	return state;
}

/* What a thread that the recording found did before its first event. */
static __always_inline void settle_state(struct twofold_task *state, __u32 first_state)
{
	state->state = first_state;
	state->since_ns = window_start_ns;
}

/* No event came since the recording found the thread: it is still doing what it did then. */
static __always_inline void settle_first_state(struct task_struct *task, struct twofold_task *state)
{
	if (!state->since_ns)
		settle_state(state, present_state(task));
}

/* The thread goes on under another row of the thread table; while the table is full it keeps the
 * one it has. */
static __always_inline void renew_thread(struct task_struct *task, struct twofold_task *state,
					 const char *name, __u64 now_ns)
{
	__u32 thread = register_thread(task, state, name, now_ns);

	if (!thread)
		return;
	settle_first_state(task, state);
	end_account(task, state, now_ns);
	state->thread = thread;
}

/*
 * Whether the thread is in another cgroup than its row says. Its css_set changes as well where it
 * moves in a hierarchy of version 1 or gets other controllers: its cgroup is the same then.
 */
static __always_inline bool has_moved(struct task_struct *task, struct twofold_task *state)
{
	__u64 css_set = (__u64)task->cgroups;

	if (css_set == state->css_set || !state->thread)
		return false;
	if (cgroup_of(task) != state->cgroup_id)
		return true;
	state->css_set = css_set;
	return false;
}

/* From now on the thread's time is that of the cgroup that it is in. A function of its own: it is
 * called where threads leave and enter CPUs, and nearly never does anything. */
static __noinline int follow_move(struct task_struct *task, struct twofold_task *state,
				  __u64 now_ns)
{
	/* While the table is full it is not asked again at every switch. */
	state->css_set = (__u64)task->cgroups;
	renew_thread(task, state, NULL, now_ns);
	return 0;
}

#endif
